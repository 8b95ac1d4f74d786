"""The client of a request: only the fleet's own proxies may name another one."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from gateway.fleet.rules import Rules
from gateway.http.connections import BrowserServer
from gateway.http.peers import client_address
from gateway.http.refusal import RefusedRequest
from gateway.http.servers import Server, ServerId
from gateway.people.accel import ASKS, FITS, hand_over, may_hand_over
from wire.refusals import Cause

RULES = Rules(proxies=(ip_network("10.0.0.7"),))


@pytest.mark.parametrize(
    ("peer", "named", "client"),
    [
        ("10.0.0.7", ["192.168.1.5"], "192.168.1.5"),
        ("::ffff:10.0.0.7", ["fd00::0001"], "fd00::1"),
        ("10.0.0.8", ["192.168.1.5"], "10.0.0.8"),
        ("192.168.1.5", ["10.0.0.7"], "192.168.1.5"),
        ("10.0.0.7", [], "10.0.0.7"),
        ("10.0.0.7", ["192.168.1.5", "192.168.1.6"], "10.0.0.7"),
        ("10.0.0.7", ["192.168.1.5, 192.168.1.6"], "10.0.0.7"),
        ("10.0.0.7", ["unknown"], "10.0.0.7"),
        ("", ["192.168.1.5"], ""),
    ],
)
def test_only_our_proxy_names_another_client(peer: str, named: list[str], client: str) -> None:
    assert client_address(peer, named, RULES.is_proxy) == client


async def test_proxy_may_use_all_connections() -> None:
    async def nothing(_request: object) -> None: ...

    browsers = BrowserServer(nothing, most=3, most_from_one=1, is_proxy=RULES.is_proxy)

    def enter(peer: str) -> bool:
        connection = browsers()  # it has received nothing yet, so it is not idle
        is_in = browsers.enter(connection, peer)
        if not is_in:
            browsers.leave(connection, peer)
        return is_in

    assert [enter("10.0.0.8"), enter("10.0.0.8")] == [True, False]
    assert [enter("10.0.0.7"), enter("10.0.0.7"), enter("10.0.0.7")] == [True, True, False]
    assert browsers.count == 3


def test_nginx_sends_bytes_only_if_it_can_compare_the_file() -> None:
    server = Server(ServerId("a"), "a", "http://10.0.0.1:8188")
    headers = {ASKS: f"a@{server.tag}"}
    assert may_hand_over(headers, "10.0.0.7", server, RULES)
    assert not may_hand_over(headers, "10.0.0.8", server, RULES), "anybody can say so"
    assert not may_hand_over({ASKS: "a@00000000"}, "10.0.0.7", server, RULES), "it knows another address"
    handed = hand_over(server, "filename=x", '"x-1"', lambda etag: etag == '"x-1"')
    assert handed is not None
    assert (
        handed.headers["X-Accel-Redirect"] == f"/@server/a@{server.tag}?filename=x" and handed.headers[FITS] == '"x-1"'
    )
    assert (
        hand_over(server, "", 'W/"x-1"', lambda _: True) is None and hand_over(server, "", "", lambda _: True) is None
    )
    with pytest.raises(RefusedRequest) as refused:
        hand_over(server, "", '"x-2"', lambda etag: etag == '"x-1"')
    assert refused.value.refusal.cause is Cause.PICTURE_CHANGED
