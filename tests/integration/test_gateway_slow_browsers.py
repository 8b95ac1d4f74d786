"""Browsers that read slowly or not at all: the server is always drained, and the browser is cut."""

# ruff: noqa: SIM117 (one block for the servers, another for the requests)

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import AsyncIterator

import aiohttp
from aiohttp import WSMsgType, web

from gateway.http.budget import SOCKETS
from gateway.http.closes import NO_ROOM
from gateway.http.tunnel import LARGEST_FROM_SERVER, MOST_WAITING_FRAMES
from tests.integration.hub import Hub, connect, read_all, text
from tests.kit.gateways import PATIENCE, Running, open_gateway, serve, until


async def test_server_is_drained_though_the_browser_does_not_read(browser: aiohttp.ClientSession) -> None:
    picture = bytes(512 * 1024)

    async def run(socket: web.WebSocketResponse) -> None:
        metadata = json.dumps({"prompt_id": "p"}).encode()
        await socket.send_str(text("execution_start", prompt_id="p"))
        for step in range(200):  # 100 MB, more than any kernel buffers
            await socket.send_str(text("progress", prompt_id="p", value=step))
            await socket.send_bytes(struct.pack(">II", 4, len(metadata)) + metadata + picture)
            if step % 50 == 0:
                await socket.send_str(text("executed", prompt_id="p", node=step))
        await socket.send_str(text("execution_success", prompt_id="p"))

    hub = Hub(talk=run)
    async with serve(hub.answer) as upstream, open_gateway({"a": upstream.url}) as gateway:
        socket = await connect(browser, gateway)
        async with asyncio.timeout(PATIENCE):
            await hub.has_talked.wait()  # before the browser has read any message
        texts, pictures = [], 0
        while not texts or texts[-1]["type"] != "execution_success":
            message = await socket.receive(PATIENCE)
            if message.type is WSMsgType.TEXT:
                texts.append(json.loads(message.data))
            else:
                pictures += 1
    kept = [message for message in texts if message["type"] != "progress"]
    assert [message["type"] for message in kept] == ["execution_start", *["executed"] * 4, "execution_success"]
    assert [message["data"]["node"] for message in kept[1:-1]] == [0, 50, 100, 150]
    steps = [message["data"]["value"] for message in texts if message["type"] == "progress"]
    assert steps == sorted(steps)
    assert steps[-1] == 199, "the latest progress has arrived"
    assert 0 < pictures < 100, "outdated previews have not"


async def flood(socket: web.WebSocketResponse) -> None:
    filler = "x" * 16_000
    for number in range(3 * MOST_WAITING_FRAMES):
        await socket.send_str(text("executed", node=number, filler=filler))


async def test_browser_that_falls_too_far_behind_is_cut(browser: aiohttp.ClientSession) -> None:
    hub = Hub(talk=flood)
    async with serve(hub.answer) as upstream, open_gateway({"a": upstream.url}, browser_close=PATIENCE) as gateway:
        socket = await connect(browser, gateway)
        await until(lambda: hub.accepted and not hub.open)  # its socket has ended, though it has read no message
        messages = await read_all(socket)
        assert socket.close_code == 1013
        nodes = [json.loads(message.data)["data"]["node"] for message in messages]
        assert nodes == list(range(len(nodes))), "what arrived has no gap"


async def test_browser_that_reads_nothing_is_cut_without_new_messages(
    browser: aiohttp.ClientSession,
) -> None:
    picture = struct.pack(">II", 1, 1) + bytes(1024 * 1024)

    async def show(socket: web.WebSocketResponse) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                await socket.send_bytes(picture)
                await asyncio.sleep(0.01)

    hub = Hub(talk=show)
    async with serve(hub.answer) as upstream:
        async with open_gateway({"a": upstream.url}, stalled=0.5, browser_close=PATIENCE) as gateway:
            socket = await connect(browser, gateway)
            await until(lambda: hub.accepted and not hub.open)
            await read_all(socket)
            assert socket.close_code == 1013


async def test_cut_browser_that_still_does_not_read_is_dropped(browser: aiohttp.ClientSession) -> None:
    hub = Hub(talk=flood)
    async with serve(hub.answer) as upstream, open_gateway({"a": upstream.url}, browser_close=0.2) as gateway:
        socket = await connect(browser, gateway)
        await until(lambda: hub.accepted and not hub.open)
        await until(lambda: not gateway.gateway._runner.server.connections)
        del socket  # kept until here: a collected socket would end its connection


async def test_browser_that_answers_no_ping_is_dropped() -> None:
    hub = Hub()
    async with serve(hub.answer) as upstream, open_gateway({"a": upstream.url}, heartbeat=0.2) as gateway:
        _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        host = gateway.url.removeprefix("http://")
        writer.write(
            f"GET /servers/a/ws?clientId=w HTTP/1.1\r\nHost: {host}\r\nOrigin: {gateway.url}\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        await until(lambda: hub.accepted and not hub.open)  # it answers no ping
        await until(lambda: not gateway.gateway._runner.server.connections)
        writer.transport.abort()


async def test_unread_messages_of_one_browser_have_one_limit() -> None:
    filler = "x" * 3_900_000

    async def send(line: web.WebSocketResponse) -> None:
        with contextlib.suppress(ConnectionError):
            for number in range(3):
                await line.send_str(text("executed", node=number, filler=filler))

    hub = Hub(talk=send)
    async with serve(hub.answer) as upstream, open_gateway({"a": upstream.url}, stalled=PATIENCE) as gateway:
        budget = gateway.gateway.budget
        async with contextlib.AsyncExitStack() as stack:
            for number in range(10):
                await stack.enter_async_context(unread_socket(gateway, f"w{number}"))
            await hub.has_accepted(10)
            lines, sizes = list(gateway.gateway._tunnels._open), []

            def is_cut() -> bool:
                sizes.append(budget.size)
                return sum(line.is_over for line in lines) >= 5

            await until(is_cut)
            assert 0 < max(sizes) <= SOCKETS.most_of_one
            assert {line._over.result() for line in lines if line.is_over} == {NO_ROOM}
            assert not all(line.is_over for line in lines)
        await until(lambda: budget.size == 0)


@contextlib.asynccontextmanager
async def unread_socket(gateway: Running, client_id: str) -> AsyncIterator[asyncio.StreamReader]:
    """Open a window's socket of which almost nothing is read."""
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)  # or the system takes all of it
    slow.connect(("127.0.0.1", gateway.port))
    reader, writer = await asyncio.open_connection(sock=slow, limit=1_000)
    host = gateway.url.removeprefix("http://")
    writer.write(
        f"GET /servers/a/ws?clientId={client_id} HTTP/1.1\r\nHost: {host}\r\nOrigin: {gateway.url}\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    try:
        yield reader
    finally:
        writer.transport.abort()


async def test_unfinished_messages_of_one_browser_have_one_limit(browser: aiohttp.ClientSession) -> None:
    async def begin(line: web.WebSocketResponse) -> None:
        transport = line._req.transport  # type: ignore[union-attr]
        assert isinstance(transport, asyncio.Transport)
        transport.write(b"\x82\x7f" + struct.pack(">Q", LARGEST_FROM_SERVER - 1))
        transport.write(bytes(LARGEST_FROM_SERVER - 10_000))

    hub = Hub(talk=begin)
    async with serve(hub.answer) as upstream, open_gateway({"a": upstream.url}) as gateway:
        budget, sizes = gateway.gateway.budget, []
        sockets = [await connect(browser, gateway, f"w{number}") for number in range(6)]

        def is_cut() -> bool:
            sizes.append(budget.size)
            return hub.accepted == 6 and hub.open <= 2

        await until(is_cut)
        assert 0 < max(sizes) <= SOCKETS.most_of_one
        assert hub.open
        lines = gateway.gateway._tunnels._open
        assert not any(line._over.result() != NO_ROOM for line in lines if line.is_over)
        for socket in sockets:
            await socket.close()
        assert [socket.close_code for socket in sockets].count(NO_ROOM.code) >= 4
        await until(lambda: budget.size == 0)


async def test_message_over_the_limit_ends_the_socket(browser: aiohttp.ClientSession) -> None:
    async def send(line: web.WebSocketResponse) -> None:
        with contextlib.suppress(ConnectionError):
            await line.send_bytes(bytes(LARGEST_FROM_SERVER + 1))

    hub = Hub(talk=send)
    async with serve(hub.answer) as upstream, open_gateway({"a": upstream.url}) as gateway:
        socket = await connect(browser, gateway)
        assert await read_all(socket) == []
        assert socket.close_code == 1014


async def test_complete_messages_are_charged_to_no_one_once_they_are_read(browser: aiohttp.ClientSession) -> None:
    async def send(line: web.WebSocketResponse) -> None:
        for number in range(3):
            await line.send_str(text("executed", node=number, filler="x" * 7_000_000))

    hub = Hub(talk=send)
    async with serve(hub.answer) as upstream, open_gateway({"a": upstream.url}) as gateway:
        socket = await connect(browser, gateway)
        nodes = [json.loads((await socket.receive(PATIENCE)).data)["data"]["node"] for _ in range(3)]
        assert nodes == [0, 1, 2]
        await until(lambda: gateway.gateway.budget.size == 0)
