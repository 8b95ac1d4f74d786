"""The fleet as windows receive it: health, updates, loads, and its source."""

# ruff: noqa: SIM117 (one block for the servers, another for the requests)

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from gateway.flags import read_flags
from gateway.fleet.choice import choose_fleet
from gateway.fleet.fleet import DeclaredBy
from gateway.http.deadlines import Deadlines
from gateway.http.servers import ServerId
from tests.kit.gateways import PATIENCE, QUEUE, STATS, Raw, Running, open_gateway, serve, serve_all, serve_raw, until
from tests.kit.services import free_ports
from wire.health import Health

A = ServerId("a")
NEVER = 100 * PATIENCE  # seconds; a test that waits this long fails


def say(answer: str) -> Raw:
    """Return a server that gives every request this answer and hangs up."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer.replace("\n", "\r\n").encode())
        await writer.drain()

    return talk


async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


def http(status: str, body: str, kind: str = "text/html", more: str = "") -> str:
    return f"HTTP/1.1 {status}\nContent-Type: {kind}\nContent-Length: {len(body)}\n{more}\n{body}"


HEALTH: dict[str, tuple[Raw, Health, str]] = {
    "a log-in page": (say(http("200 OK", "<html>Log in</html>")), Health.NOT_COMFYUI, "login"),
    "another program's JSON": (say(http("200 OK", "{}", "application/json")), Health.NOT_COMFYUI, ""),
    "a redirect": (say(http("302 Found", "", more="Location: /login\n")), Health.NOT_COMFYUI, "login"),
    "another redirect": (say(http("302 Found", "", more="Location: /comfy/\n")), Health.NOT_COMFYUI, "redirect"),
    "a web page": (say(http("200 OK", "<!DOCTYPE html><h1>It works</h1>")), Health.NOT_COMFYUI, "web-page"),
    "nothing of the kind": (say(http("404 Not Found", "no")), Health.NOT_COMFYUI, ""),
    "no HTTP": (say("SSH-2.0-OpenSSH_9.2\n"), Health.NOT_COMFYUI, ""),
    "a log-in": (say(http("401 Unauthorized", "")), Health.REFUSES, "login"),
    "a ban": (say(http("403 Forbidden", "")), Health.REFUSES, "forbidden"),
    "a proxy without its server": (say(http("502 Bad Gateway", "")), Health.DOWN, ""),
    "a server that hangs up": (say(""), Health.DOWN, ""),
    "a server that hangs": (hang, Health.TIMEOUT, "late"),
}


@pytest.mark.parametrize(("talk", "health", "cause"), HEALTH.values(), ids=HEALTH.keys())
async def test_cause_of_a_servers_fault_is_reported(talk: Raw, health: Health, cause: str) -> None:
    async with serve_raw(talk) as url, open_gateway({"a": url}, probe=0.3) as gateway:
        await gateway.first_probe()
        condition = gateway.gateway.state.condition(A)
        assert (condition.health, condition.cause) == (health, cause)
        assert condition.detail


async def test_closed_port_is_down() -> None:
    async with open_gateway({"a": f"http://127.0.0.1:{free_ports()}"}) as gateway:
        await gateway.first_probe()
        assert gateway.gateway.state.condition(A).health is Health.DOWN
        assert gateway.gateway.state.condition(A).detail == "connection refused"


async def test_plain_http_to_a_tls_address_is_reported() -> None:
    async with serve() as upstream:
        async with open_gateway({"a": upstream.url.replace("http:", "https:")}) as gateway:
            await gateway.first_probe()
            assert gateway.gateway.state.condition(A).health is Health.REFUSES


async def test_server_behind_a_path_is_reached(browser: aiohttp.ClientSession) -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        known = {"/comfy/one/system_stats": STATS, "/comfy/one/queue": QUEUE}
        return web.json_response(known.get(request.path, {"path": request.path}))

    async with serve(answer) as upstream, open_gateway({"a": f"{upstream.url}/comfy/one"}) as gateway:
        await gateway.first_probe()
        assert gateway.gateway.state.condition(A).health is Health.WELL
        async with browser.get(f"{gateway.url}/servers/a/history/x") as reply:
            assert (await reply.json())["path"] == "/comfy/one/history/x"


async def next_state(socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(await socket.receive_str(timeout=PATIENCE))
    return state


async def watch(browser: aiohttp.ClientSession, gateway: Running) -> aiohttp.ClientWebSocketResponse:
    return await browser.ws_connect(f"{gateway.url}/fleet/ws", origin=gateway.url)


class Moods:
    """A server whose queue and faults a test changes."""

    def __init__(self) -> None:
        self.queue: dict[str, list[list[object]]] = {"queue_running": [], "queue_pending": []}
        self.is_broken = False
        self.reads = 0
        self.late = 0  # probes that get no answer
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.reads += request.path == "/queue"
        if self.late and request.path == "/system_stats":
            self.late -= 1
            await asyncio.Event().wait()
        await self.may_answer.wait()
        if self.is_broken:
            return web.Response(status=500)
        known = {"/system_stats": STATS, "/queue": self.queue, "/features": {}}
        if request.path not in known:  # /api/jobs is missing in this version
            return web.Response(status=404)
        return web.json_response(known[request.path])


@pytest.fixture
async def moods() -> AsyncIterator[tuple[Moods, str]]:
    moods = Moods()
    async with serve_all(moods.answer) as url:
        yield moods, url


def item(number: int, prompt_id: str) -> list[object]:
    return [number, prompt_id, {"1": {"class_type": "Secret"}}, {"client_id": "somebody"}, []]


async def test_windows_receive_the_state_immediately_and_after_each_change(
    browser: aiohttp.ClientSession, moods: tuple[Moods, str]
) -> None:
    mood, url = moods
    async with open_gateway({"a": url}, probe_well=0.02, probe_down=0.02) as gateway:
        windows = [await watch(browser, gateway) for _ in range(3)]
        states = [await next_state(window) for window in windows]
        async with browser.get(f"{gateway.url}/fleet") as reply:
            about = {"v", "build", "workflows", "source", "faults", "why", "problem", "searches", "local"}
            keys = {*about, "servers", "person"}
            keys |= {"mostPending", "modelHosts"}
            assert (await reply.json()).keys() == states[0].keys() == keys
        for change, wanted in (
            (lambda: None, ("well", 0, 0)),
            (lambda: mood.queue.update(queue_running=[item(1, "r")], queue_pending=[item(2, "p")]), ("well", 1, 1)),
            (lambda: setattr(mood, "is_broken", True), ("down", 0, 0)),
            (lambda: setattr(mood, "is_broken", False), ("well", 1, 1)),
        ):
            change()
            for index, window in enumerate(windows):
                while seen(states[index]) != wanted:
                    states[index] = await next_state(window)
        assert states[0]["servers"][0]["version"] == "0.3.64"
        assert "Secret" not in json.dumps(states)


def seen(state: dict[str, Any]) -> tuple[str, int, int]:
    [server] = state["servers"]
    return server["health"], server["running"], server["pending"]


async def test_nothing_is_sent_without_a_change(browser: aiohttp.ClientSession, moods: tuple[Moods, str]) -> None:
    mood, url = moods
    async with open_gateway({"a": url}, probe_well=0.01) as gateway:
        await gateway.first_probe()
        window = await watch(browser, gateway)
        await next_state(window)
        before = mood.reads
        await until(lambda: mood.reads > before + 10)
        mood.queue.update(queue_running=[item(1, "r")])
        assert seen(await next_state(window)) == ("well", 1, 0), "the next push is the next change"


async def test_loads_are_read_from_servers_with_ids_only(
    browser: aiohttp.ClientSession, moods: tuple[Moods, str]
) -> None:
    mood, url = moods
    async with serve_raw(hang) as hung, serve_raw(say(http("200 OK", "{}", "application/json"))) as other:
        servers = {"a": url, "hung": hung, "other": other, "off": f"http://127.0.0.1:{free_ports()}"}
        async with open_gateway(servers, probe=0.3, loads=0.3) as gateway:
            await gateway.first_probe()
            mood.queue.update(queue_running=[item(1, "r")], queue_pending=[item(3, "z"), item(2, "b")])
            async with browser.get(f"{gateway.url}/fleet/loads") as reply:
                answer = await reply.json()
    assert answer == {
        "v": 1,
        "servers": {
            "a": {"ok": True, "running": ["r"], "pending": ["b", "z"]},
            "hung": {"ok": False, "cause": "timeout"},
            "other": {"ok": False, "cause": "not_comfyui"},
            "off": {"ok": False, "cause": "down"},
        },
    }


async def loads_of(browser: aiohttp.ClientSession, gateway: Running) -> dict[str, Any]:
    async with browser.get(f"{gateway.url}/fleet/loads") as reply:
        servers: dict[str, Any] = (await reply.json())["servers"]
        return servers


async def test_loads_do_not_wait_for_a_hung_server(browser: aiohttp.ClientSession, moods: tuple[Moods, str]) -> None:
    _, url = moods
    async with serve_raw(hang) as hung, open_gateway({"a": url, "hung": hung}, probe=1.0, loads=NEVER) as gateway:
        await gateway.first_probe()
        loads = await loads_of(browser, gateway)
        assert (loads["a"]["ok"], loads["hung"]) == (True, {"ok": False, "cause": "timeout"})


async def test_server_that_begins_to_hang_delays_loads_once(
    browser: aiohttp.ClientSession, moods: tuple[Moods, str]
) -> None:
    mood, url = moods
    async with open_gateway({"a": url}, loads=0.3) as gateway:
        await gateway.first_probe()
        window = await watch(browser, gateway)
        assert seen(await next_state(window))[0] == "well"
        mood.may_answer.clear()
        for _ in range(2):
            assert await loads_of(browser, gateway) == {"a": {"ok": False, "cause": "timeout"}}
        assert seen(await next_state(window))[0] == "timeout"
        gateway.gateway.prober._deadlines = replace(gateway.gateway.prober._deadlines, loads=NEVER)
        assert await loads_of(browser, gateway) == {"a": {"ok": False, "cause": "timeout"}}


async def test_one_late_answer_leaves_a_server_well(browser: aiohttp.ClientSession, moods: tuple[Moods, str]) -> None:
    mood, url = moods
    async with open_gateway({"a": url}, loads=0.3, probe=PATIENCE) as gateway:
        await gateway.first_probe()
        window = await watch(browser, gateway)
        assert seen(await next_state(window))[0] == "well"
        mood.may_answer.clear()
        assert await loads_of(browser, gateway) == {"a": {"ok": False, "cause": "timeout"}}
        mood.queue = {"queue_running": [[1, "r", {}, {}, []]], "queue_pending": []}
        mood.may_answer.set()
        state = await next_state(window)
        assert (seen(state)[0], state["servers"][0]["running"]) == ("well", 1), "nothing was reported before"


async def test_late_probe_is_confirmed_by_another_at_once(
    browser: aiohttp.ClientSession, moods: tuple[Moods, str]
) -> None:
    mood, url = moods
    async with open_gateway({"a": url}, probe=0.5, probe_well=0.05, probe_down=NEVER) as gateway:
        await gateway.first_probe()
        window = await watch(browser, gateway)
        assert seen(await next_state(window))[0] == "well"
        await until(lambda: gateway.gateway.state.max_upload)
        mood.late = 1
        await until(lambda: not mood.late)
        mood.queue = {"queue_running": [[1, "r", {}, {}, []]], "queue_pending": []}
        state = await next_state(window)
        assert (seen(state)[0], state["servers"][0]["running"]) == ("well", 1), "the second probe was answered"
        mood.may_answer.clear()
        assert seen(await next_state(window))[0] == "timeout"


async def test_recovered_server_is_noticed_by_loads(browser: aiohttp.ClientSession, moods: tuple[Moods, str]) -> None:
    mood, url = moods
    mood.may_answer.clear()
    async with open_gateway({"a": url}, probe=1.0, loads=NEVER) as gateway:  # and no probe is due
        await gateway.first_probe()
        assert await loads_of(browser, gateway) == {"a": {"ok": False, "cause": "timeout"}}
        mood.may_answer.set()
        await until(lambda: gateway.gateway.state.condition(A).health is Health.WELL)
        assert (await loads_of(browser, gateway))["a"]["ok"]
        assert gateway.gateway.state.max_upload, "all of it was probed"


async def test_simultaneous_requests_for_loads_share_one_read(
    browser: aiohttp.ClientSession, moods: tuple[Moods, str]
) -> None:
    mood, url = moods
    async with open_gateway({"a": url}, loads=PATIENCE) as gateway:
        await until(lambda: gateway.gateway.state.max_upload)
        mood.may_answer.clear()
        before = mood.reads

        async def ask() -> dict[str, Any]:
            async with browser.get(f"{gateway.url}/fleet/loads") as reply:
                answer: dict[str, Any] = await reply.json()
                return answer

        asked = [asyncio.create_task(ask()) for _ in range(5)]
        await until(lambda: len(gateway.gateway._runner.server.connections) == 5)
        await until(lambda: mood.reads > before)
        asked.pop().cancel()  # one window leaves, and the others still need the read
        mood.may_answer.set()
        assert [(await one)["servers"]["a"]["ok"] for one in asked] == [True] * 4
        assert mood.reads == before + 1


# Choice of the fleet


async def test_local_comfyui_is_used_without_a_fleet_file() -> None:
    async with serve() as upstream:
        fleet = await choose_fleet(read_flags([]), Deadlines(), usual=upstream.url)
    assert fleet.source is DeclaredBy.FOUND
    assert [server.address for server in fleet.servers] == [upstream.url]
    assert "ComfyUI 0.3.64 answers" in fleet.why


@pytest.mark.parametrize("name", ["a log-in page", "a redirect", "a server that hangs", "a ban"])
async def test_another_program_on_comfyuis_port_is_ignored(name: str) -> None:
    async with serve_raw(HEALTH[name][0]) as url:
        fleet = await choose_fleet(read_flags([]), replace(Deadlines(), probe=0.3), usual=url)
    assert fleet.source is DeclaredBy.DEMO
    assert "no ComfyUI answers on 127.0.0.1" in fleet.why


async def test_demo_is_used_without_a_local_comfyui() -> None:
    fleet = await choose_fleet(read_flags([]), Deadlines(), usual=f"http://127.0.0.1:{free_ports()}")
    assert fleet.source is DeclaredBy.DEMO
    assert "connection refused" in fleet.why
