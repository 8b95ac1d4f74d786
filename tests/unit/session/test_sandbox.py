"""The self-check's sandbox: its servers answer as ComfyUI does, each for itself, and its ports keep their contracts."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from typing import Any

import pytest

from app.core import comfy
from app.core.errors import SocketClosed
from app.core.events import EndMessage, StartMessage, StatusMessage, read_text
from app.core.evidence import Seen
from app.core.model import PromptId, WindowId
from app.core.ports.http import Request
from app.core.ports.windows import Identity
from app.session.memory.sandbox import (
    HERE,
    THERE,
    Sandbox,
    SandboxClock,
    SandboxFleet,
    SandboxRandom,
    SandboxServers,
    SandboxWindows,
    make_fleet,
)

ONE, OTHER = PromptId("p-1"), PromptId("p-2")
YOU = WindowId("you")
AT_HERE = "http://sandbox-1.invalid:8188"


def test_fleet_has_two_servers_and_one_can_move() -> None:
    here, there = make_fleet().servers
    assert (here.server_id, here.address, here.base) == (HERE, AT_HERE, f"/servers/{HERE}")
    assert (there.server_id, there.base) == (THERE, f"/servers/{THERE}")
    moved, stayed = make_fleet(moved=HERE).servers
    assert (moved, stayed) == (replace(here, address="http://sandbox-1.invalid:8189"), there)


# Its servers


async def send(servers: SandboxServers, method: str, path: str, text: str | None = None) -> Any:
    response = await servers.send(Request(method=method, path=path, deadline=1.0, json=text))
    assert response.status == 200
    return json.loads(response.text)


async def submit(servers: SandboxServers, base: str, prompt_id: PromptId) -> Any:
    return await send(servers, "POST", f"{base}/prompt", json.dumps({"prompt_id": prompt_id}))


async def test_work_runs_and_ends_on_its_own_server_alone() -> None:
    servers, (here, there) = SandboxServers(), make_fleet().servers
    assert await submit(servers, here.base, ONE) == {"prompt_id": ONE, "number": 0, "node_errors": {}}
    assert (await submit(servers, there.base, OTHER))["number"] == 1
    request = comfy.queue_request(here.base)
    queue = comfy.read_queue(await servers.send(request), HERE)
    assert (queue.sight_of(ONE, 1.0), queue.sight_of(OTHER, 1.0)) == (Seen(1.0, True), None)
    assert await send(servers, "GET", f"{there.base}/queue") == {"queue_running": [[0, OTHER]], "queue_pending": []}
    servers.finish(ONE)
    assert await send(servers, "GET", f"{here.base}/queue") == {"queue_running": [], "queue_pending": []}
    asked = comfy.history_request(here.base, ONE)
    ended = comfy.read_history(await servers.send(asked), HERE, ONE, 1.0)
    assert ended is not None
    assert (ended.end, [output.filename for output in ended.outputs]) == ("success", ["out_00001_.png"])
    received = await send(servers, "GET", asked.path)
    assert (list(received), received[ONE]["status"]["completed"]) == ([ONE], True)
    assert await send(servers, "GET", f"{there.base}/history/{ONE}") == {}
    assert await send(servers, "GET", f"{there.base}/history/{OTHER}") == {}


async def test_both_servers_are_idle_for_a_choice() -> None:
    loads = comfy.read_loads(await SandboxServers().send(comfy.loads_request()))
    assert loads == dict.fromkeys((HERE, THERE), (comfy.Queue((), ()), ""))


async def test_requests_are_recorded_in_order() -> None:
    servers = SandboxServers()
    sent: list[float] = []
    here = f"/servers/{HERE}"
    answers = [
        await servers.send(Request(method="GET", path=f"{here}/system_stats", deadline=1.0)),
        await servers.fetch(Request(method="GET", path=f"{here}/view?filename=a.png", deadline=1.0)),
        await servers.upload(Request(method="POST", path=f"{here}/upload/image", deadline=1.0), sent.append),
    ]
    assert [answer.status for answer in answers] == [404] * 3
    assert servers.asked == [
        f"GET {here}/system_stats",
        f"GET {here}/view?filename=a.png",
        f"POST {here}/upload/image",
    ]
    assert sent == [1.0]


async def test_an_answer_comes_later_than_the_question() -> None:
    servers = SandboxServers()
    asking = asyncio.ensure_future(submit(servers, f"/servers/{HERE}", ONE))
    await asyncio.sleep(0)
    assert servers.asked == []
    await asking
    assert servers.asked == [f"POST /servers/{HERE}/prompt"]


async def test_socket_receives_events_of_its_server_until_dropped() -> None:
    servers = SandboxServers()
    first = await servers.sockets.open(f"/servers/{HERE}/ws?clientId=c", 1.0)
    second = await servers.sockets.open(f"/servers/{THERE}/ws?clientId=c", 1.0)
    assert servers.sockets.opened == [first, second]
    assert (first.url, first.is_open) == (f"ws://sandbox.invalid/servers/{HERE}/ws?clientId=c", True)
    await submit(servers, f"/servers/{HERE}", ONE)
    servers.finish(ONE)
    async with asyncio.timeout(5):
        received = [read_text(str(frame)) for _ in range(3) for frame in await first.receive()]
    assert received == [StatusMessage(0, ""), StartMessage(ONE, None), EndMessage(ONE, "success")]
    hearing = asyncio.ensure_future(first.receive())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not hearing.done()
    await first.close()
    with pytest.raises(SocketClosed):
        await asyncio.wait_for(hearing, 5)
    assert (first.is_open, second.is_open) == (False, True)
    await second.close()
    assert [read_text(str(frame)) for frame in await second.receive()] == [StatusMessage(0, "")]
    with pytest.raises(SocketClosed):
        await second.receive()


# The rest


async def test_the_window_is_new_and_alone() -> None:
    windows = SandboxWindows()
    assert await windows.claim() == Identity(WindowId("sandbox"), is_new=True)
    assert await windows.claim_other(YOU) is False
    assert await windows.is_alive(YOU) is None


async def test_fleet_is_known_immediately_and_changes_on_put() -> None:
    fleet = SandboxFleet()
    assert await fleet.first() == make_fleet()
    waiting = asyncio.ensure_future(fleet.changes())
    await asyncio.sleep(0)
    assert not waiting.done()
    fleet.put(make_fleet(moved=THERE))
    assert await waiting == make_fleet(moved=THERE)


async def test_the_clock_is_real_and_no_wait_is_long() -> None:
    clock, before = SandboxClock(), time.monotonic()
    assert abs(clock.now() - time.time()) < 60
    await clock.sleep(3600.0)
    assert 0.01 < time.monotonic() - before < 60


def test_chance_is_even_and_no_id_comes_twice() -> None:
    chance = SandboxRandom()
    assert chance.fraction() == 0.5
    assert len({chance.uuid4() for _ in range(9)}) == 9


def test_the_ports_are_over_what_is_open_to_inspection() -> None:
    sandbox = Sandbox()
    ports = sandbox.ports
    assert (ports.http, ports.sockets, ports.store, ports.fleet) == (
        sandbox.servers, sandbox.sockets, sandbox.store, sandbox.fleet,
    )  # fmt: skip
