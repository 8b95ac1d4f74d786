"""Changes of the fleet file while a gateway runs: requests under way continue, and none reaches a wrong server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from gateway.fleet import watch
from gateway.fleet.file import read_fleet
from gateway.http.servers import ServerId
from gateway.platforms import system
from tests.integration.exchanges import PROMPT, hang, json_of, submit, upload, verdict
from tests.integration.hub import Hub, connect, end_of, text
from tests.kit.gateways import Running, open_fleet, serve, serve_all, speak, table, until
from wire.health import Health

A, B = ServerId("a"), ServerId("b")
FAST = {"fleet_file": 0.02, "fleet_settles": 0.01}


@dataclass
class FleetFile:
    """The fleet file, and how a test writes it."""

    path: Path

    def write(self, *servers: str, rest: str = "") -> None:
        """Replace the file as an editor does."""
        new = self.path.with_name("new")
        new.write_text("".join(servers) + rest)
        system.replace(new, self.path)


@pytest.fixture
def file(tmp_path: Path) -> FleetFile:
    return FleetFile(tmp_path / "fleet.toml")


@contextlib.asynccontextmanager
async def run(file: FleetFile, **deadlines: float) -> AsyncIterator[Running]:
    async with open_fleet(read_fleet(file.path), **(FAST | deadlines)) as gateway:
        await gateway.first_probe()
        yield gateway


def server_of(gateway: Running, server_id: str) -> dict[str, Any]:
    servers: Any = gateway.gateway.state.as_json()["servers"]
    return next((one for one in servers if one["id"] == server_id), {})


def problem_of(gateway: Running) -> str:
    return str(gateway.gateway.state.as_json()["problem"])


async def greet(socket: web.WebSocketResponse) -> None:
    await socket.send_str(text("status", sid="w"))


# New and drained servers


async def test_new_server_is_probed_and_used(browser: aiohttp.ClientSession, file: FleetFile) -> None:
    async with serve() as one, serve() as two:
        file.write(table("a", one.url))
        async with run(file) as gateway:
            async with browser.get(f"{gateway.url}/servers/b/queue") as reply:
                assert verdict(reply) == (404, "unknown-server; sent=no")
            file.write(table("a", one.url), table("b", two.url, weight=2, tags=["video"]))
            await until(lambda: server_of(gateway, "b").get("health") == "well")
            assert (server_of(gateway, "b")["weight"], server_of(gateway, "b")["tags"]) == (2.0, ["video"])
            async with browser.get(f"{gateway.url}/servers/b/history/x") as reply:
                assert reply.status == 200
            loads = await json_of(browser.get(f"{gateway.url}/fleet/loads"))
            assert [name for name, load in loads["servers"].items() if load["ok"]] == ["a", "b"]  # type: ignore[index]


async def test_socket_survives_draining_and_changes_of_other_servers(
    browser: aiohttp.ClientSession, file: FleetFile
) -> None:
    hub = Hub(talk=greet)
    async with serve(hub.answer) as one, serve() as two:
        file.write(table("a", one.url))
        async with run(file) as gateway:
            socket = await connect(browser, gateway)
            assert (await socket.receive_json())["type"] == "status"
            file.write(table("b", two.url), table("a", one.url, drain=True, name="Renamed"))
            await until(lambda: server_of(gateway, "a")["drained"] and server_of(gateway, "b"))
            file.write(table("a", one.url, drain=True, max_requests=2))
            await until(lambda: not server_of(gateway, "b"))
            await socket.send_str("still here")
            await until(lambda: hub.heard == ["still here"])
            assert (hub.accepted, hub.open) == (1, 1)
            await socket.close()


# Removed and moved servers


async def test_socket_of_a_removed_server_closes_with_the_cause(
    browser: aiohttp.ClientSession, file: FleetFile
) -> None:
    hub = Hub(talk=greet)
    async with serve(hub.answer) as one, serve() as two:
        both = table("a", one.url), table("b", two.url)
        file.write(*both)
        async with run(file) as gateway:
            socket = await connect(browser, gateway)
            await socket.receive_json()
            file.write(both[1])
            assert await end_of(socket) == (4404, "unknown-server")
            await until(lambda: hub.open == 0)
            async with browser.get(f"{gateway.url}/servers/a/queue") as reply:
                assert verdict(reply) == (404, "unknown-server; sent=no")
            await until(lambda: not gateway.gateway.departures.count)
            assert "a" not in (await json_of(browser.get(f"{gateway.url}/fleet/stats")))["servers"]  # type: ignore[index]
            file.write(*both)  # and added back
            await until(lambda: server_of(gateway, "a").get("health") == "well")
            second = await connect(browser, gateway)
            assert (await second.receive_json())["type"] == "status"
            await second.close()


async def test_request_to_a_removed_server_may_finish(browser: aiohttp.ClientSession, file: FleetFile) -> None:
    may_answer, asked = asyncio.Event(), asyncio.Event()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        asked.set()
        await may_answer.wait()
        return web.json_response({"prompt_id": "p"})

    async with serve(answer) as one, serve() as two:
        file.write(table("a", one.url), table("b", two.url))
        async with run(file) as gateway:
            sent = asyncio.ensure_future(json_of(submit(browser, gateway)))
            await asked.wait()
            file.write(table("b", two.url))
            await until(lambda: not server_of(gateway, "a"))
            assert gateway.gateway.departures.count == 1
            may_answer.set()
            assert await sent == {"prompt_id": "p"}
            await until(lambda: not gateway.gateway.departures.count)


async def test_stopping_gateway_does_not_wait_for_removed_server(
    browser: aiohttp.ClientSession, file: FleetFile
) -> None:
    async with serve(hang) as one, serve() as two:
        file.write(table("a", one.url), table("b", two.url))
        async with run(file) as gateway:
            sent = asyncio.ensure_future(json_of(submit(browser, gateway)))
            await until(lambda: one.seen)
            file.write(table("b", two.url))
            await until(lambda: gateway.gateway.departures.count)
        with pytest.raises(aiohttp.ClientError):
            await sent


async def test_queued_request_to_removed_server_is_not_sent(browser: aiohttp.ClientSession, file: FleetFile) -> None:
    async with serve() as one, serve() as two:
        file.write(table("a", one.url), table("b", two.url))
        async with run(file) as gateway:
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
            body = json.dumps(PROMPT).encode()
            head = (
                f"POST /servers/a/prompt HTTP/1.1\r\nHost: 127.0.0.1:{gateway.port}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            writer.write(head.encode() + body[:5])
            await until(lambda: gateway.gateway._runner.server.connections)
            async with browser.get(f"{gateway.url}/fleet") as reply:  # answered after the head was read
                assert reply.status == 200
            file.write(table("b", two.url))
            await until(lambda: not server_of(gateway, "a") and not gateway.gateway.departures.count)
            writer.write(body[5:])
            answer = await reader.readuntil(b"\r\n\r\n")
            writer.close()
            assert b" 404 " in answer.split(b"\r\n")[0]
            assert b"unknown-server; sent=no" in answer
            assert one.seen == []


async def test_changed_address_is_another_server(browser: aiohttp.ClientSession, file: FleetFile) -> None:
    hub = Hub(talk=greet)
    async with serve(hub.answer) as one, serve() as two:
        file.write(table("a", one.url))
        async with run(file) as gateway:
            old = server_of(gateway, "a")["base"]
            socket = await connect(browser, gateway)
            await socket.receive_json()
            file.write(table("a", two.url))
            assert await end_of(socket) == (4410, "server-moved")
            await until(lambda: server_of(gateway, "a")["base"] != old)
            before = len(one.seen)
            async with browser.get(f"{gateway.url}{old}/history/x") as reply:
                assert verdict(reply) == (409, "server-moved; sent=no")
            async with browser.get(f"{gateway.url}{server_of(gateway, 'a')['base']}/history/x") as reply:
                assert await reply.json() == {"path": "/history/x"}
            assert (len(one.seen), len(two.seen)) == (before, 1)


async def test_late_probe_of_old_address_is_ignored(file: FleetFile) -> None:
    """A probe of the old address that ends late says nothing about the new one."""
    may_answer, asked = asyncio.Event(), asyncio.Event()

    async def old(request: web.BaseRequest) -> web.StreamResponse:
        asked.set()
        await may_answer.wait()
        return web.json_response({"queue_running": [[1, "old"]], "queue_pending": []})

    async with serve_all(old) as old_url, serve() as two:
        file.write(table("a", old_url))
        async with open_fleet(read_fleet(file.path), **FAST) as gateway:
            loads = asyncio.ensure_future(gateway.gateway.prober.loads())
            await asked.wait()
            file.write(table("a", two.url))
            await until(lambda: server_of(gateway, "a")["health"] == "well")
            may_answer.set()
            assert (await loads)["servers"] == {"a": {"ok": False, "cause": "unknown-server"}}
            assert server_of(gateway, "a")["running"] == 0
            assert gateway.gateway.state.condition(A).health is Health.WELL


# An invalid file


async def test_invalid_file_is_reported_once_and_changes_nothing(
    browser: aiohttp.ClientSession, file: FleetFile, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, "gateway.fleet.watch")
    reads = []
    monkeypatch.setattr(watch, "read_fleet", lambda path: (reads.append(path), read_fleet(path))[1])
    async with serve() as one:
        good = table("a", one.url)
        file.write(good)
        async with run(file) as gateway:
            file.write(good, '[[server]]\nid = "b"\nulr = "http://x"\n')
            await until(lambda: problem_of(gateway))
            assert problem_of(gateway) == (f"{file.path}, line 6: ulr: there is no such setting; did you mean 'url'?")
            reports = [0]
            note_problem = gateway.gateway.state.note_problem
            gateway.gateway.state.note_problem = lambda problem: (reports.append(1), note_problem(problem))[1]  # type: ignore[method-assign]
            reads.clear()
            await until(lambda: len(reads) > 3)
            assert reports == [0], "it is reported once"
            async with browser.get(f"{gateway.url}/servers/a/history/x") as reply:
                assert reply.status == 200
            assert caplog.text.count("the fleet file was not applied") == 1
            file.write(good)
            await until(lambda: not problem_of(gateway))
            file.path.unlink()
            await until(lambda: "cannot be read" in problem_of(gateway))
            file.write(good, table("b", "http://127.0.0.1:1"))
            await until(lambda: server_of(gateway, "b"))
            assert problem_of(gateway) == ""


async def test_token_file_that_appears_later_is_read(file: FleetFile) -> None:
    async with serve() as one:
        file.write(table("a", one.url))
        async with run(file) as gateway:
            file.write(table("a", one.url, token="file:token"))
            await until(lambda: "cannot be read" in problem_of(gateway))
            (file.path.parent / "token").write_text("t\n")
            await until(lambda: not problem_of(gateway))
            assert gateway.gateway.state.fleet.servers[0].access.authorization == "Bearer t"


async def test_half_written_fleet_file_is_not_used(file: FleetFile) -> None:
    """Half a file may be a valid, smaller fleet."""
    async with serve() as one, serve() as two:
        both = table("a", one.url) + table("b", two.url)
        file.write(both)
        seen = []
        async with run(file, fleet_settles=0.3) as gateway:
            change = gateway.gateway.change
            gateway.gateway.change = lambda fleet: (seen.append(fleet), change(fleet))[1]  # type: ignore[method-assign]
            for end in (len(table("a", one.url)), len(both) - 3):
                file.path.write_text(both[:end])
                await asyncio.sleep(0.1)  # a slow writer, faster than a changed file settles
            file.path.write_text(both + table("c", "http://127.0.0.1:1"))
            await until(lambda: server_of(gateway, "c"))
            assert [len(fleet.servers) for fleet in seen] == [3]
            assert problem_of(gateway) == ""


async def test_half_written_token_file_is_not_used(file: FleetFile) -> None:
    async with serve() as one:
        token = file.path.with_name("token")
        token.write_text("first")
        file.write(table("a", one.url, token="file:token"))
        seen = []
        async with run(file, fleet_settles=1.0) as gateway:
            change = gateway.gateway.change
            gateway.gateway.change = lambda fleet: (seen.append(fleet), change(fleet))[1]  # type: ignore[method-assign]
            for count in range(1, 16):  # longer in all than a changed file needs to settle
                token.write_text("t" * count)
                await asyncio.sleep(0.1)
            await until(lambda: seen)
            assert [fleet.servers[0].access.authorization for fleet in seen] == [f"Bearer {'t' * 15}"]


# Rules, names and limits


async def test_changed_rules_and_names_take_effect(file: FleetFile) -> None:
    async with serve() as one:
        file.write(table("a", one.url))
        async with run(file) as gateway:
            request = b"GET /fleet HTTP/1.1\r\nHost: studio.lan:%d\r\n\r\n" % gateway.port
            assert b" 403 " in (await speak(gateway.port, request)).split(b"\r\n")[0]
            rest = '[gateway]\nnames = ["studio.lan"]\nmax_pending_per_user = 3\n'
            file.write(table("a", one.url), rest=rest)
            await until(lambda: gateway.gateway.rules.max_pending_per_user == 3)
            assert b" 200 " in (await speak(gateway.port, request)).split(b"\r\n")[0]
            file.write(table("a", one.url))
            await until(lambda: gateway.gateway.rules.max_pending_per_user is None)
            assert b" 403 " in (await speak(gateway.port, request)).split(b"\r\n")[0]


async def test_smaller_lane_and_upload_limit_take_effect_immediately(
    browser: aiohttp.ClientSession, file: FleetFile
) -> None:
    async with serve(hang) as one:
        file.write(table("a", one.url))
        async with run(file, lane=0.05) as gateway:
            file.write(table("a", one.url, max_requests=1, max_upload=1_000_000))
            await until(lambda: gateway.gateway.state.fleet.servers[0].limits.requests == 1)
            first = asyncio.ensure_future(json_of(browser.get(f"{gateway.url}/servers/a/history/1")))
            await until(lambda: len(one.seen) == 1)
            async with browser.get(f"{gateway.url}/servers/a/history/2") as reply:
                assert verdict(reply) == (503, "upstream-busy; sent=no")
            async with upload(browser, gateway, bytes(1_000_001)) as reply:
                assert verdict(reply) == (413, "too-large; sent=no")
            first.cancel()
