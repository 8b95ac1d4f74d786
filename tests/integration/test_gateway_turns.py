"""Sockets of one window to a server never overlap there."""

# ruff: noqa: SIM117 (one block for the servers, another for the requests)

from __future__ import annotations

import asyncio
import base64
import hashlib

import aiohttp
import pytest

from tests.integration.hub import Hub, connect, drop, end_of, read_all
from tests.kit.gateways import open_gateway, serve, serve_raw, until


@pytest.mark.parametrize("leave", ["close", "drop", "stay"])
async def test_sockets_of_one_client_id_never_overlap(browser: aiohttp.ClientSession, leave: str) -> None:
    hub = Hub(close_late=0.2)
    async with serve(hub.answer) as upstream, open_gateway({"a": upstream.url}) as gateway:
        sockets = []
        for number in range(4):
            sockets.append(await connect(browser, gateway))
            await hub.has_accepted(number + 1)
            if leave == "close":
                await sockets[-1].close()
            elif leave == "drop":
                drop(sockets[-1])
        assert hub.accepted == 4
        assert hub.most_open == 1
        if leave == "stay":
            assert await end_of(sockets[0]) == (4409, "a newer socket has this client_id")
            assert not sockets[-1].closed
        for socket in sockets:
            await socket.close()
        await until(lambda: not gateway.gateway._tunnels._slots)


async def test_simultaneous_upgrades_never_overlap(browser: aiohttp.ClientSession) -> None:
    hub = Hub(close_late=0.05)
    async with serve(hub.answer) as upstream, open_gateway({"a": upstream.url}) as gateway:
        sockets = await asyncio.gather(*(connect(browser, gateway) for _ in range(6)))
        readings = [asyncio.create_task(read_all(socket)) for socket in sockets]
        await hub.has_accepted(6)
        assert hub.most_open == 1
        assert hub.open == 1
        await until(lambda: sum(reading.done() for reading in readings) == 5)
        assert [socket.close_code for socket in sockets].count(4409) == 5


async def test_sockets_of_other_client_ids_do_not_wait(browser: aiohttp.ClientSession) -> None:
    hub = Hub(never_closes=True)
    async with serve(hub.answer) as upstream, open_gateway({"a": upstream.url}) as gateway:
        first = await connect(browser, gateway, "one")
        await hub.has_accepted(1)
        await first.close()
        last = await connect(browser, gateway, "two")
        await hub.has_accepted(2)
        assert hub.most_open == 2
        assert not last.closed


async def test_next_socket_waits_for_the_end_of_the_tcp_connection(browser: aiohttp.ClientSession) -> None:
    is_open, most_open, accepted = 0, 0, 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer a Close frame immediately, and end the connection 200 ms later."""
        nonlocal is_open, most_open, accepted
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        if "Upgrade: websocket" not in head:
            return
        key = next(line.split(": ")[1] for line in head.split("\r\n") if line.startswith("Sec-WebSocket-Key"))
        writer.write(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept_key(key)}\r\n\r\n".encode()
        )
        accepted += 1
        is_open += 1
        most_open = max(most_open, is_open)
        try:
            await reader.readexactly(1)
            writer.write(b"\x88\x02\x03\xe8")
            await asyncio.sleep(0.2)
        finally:
            is_open -= 1

    async with serve_raw(talk) as url, open_gateway({"a": url}) as gateway:
        for number in range(3):
            socket = await connect(browser, gateway)
            await until(lambda number=number: accepted > number)
            await socket.close()
        assert (accepted, most_open) == (3, 1)


def accept_key(key: str) -> str:
    digest = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode(), usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()


async def test_unconfirmed_close_is_waited_for_until_a_deadline(
    browser: aiohttp.ClientSession,
) -> None:
    hub = Hub(never_closes=True)
    async with serve(hub.answer) as upstream:
        async with open_gateway({"a": upstream.url}, upstream_close=60.0, replace=0.3) as gateway:
            first = await connect(browser, gateway)
            await hub.has_accepted(1)
            await first.close()
            assert await end_of(await connect(browser, gateway)) == (4503, "upstream-busy")
            assert hub.most_open == 1
            await until(lambda: not hub.open)  # the older connection has been dropped
            last = await connect(browser, gateway)
            await hub.has_accepted(2)
            assert hub.most_open == 1
            assert not last.closed


@pytest.mark.parametrize("leave", ["close", "drop"])
async def test_closed_browser_leaves_no_connecting_socket(browser: aiohttp.ClientSession, leave: str) -> None:
    hub = Hub(accept_late=asyncio.Event(), close_late=0.1)
    async with serve(hub.answer) as upstream, open_gateway({"a": upstream.url}) as gateway:
        early = await connect(browser, gateway)
        await until(lambda: upstream.seen)
        if leave == "close":
            await early.close()
        else:
            drop(early)
        await until(lambda: not gateway.gateway._runner.server.connections)
        last = await connect(browser, gateway)
        assert hub.accept_late is not None
        hub.accept_late.set()
        await hub.has_accepted(2)
        assert hub.most_open == 1
        assert not last.closed


async def test_closed_browser_before_its_turn_causes_no_connection(browser: aiohttp.ClientSession) -> None:
    hub = Hub(accept_late=asyncio.Event())
    async with serve(hub.answer) as upstream, open_gateway({"a": upstream.url}) as gateway:
        first = await connect(browser, gateway)
        await until(lambda: upstream.seen)
        second, third = await connect(browser, gateway), await connect(browser, gateway)
        await second.close()
        assert hub.accept_late is not None
        hub.accept_late.set()
        await third.send_str("third")
        await until(lambda: hub.heard == ["third"])
        assert (hub.accepted, hub.most_open) == (2, 1)
        assert (await end_of(first))[0] == 4409


async def test_socket_that_never_connects_does_not_block_its_window(
    browser: aiohttp.ClientSession,
) -> None:
    hub = Hub(accept_late=asyncio.Event())
    async with serve(hub.answer) as upstream:
        async with open_gateway({"a": upstream.url}, replace=0.3, handshake=60.0) as gateway:
            first = await connect(browser, gateway)
            await until(lambda: upstream.seen)
            assert await end_of(await connect(browser, gateway)) == (4503, "upstream-busy")
            assert (await end_of(first))[0] == 4409
            assert hub.accept_late is not None
            hub.accept_late.set()
            last = await connect(browser, gateway)
            await hub.has_accepted(1)
            assert not last.closed
