"""Forbidden addresses, and names that resolve to them, now or later."""

from __future__ import annotations

import aiohttp
import pytest

from gateway.http.addresses import ForbiddenAddressError, GuardedResolver, is_forbidden
from gateway.http.deadlines import Deadlines
from gateway.http.servers import Server, ServerId
from gateway.http.upstream import Upstream
from tests.kit.gateways import serve
from tests.kit.name_server import KnownNames

FORBIDDEN = [
    "169.254.169.254",  # Amazon, Azure, Google, DigitalOcean and others
    "169.254.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::1",
    "fe80::1%eth0",
    "[fe80::1]",
    "0.0.0.0",
    "::",
    "224.0.0.1",
    "ff02::1",
    "255.255.255.255",
    "240.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "2001:0:5ef5:79fd:0:0:5601:5601",  # of Teredo: 169.254.169.254
]
ALLOWED = [
    "127.0.0.1",
    "::1",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.20",
    "100.64.0.1",  # Tailscale's
    "fd7a:115c:a1e0::1",
    "203.0.113.7",
    "2001:db8::1",
    "gpu-1",
    "169.254.169.254.example",
    "",
]


@pytest.mark.parametrize("host", FORBIDDEN)
def test_own_networks_and_metadata_are_forbidden(host: str) -> None:
    assert is_forbidden(host)


@pytest.mark.parametrize("host", ALLOWED)
def test_addresses_of_machines_and_names_are_allowed(host: str) -> None:
    assert not is_forbidden(host)


async def test_forbidden_addresses_of_a_name_are_left_out() -> None:
    found = await GuardedResolver(KnownNames([["169.254.169.254", "10.0.0.1"]])).resolve("gpu-1", 8188)
    assert [one["host"] for one in found] == ["10.0.0.1"]


async def test_name_with_forbidden_addresses_alone_is_refused() -> None:
    with pytest.raises(ForbiddenAddressError):
        await GuardedResolver(KnownNames([["169.254.169.254", "fe80::1"]])).resolve("gpu-1", 8188)


async def test_name_that_leads_elsewhere_later_is_refused_at_the_next_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = KnownNames([["127.0.0.1"], ["169.254.169.254"]])
    monkeypatch.setattr(aiohttp, "DefaultResolver", lambda: names)
    async with serve() as real:
        server = Server(ServerId("gpu"), "gpu", real.url.replace("127.0.0.1", "gpu.example"))
        async with Upstream(server, Deadlines()) as upstream:
            async with upstream.session(is_fresh=True).get(upstream.url("/system_stats")) as reply:
                assert reply.status == 200
            upstream.session(is_fresh=True).connector.clear_dns_cache()  # type: ignore[union-attr]
            with pytest.raises(aiohttp.ClientConnectorDNSError) as failure:
                await upstream.session(is_fresh=True).get(upstream.url("/system_stats"))
            refusal = upstream.explain(failure.value)
    assert "resolves to an address that no server may have" in refusal.message
    assert names.asked == ["gpu.example"] * 2
