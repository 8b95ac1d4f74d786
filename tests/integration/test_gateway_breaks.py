"""*Break it* over real sockets: only for our own page and with `--faults`, with real processes that die and restart."""

from __future__ import annotations

import contextlib
import json
import socket
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from gateway.fleet.demo import DemoFleet
from gateway.fleet.fleet import DeclaredBy, Fleet
from gateway.http.deadlines import Deadlines
from gateway.http.own_hosts import build_own_hosts
from gateway.http.servers import ServerId
from gateway.install.place import Installation
from gateway.server import Gateway
from tests.integration.attacks import JSON, GuardedServer, post, write
from tests.kit.gateways import ROOT, head_of, speak, until
from tests.kit.module_gateways import a_gateway
from tests.kit.services import Service, free_ports, start_demo, start_gateway, wait_until
from wire.faults import Fault
from wire.health import Health

PATIENCE = 60.0
WISH = json.dumps({"server": "demo-1", "fault": "hang"})
PATH = "/demo/break"

gateway = a_gateway(demo=2)


def ask(url: str, body: dict[str, Any] | None = None, **headers: str) -> Any:
    request = urllib.request.Request(url, headers=headers)
    if body is not None:
        request = urllib.request.Request(url, json.dumps(body).encode(), {**JSON, **headers}, method="POST")
    with urllib.request.urlopen(request, timeout=PATIENCE) as reply:
        return json.loads(reply.read())


def break_it(gateway: Service, fault: Fault, server_id: str = "demo-1") -> list[str]:
    """Break a server as a click on the page does, and return what is broken afterwards."""
    wish = {"server": server_id, "fault": fault.value}
    answer = ask(f"{gateway.url}{PATH}", wish, Origin=gateway.url)
    assert answer["server"] == server_id
    return list(answer["broken"])


def refused(gateway: Service, fault: Fault) -> str:
    with pytest.raises(urllib.error.HTTPError) as caught:
        break_it(gateway, fault)
    with caught.value as refusal:
        return str(refusal.headers["X-Mooring-Gateway"])


def server_state(gateway: Service, server_id: str = "demo-1") -> dict[str, Any]:
    servers = ask(f"{gateway.url}/fleet")["servers"]
    return next(server for server in servers if server["id"] == server_id)


def ask_server(gateway: Service, path: str, body: dict[str, Any] | None = None) -> Any:
    """Send a request to demo-1 itself, past the gateway."""
    return ask(f"http://127.0.0.1:{gateway.port + 1}{path}", body)


def run_picture(gateway: Service) -> dict[str, Any]:
    """Run one picture on demo-1 itself, and return its file."""
    inputs = {"width": 32, "height": 24, "batch_size": 1, "color": 5}
    prompt = {
        "1": {"class_type": "EmptyImage", "inputs": inputs},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "breaks"}},
    }
    prompt_id = ask_server(gateway, "/prompt", {"prompt": prompt})["prompt_id"]
    wait_until(lambda: prompt_id in ask_server(gateway, f"/history/{prompt_id}"))
    file: dict[str, Any] = ask_server(gateway, f"/history/{prompt_id}")[prompt_id]["outputs"]["2"]["images"][0]
    return file


# Access


OURS = {"Origin": "ORIGIN"}
PLAIN = {"Content-Type": "text/plain", **OURS}
LONG = json.dumps({"server": "demo-1", "fault": "x" * 2_000})
ATTACKS: dict[str, tuple[str, bytes]] = {
    "another host": ("bad-host", write("POST", PATH, JSON | OURS, WISH, host="evil.example")),
    "another origin": ("bad-origin", post(PATH, WISH, Origin="http://evil.example")),
    "another port of this machine": ("bad-origin", post(PATH, WISH, Origin="http://127.0.0.1:1")),
    "an opaque origin": ("bad-origin", post(PATH, WISH, Origin="null")),
    "no origin": ("bad-origin", post(PATH, WISH)),
    "a cross-site page": ("cross-site", post(PATH, WISH, Origin="ORIGIN", Sec_Fetch_Site="cross-site")),
    "a same-site page": ("cross-site", post(PATH, WISH, Origin="ORIGIN", Sec_Fetch_Site="same-site")),
    "a form": ("bad-type", write("POST", PATH, PLAIN, WISH)),
    "no type": ("bad-type", write("POST", PATH, OURS, WISH)),
    "a GET": ("bad-method", write("GET", PATH, OURS)),
    "a preflight": ("bad-method", write("OPTIONS", PATH, OURS)),
    "a body of its own": ("refused-body", post(PATH, '{"server": "demo-1", "hang": true}', Origin="ORIGIN")),
    "a body beside the wish": ("refused-body", post(PATH, WISH[:-1] + ', "deaf": true}', Origin="ORIGIN")),
    "an unknown fault": ("refused-body", post(PATH, '{"server": "demo-1", "fault": "rm"}', Origin="ORIGIN")),
    "an unknown server": ("unknown-server", post(PATH, '{"server": "b", "fault": "hang"}', Origin="ORIGIN")),
    "a path as a server": (
        "unknown-server",
        post(PATH, '{"server": "demo-1/../demo-2", "fault": "hang"}', Origin="ORIGIN"),
    ),
    "too much": ("too-large", post(PATH, LONG, Origin="ORIGIN")),
    "a path below": ("not-listed", post(f"{PATH}/demo-1", WISH, Origin="ORIGIN")),
    "the faults themselves": ("not-listed", post("/demo/faults", '{"hang": true}', Origin="ORIGIN")),
    "the faults through a server": ("not-listed", post("/servers/demo-1/demo/faults", "{}", Origin="ORIGIN")),
}


async def send(gateway: Service, request: bytes) -> tuple[int, dict[str, str]]:
    origin = gateway.url.encode()
    return head_of(
        await speak(gateway.port, request.replace(b"HOST", origin.removeprefix(b"http://")).replace(b"ORIGIN", origin))
    )


@pytest.mark.parametrize(("cause", "attack"), ATTACKS.values(), ids=ATTACKS)
async def test_only_our_page_breaks_servers_and_only_by_name(gateway: Service, cause: str, attack: bytes) -> None:
    status, headers = await send(gateway, attack)
    assert 400 <= status < 500
    assert headers["x-mooring-gateway"] == f"{cause}; sent=no"
    assert not any(ask_server(gateway, "/demo/faults")["faults"].values())


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_route_does_not_exist_without_our_demo_fleet(guarded: GuardedServer, method: str) -> None:
    body = '{"server": "a", "fault": "hang"}' if method == "POST" else ""
    await guarded.assert_refused("not-listed", write(method, PATH, JSON | {"Origin": "ORIGIN"}, body))


def test_demo_fleet_without_faults_flag_cannot_be_broken() -> None:
    with start_gateway("--demo", "1", port=free_ports(2)) as gateway:
        assert ask(f"{gateway.url}/fleet")["faults"] is False
        assert refused(gateway, Fault.KILL) == "not-listed; sent=no"


def test_demo_server_of_another_process_cannot_be_broken() -> None:
    with start_demo() as other, start_gateway("--server", f"demo-1={other.url}") as gateway:
        assert ask(f"{gateway.url}/fleet")["faults"] is False
        assert refused(gateway, Fault.HANG) == "not-listed; sent=no"
        assert not any(ask(f"{other.url}/demo/faults")["faults"].values())


# Effects


def test_killed_server_is_down_until_it_is_started(gateway: Service) -> None:
    wait_until(lambda: server_state(gateway)["health"] == "well")
    before = ask_server(gateway, "/demo/faults")
    assert break_it(gateway, Fault.KILL) == ["kill"]
    wait_until(lambda: server_state(gateway)["health"] == "down")
    assert "ended (signal 9); start it under Break it" in server_state(gateway)["detail"]
    assert server_state(gateway)["broken"] == ["kill"]
    assert refused(gateway, Fault.HANG) == "connect-failed; sent=no"
    assert server_state(gateway, "demo-2")["broken"] == []

    assert break_it(gateway, Fault.START) == []
    assert (after := ask_server(gateway, "/demo/faults"))["pid"] != before["pid"]
    assert after["boot"] != before["boot"]
    wait_until(lambda: server_state(gateway)["health"] == "well")
    assert server_state(gateway)["detail"] == ""
    assert refused(gateway, Fault.START) == "refused-body; sent=no"


async def test_restarted_server_is_probed_immediately(
    browser: aiohttp.ClientSession,
) -> None:
    """The prober's own interval is an hour here."""
    async with open_demo() as (gateway, url):
        state, one = gateway.state, ServerId("demo-1")
        await until(lambda: state.condition(one).health is Health.WELL)
        for fault, health in ((Fault.KILL, Health.DOWN), (Fault.START, Health.WELL), (Fault.KILL, Health.DOWN)):
            wish = {"server": one, "fault": fault.value}
            async with browser.post(f"{url}{PATH}", json=wish, headers={"Origin": url}) as answer:
                assert answer.status == 200, await answer.text()
            await until(lambda health=health: state.condition(one).health is health)  # type: ignore[misc]
        await until(lambda: "its process has ended (signal 9)" in state.condition(one).detail)


@contextlib.asynccontextmanager
async def open_demo() -> AsyncIterator[tuple[Gateway, str]]:
    """Start a gateway in this process for one real demo server; yield it with its address."""
    port = free_ports(2)
    demo = DemoFleet(count=1, after_port=port, is_faulty=True, place=Installation(ROOT), version=None)
    own_hosts = build_own_hosts(host="127.0.0.1", port=port, is_tls=False)
    deadlines = Deadlines(probe_well=3_600.0, probe_down=3_600.0)
    try:
        await demo.start()
        fleet = Fleet(DeclaredBy.DEMO, "a test", demo.servers)
        async with Gateway(fleet=fleet, own_hosts=own_hosts, root=ROOT, deadlines=deadlines, breakable=demo) as gateway:
            await demo.ready(PATIENCE)
            demo.watch(gateway.prober.explain_down)
            await gateway.listen(socket.create_server(("127.0.0.1", port)))
            yield gateway, own_hosts.origin
    finally:
        await demo.close()


def test_reset_repairs_a_server_that_was_killed_twice(gateway: Service) -> None:
    assert [break_it(gateway, Fault.KILL) for _ in range(2)] == [["kill"], ["kill"]]
    assert break_it(gateway, Fault.RESET) == []
    wait_until(lambda: server_state(gateway)["health"] == "well")


def test_restart_answers_once_the_server_works_without_faults(gateway: Service) -> None:
    before = ask_server(gateway, "/demo/faults")
    assert break_it(gateway, Fault.DEAF) == ["deaf"]
    assert break_it(gateway, Fault.RESTART) == []
    after = ask_server(gateway, "/demo/faults")
    assert (after["pid"], after["boot"] == before["boot"]) == (before["pid"], False)


def test_hung_server_is_reported_and_recovers(gateway: Service) -> None:
    assert break_it(gateway, Fault.HANG) == ["hang"]
    assert ask_server(gateway, "/demo/faults")["faults"]["hang"] is True
    wait_until(lambda: server_state(gateway)["health"] == "timeout")
    assert break_it(gateway, Fault.WAKE) == []
    wait_until(lambda: server_state(gateway)["health"] == "well")


def test_fault_of_the_next_submit_is_shown_until_it_happens(gateway: Service) -> None:
    assert break_it(gateway, Fault.REFUSE_NEXT) == ["refuse-next"]
    assert server_state(gateway)["broken"] == ["refuse-next"]
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask_server(gateway, "/prompt", {"prompt": {}})
    caught.value.close()
    wait_until(lambda: server_state(gateway)["broken"] == [])


def test_history_is_cleared_and_file_overwritten_on_the_server(gateway: Service) -> None:
    break_it(gateway, Fault.CLEAR_HISTORY)
    assert refused(gateway, Fault.OVERWRITE_FILE) == "refused-body; sent=no", "there is no picture yet"
    file = run_picture(gateway)
    address = f"http://127.0.0.1:{gateway.port + 1}/view?filename={file['filename']}"

    def read() -> bytes:
        with urllib.request.urlopen(address, timeout=PATIENCE) as reply:
            body: bytes = reply.read()
            return body

    before = read()
    break_it(gateway, Fault.OVERWRITE_FILE)
    assert read() != before
    assert read().startswith(b"\x89PNG")
    assert ask_server(gateway, "/history")
    break_it(gateway, Fault.CLEAR_HISTORY)
    assert ask_server(gateway, "/history") == {}
