"""Node catalogues: the gateway reads them, names them by hash, and keeps one for servers with the same nodes."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.integration.test_local_servers import Stranger, stranger
from tests.kit.gateways import NODES, QUEUE, STATS, Running, open_gateway, serve, serve_all, until


def servers_of(gateway: Running) -> dict[str, dict[str, Any]]:
    """Return the servers as windows receive them."""
    servers: Any = gateway.gateway.state.as_json()["servers"]
    return {server["id"]: server for server in servers}


async def test_servers_with_the_same_nodes_share_a_catalogue(browser: aiohttp.ClientSession) -> None:
    async with serve() as a, serve() as b, open_gateway({"a": a.url, "b": b.url}) as gateway:
        await until(lambda: all(server["catalogue"] for server in servers_of(gateway).values()))
        servers = servers_of(gateway)
        assert servers["a"]["catalogue"] == servers["b"]["catalogue"]
        plain = {"Accept-Encoding": "identity"}
        async with browser.get(f"{gateway.url}/catalogues/{servers['a']['catalogue']}", headers=plain) as reply:
            assert (reply.status, "Content-Encoding" in reply.headers) == (200, False)
            assert reply.headers["Cache-Control"] == "private, max-age=31536000, immutable"
            assert json.loads("{" + ",".join((await reply.text()).splitlines()) + "}") == NODES
        packed = {"Accept-Encoding": "gzip"}
        async with browser.get(f"{gateway.url}/catalogues/{servers['a']['catalogue']}", headers=packed) as reply:
            assert (reply.headers["Content-Encoding"], reply.headers["Vary"]) == ("gzip", "Accept-Encoding")


async def test_requested_catalogue_is_read_from_the_server(browser: aiohttp.ClientSession) -> None:
    nodes: dict[str, Any] = {"A": {}}

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return web.json_response(nodes)

    async with serve(answer, nodes=None) as a, open_gateway({"a": a.url}) as gateway:
        await until(lambda: servers_of(gateway)["a"]["catalogue"])
        before = servers_of(gateway)["a"]["catalogue"]
        nodes["B"] = {"input": {"required": {"image": [["x.png"], {"image_upload": True}]}}}
        async with browser.get(f"{gateway.url}/fleet/catalogue/a") as reply:
            fresh = await reply.json()
        assert fresh["catalogue"] == servers_of(gateway)["a"]["catalogue"] != before
        nodes["B"]["input"]["required"]["image"][0].append("y.png")
        async with browser.get(f"{gateway.url}/fleet/catalogue/a") as reply:
            later = await reply.json()
        assert later["catalogue"] == fresh["catalogue"], "an upload changes no catalogue"
        assert later["files"] != fresh["files"]


def reads_of(server: Stranger) -> int:
    return server.seen.count("/object_info")


async def use(browser: aiohttp.ClientSession, gateway: Running, server_id: str) -> None:
    """Load the fleet and its catalogue as a window does, and open the window's socket to a server."""
    async with browser.get(f"{gateway.url}/fleet") as reply:
        (server,) = (await reply.json())["servers"]
    if server["catalogue"]:
        async with browser.get(f"{gateway.url}/catalogues/{server['catalogue']}") as reply:
            assert reply.status == 200
    headers = {"Origin": gateway.url}
    async with browser.ws_connect(f"{gateway.url}/servers/{server_id}/ws?clientId=w", headers=headers):
        pass


async def test_catalogue_is_read_once_for_each_process(browser: aiohttp.ClientSession) -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with stranger() as first:
            quick = {"probe_well": 0.02, "probe_down": 0.02, "catalogue_fresh": 0.0}
            gateway = await stack.enter_async_context(open_gateway({"a": first.url}, **quick))
            await until(lambda: servers_of(gateway)["a"]["catalogue"])
            for _ in range(5):  # windows and reloads
                await use(browser, gateway, "a")
            probed = first.seen.count("/queue")
            await until(lambda: first.seen.count("/queue") > probed + 5)
            assert reads_of(first) == 1
        await until(lambda: servers_of(gateway)["a"]["health"] == "down")
        second = await stack.enter_async_context(stranger(first.port))
        await until(lambda: reads_of(second))
        await use(browser, gateway, "a")
        probed = second.seen.count("/queue")
        await until(lambda: second.seen.count("/queue") > probed + 5)
        assert reads_of(second) == 1


async def test_late_answers_do_not_repeat_the_read() -> None:
    """A server that writes a large catalogue answers nothing else until it has ended."""
    reads, is_late = 0, asyncio.Event()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal reads
        reads += request.path == "/object_info"
        if is_late.is_set() and request.path == "/system_stats":
            await asyncio.Event().wait()
        known = {"/system_stats": STATS, "/queue": QUEUE, "/object_info": NODES}
        return web.json_response(known.get(request.path, {}))

    async with (
        serve_all(answer) as url,
        open_gateway({"a": url}, probe=0.2, probe_well=0.02, probe_down=0.02) as gateway,
    ):
        await until(lambda: servers_of(gateway)["a"]["catalogue"])
        for _ in range(3):
            is_late.set()
            await until(lambda: servers_of(gateway)["a"]["health"] == "timeout")
            is_late.clear()
            await until(lambda: servers_of(gateway)["a"]["health"] == "well")
        async with aiohttp.ClientSession() as window, window.get(f"{gateway.url}/fleet/catalogue/a"):
            assert reads == 2, "the first, and the one that was requested"


async def test_window_has_a_missing_catalogue_read(browser: aiohttp.ClientSession) -> None:
    answers = [web.Response(status=500), web.json_response(NODES)]

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return answers.pop(0) if request.path == "/object_info" else web.Response(status=404)

    async with serve(answer, nodes=None) as a, open_gateway({"a": a.url}) as gateway:
        await until(lambda: len(answers) == 1)
        await until(lambda: not gateway.gateway._catalogues._reads)
        await use(browser, gateway, "a")
        await until(lambda: servers_of(gateway)["a"]["catalogue"])


async def test_failed_read_keeps_the_earlier_catalogue(browser: aiohttp.ClientSession) -> None:
    answers = [web.json_response({"A": {}}), web.Response(status=500), web.json_response([1]), web.Response(text="x")]

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return answers.pop(0)

    async with serve(answer, nodes=None) as a, open_gateway({"a": a.url}) as gateway:
        await until(lambda: servers_of(gateway)["a"]["catalogue"])
        before = servers_of(gateway)["a"]["catalogue"]
        while answers:
            async with browser.get(f"{gateway.url}/fleet/catalogue/a") as reply:
                assert (await reply.json())["catalogue"] == before


async def test_hung_read_ends_at_its_deadline_without_delaying_others(browser: aiohttp.ClientSession) -> None:
    async def hang(request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async with (
        serve(hang, nodes=None) as a,
        serve() as b,
        open_gateway({"a": a.url, "b": b.url}, catalogue=0.5) as gateway,
    ):
        await until(lambda: servers_of(gateway)["b"]["catalogue"])
        async with browser.get(f"{gateway.url}/fleet/catalogue/a") as reply:
            assert (await reply.json()) == {"v": 1, "catalogue": "", "files": ""}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/catalogues/" + "0" * 64, 404),
        ("/catalogues/x", 404),
        ("/fleet/catalogue/nobody", 404),
        ("/fleet/catalogue/", 404),
    ],
)
async def test_unknown_catalogue_or_server_is_refused(browser: aiohttp.ClientSession, path: str, status: int) -> None:
    async with open_gateway({"a": "http://127.0.0.1:1"}) as gateway, browser.get(gateway.url + path) as reply:
        assert reply.status == status
        assert "sent=no" in reply.headers["X-Mooring-Gateway"]
