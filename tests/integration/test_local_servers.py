"""Servers that run on this machine: found by their ports, offered, and used only once chosen."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from gateway.__main__ import _serve
from gateway.flags import read_flags
from gateway.fleet.fleet import DeclaredBy, Fleet, LocalServer
from gateway.fleet.local_servers import find_local_servers
from gateway.gpus.command import main as gpus
from gateway.http.deadlines import Deadlines
from gateway.http.servers import Server, ServerId
from tests.integration.test_gateway_fleet import HEALTH
from tests.kit.gateways import NODES, QUEUE, STATS, open_fleet, open_gateway, serve, serve_all, serve_raw, until
from tests.kit.services import free_ports, start_demo
from wire.health import Health

NOTHING = Fleet(DeclaredBy.FLAGS, "", ())
GPU = {"name": "cuda:0 NVIDIA GeForce RTX 4090 : cudaMallocAsync", "type": "cuda", "index": 0}
SOON = replace(Deadlines(), probe=0.5)


@dataclass
class Stranger:
    """A ComfyUI that no flag names, and the path of every request to it."""

    port: int
    seen: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def server_id(self) -> str:
        return f"local-{self.port}"


@contextlib.asynccontextmanager
async def stranger(port: int | None = None, **system: object) -> AsyncIterator[Stranger]:
    """Start one; `system` is what it says of itself."""
    own = Stranger(port or free_ports())

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        own.seen.append(request.path)
        stats = {"system": STATS["system"] | system, "devices": [GPU]}  # type: ignore[operator]
        known = {"/system_stats": stats, "/queue": QUEUE, "/object_info": NODES}
        return web.json_response(known[request.path]) if request.path in known else web.Response(status=404)

    async with serve_all(answer, own.port):
        yield own


async def test_only_comfyui_is_found_and_asked_for_its_stats_alone() -> None:
    async with contextlib.AsyncExitStack() as stack:
        real = await stack.enter_async_context(stranger(comfyui_version="0.30.0"))
        known = await stack.enter_async_context(serve())
        mooring = await stack.enter_async_context(open_gateway({"a": known.url}))
        demo = stack.enter_context(start_demo())
        others = [await stack.enter_async_context(serve_raw(talk)) for talk, _, _ in HEALTH.values()]
        ports = [int(url.rpartition(":")[2]) for url in (known.url, mooring.url, demo.url, *others)]
        fleet = Fleet(DeclaredBy.FOUND, "", (Server(ServerId("local"), "local", known.url),))
        found = await find_local_servers(fleet, SOON, [*ports, free_ports(), real.port])
    server = Server(ServerId(real.server_id), real.server_id, real.url)
    assert found == (LocalServer(server, "0.30.0", ("cuda:0 NVIDIA GeForce RTX 4090",)),)
    assert real.seen == ["/system_stats"]


async def test_answers_text_is_safe_for_a_terminal() -> None:
    async with stranger(comfyui_version="0.30.0\x1b[2J\n") as real:
        (found,) = await find_local_servers(NOTHING, SOON, [real.port])
    assert found.version == "0.30.0[2J"


async def test_hung_ports_are_asked_at_the_same_time() -> None:
    waiting = asyncio.Barrier(6)

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await waiting.wait()
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    async with contextlib.AsyncExitStack() as stack:
        urls = [await stack.enter_async_context(serve_raw(hang)) for _ in range(6)]
        ports = [int(url.rpartition(":")[2]) for url in urls]
        assert await find_local_servers(NOTHING, replace(SOON, probe=3_600.0), ports) == ()


async def test_chosen_server_joins_the_fleet(browser: aiohttp.ClientSession) -> None:
    async with serve() as known, stranger() as real, open_gateway({"a": known.url}) as gateway:
        state = gateway.gateway.state
        state.note_local(await find_local_servers(state.fleet, SOON, [real.port]))
        async with browser.get(f"{gateway.url}/fleet") as reply:
            sent = await reply.json()
        assert [one["id"] for one in sent["servers"]] == ["a"]
        assert sent["local"] == [
            {
                "id": real.server_id,
                "address": real.url,
                "version": "0.3.64",
                "devices": ["cuda:0 NVIDIA GeForce RTX 4090"],
            }
        ]
        assert real.seen == ["/system_stats"]
        headers = {"Origin": gateway.url}
        for _ in range(2):  # also from another window
            async with browser.post(f"{gateway.url}/fleet/servers", json={"url": real.url}, headers=headers) as reply:
                assert reply.status == 200
        await until(lambda: state.condition(ServerId(real.server_id)).health is Health.WELL)
        async with browser.get(f"{gateway.url}/fleet") as reply:
            sent = await reply.json()
        assert [one["id"] for one in sent["servers"]] == ["a", real.server_id]
        assert sent["local"] == []
        async with browser.get(f"{gateway.url}/servers/{real.server_id}/queue") as reply:
            assert await reply.json() == QUEUE


async def test_chosen_server_replaces_the_demo(browser: aiohttp.ClientSession) -> None:
    async with serve() as demo, stranger() as real:
        fleet = Fleet(DeclaredBy.DEMO, "a demo", (Server(ServerId("demo-1"), "demo-1", demo.url),))
        async with open_fleet(fleet) as gateway:
            state = gateway.gateway.state
            state.note_local(await find_local_servers(fleet, SOON, [real.port]))
            body, headers = {"url": real.url}, {"Origin": gateway.url}
            async with browser.post(f"{gateway.url}/fleet/servers", json=body, headers=headers) as reply:
                assert reply.status == 200
            assert {key: one.is_drained for key, one in state.servers.items()} == {
                "demo-1": True,
                real.server_id: False,
            }
            assert state.fleet.source is DeclaredBy.FOUND and "was added in the page" in state.fleet.why
            await until(lambda: state.condition(ServerId(real.server_id)).health is Health.WELL)
            assert not state.condition(ServerId(real.server_id)).is_demo


async def test_start_prints_found_servers_and_waits_for_none(capsys: pytest.CaptureFixture[str]) -> None:
    may_end = asyncio.Event()
    printed = ""

    async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await may_end.wait()

    def has(text: str) -> bool:
        nonlocal printed
        printed += capsys.readouterr().out
        return text in printed

    async with serve() as usual, stranger(comfyui_version="0.30.0") as real, serve_raw(hang) as hung:
        port = free_ports()
        ports = [real.port, int(hung.rpartition(":")[2])]
        serving = asyncio.create_task(_serve(read_flags(["--port", str(port)]), usual.url, ports))
        await until(lambda: has("Mooring is ready") or serving.done())
        assert "Also found" not in printed
        may_end.set()
        command = f"serve.py --port {port} --server local={usual.url} --server {real.server_id}={real.url}\n"
        await until(lambda: has(command) or serving.done())
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving
    about = "ComfyUI 0.30.0, cuda:0 NVIDIA GeForce RTX 4090"
    assert f"  {real.server_id}  {real.url}  {about}\n" in printed
    assert real.seen == ["/system_stats"]


@pytest.mark.parametrize("flags", [["--server", "a=http://127.0.0.1:1"], ["--host", "0.0.0.0", "--insecure"]])
async def test_named_fleet_or_open_gateway_asks_no_ports(capsys: pytest.CaptureFixture[str], flags: list[str]) -> None:
    printed = ""

    def is_ready() -> bool:
        nonlocal printed
        printed += capsys.readouterr().out
        return "Mooring is ready" in printed

    async with serve() as usual, stranger() as real:
        words = ["--port", str(free_ports()), *flags]
        serving = asyncio.create_task(_serve(read_flags(words), usual.url, [real.port]))
        await until(lambda: is_ready() or serving.done())
        await find_local_servers(NOTHING, SOON, [usual.port])  # a search that began before this one would have ended
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving
    assert "Mooring is ready" in printed
    assert real.seen == []


async def test_running_server_names_gpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    async with stranger() as real:
        assert await asyncio.to_thread(gpus, [], [real.port]) == 0
    printed = capsys.readouterr().out
    assert f"{real.url}: ComfyUI 0.3.64 on cuda:0 NVIDIA GeForce RTX 4090\n" in printed
    assert "  CUDA_VISIBLE_DEVICES=0 python main.py --port 8188  # NVIDIA GeForce RTX 4090\n" in printed
