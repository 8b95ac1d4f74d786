"""WebSockets through the gateway: accepted before the server has, relayed both ways, and closed with the true cause."""

# ruff: noqa: SIM117 (one block for the servers, another for the requests)

from __future__ import annotations

import asyncio
import json
import struct

import aiohttp
import pytest
from aiohttp import web

from gateway.http.early_messages import MOST_BYTES, MOST_MESSAGES, EarlyMessages
from gateway.http.pace import Pace
from tests.integration.hub import FLAGS, Hub, connect, end_of, read_all, text
from tests.kit.gateways import PATIENCE, Running, open_gateway, serve, serve_raw, until
from tests.kit.services import free_ports


async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Accept a connection and never answer."""
    await reader.read()


# Before the server accepts


async def test_hung_server_does_not_delay_other_sockets(browser: aiohttp.ClientSession) -> None:
    """A browser opens one socket after the other, so an unanswered handshake would delay all others."""
    hub = Hub(talk=lambda socket: socket.send_str("heard"))
    async with serve_raw(hang) as hung, serve(hub.answer) as well:
        async with open_gateway({"a": hung, "b": well.url}, handshake=100 * PATIENCE) as gateway:
            waiting = [await connect(browser, gateway, f"window-{number}") for number in range(8)]
            socket = await connect(browser, gateway, "another", "b")
            assert await socket.receive_str() == "heard"
            assert not any(one.closed for one in waiting)


async def test_connection_to_a_server_ends_at_its_deadline(browser: aiohttp.ClientSession) -> None:
    dialled = ended = 0

    async def count(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        nonlocal dialled, ended
        if b"Upgrade: websocket" in await reader.readuntil(b"\r\n\r\n"):
            dialled += 1
            await reader.read()
            ended += 1
        await reader.read()

    async with serve_raw(count) as url, open_gateway({"a": url}, handshake=0.3) as gateway:
        sockets = [await connect(browser, gateway, f"window-{number}") for number in range(8)]
        assert [await end_of(socket) for socket in sockets] == [(4504, "timeout")] * 8
        await until(lambda: dialled == ended == 8)
        await until(lambda: not gateway.gateway._tunnels._slots and not gateway.gateway._tunnels._open)


async def test_unreachable_or_refusing_server_closes_with_its_cause(browser: aiohttp.ClientSession) -> None:
    async def refuse(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=403)

    async def hang_up(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")

    async with serve(refuse) as upstream, serve_raw(hang_up) as mute:
        servers = {"a": upstream.url, "off": f"http://127.0.0.1:{free_ports()}", "mute": mute}
        async with open_gateway(servers) as gateway:
            ends = {server_id: await end_of(await connect(browser, gateway, "w", server_id)) for server_id in servers}
    assert ends == {
        "a": (4502, "upstream-refused"),
        "off": (4502, "connect-failed"),
        "mute": (4502, "upstream-lost"),
    }


async def test_early_messages_are_kept_and_sent_first(browser: aiohttp.ClientSession) -> None:
    hub = Hub(accept_late=asyncio.Event())
    sent = [FLAGS, *(str(number) for number in range(40))]
    async with serve(hub.answer) as upstream, open_gateway({"a": upstream.url}) as gateway:
        socket = await connect(browser, gateway)
        for message in sent[:20]:
            await socket.send_str(message)
        await until(lambda: len(early_of(gateway)) == 20)
        assert hub.accept_late is not None
        hub.accept_late.set()
        await hub.has_accepted(1)
        for message in sent[20:]:  # some of these arrive while the early ones are being sent
            await socket.send_str(message)
            await asyncio.sleep(0)
        await until(lambda: len(hub.heard) == len(sent))
    assert hub.heard == sent


@pytest.mark.parametrize("sent", [["x"] * (MOST_MESSAGES + 1), ["x" * (MOST_BYTES + 1)]], ids=["many", "long"])
async def test_early_messages_are_bounded(browser: aiohttp.ClientSession, sent: list[str]) -> None:
    hub = Hub(accept_late=asyncio.Event())
    async with serve(hub.answer) as upstream, open_gateway({"a": upstream.url}) as gateway:
        socket = await connect(browser, gateway)
        for message in sent:
            await socket.send_str(message)
        code, _ = await end_of(socket)
        assert code == 1008


def early_of(gateway: Running) -> EarlyMessages:
    """Return the messages that the gateway keeps for its only socket."""
    [line] = gateway.gateway._tunnels._open
    return line._early


# Both directions


async def test_messages_pass_both_ways_in_order(
    browser: aiohttp.ClientSession,
) -> None:
    async def greet(socket: web.WebSocketResponse) -> None:
        await socket.send_str(text("status", sid="w"))
        await socket.send_bytes(struct.pack(">II", 1, 1) + b"jpeg")

    hub = Hub(talk=greet)
    async with serve(hub.answer) as upstream, open_gateway({"a": upstream.url}) as gateway:
        socket = await connect(browser, gateway)
        await socket.send_str(FLAGS)
        await socket.send_bytes(b"dropped: ComfyUI takes none")
        await socket.send_str("second")
        assert (await socket.receive_str()) == text("status", sid="w")
        assert (await socket.receive_bytes())[8:] == b"jpeg"
        await until(lambda: len(hub.heard) == 2)
        assert hub.heard == [FLAGS, "second"]
        [request] = upstream.seen
        assert request.raw_path == "/ws?clientId=w"
        assert request.headers["Origin"] == upstream.url
        await socket.close()
        await until(lambda: not hub.open)


async def test_each_message_is_read_and_sent_at_the_shared_pace(
    browser: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Counting(Pace):
        steps = 0

        async def step(self) -> None:
            Counting.steps += 1
            await super().step()

    async def talk(socket: web.WebSocketResponse) -> None:
        for number in range(300):
            await socket.send_str(text("executing", node=str(number), prompt_id="p"))

    monkeypatch.setattr("gateway.http.tunnels.Pace", Counting)
    async with serve(Hub(talk=talk).answer) as upstream, open_gateway({"a": upstream.url}) as gateway:
        socket = await connect(browser, gateway)
        for _ in range(300):
            await socket.receive_str()
        assert Counting.steps >= 2 * 300


async def test_close_follows_all_messages_of_the_server(browser: aiohttp.ClientSession) -> None:
    async def say_much_and_end(socket: web.WebSocketResponse) -> None:
        for number in range(500):
            await socket.send_str(text("executed", node=number, filler="x" * 2_000))
        await socket.close()

    hub = Hub(talk=say_much_and_end)
    async with serve(hub.answer) as upstream, open_gateway({"a": upstream.url}) as gateway:
        socket = await connect(browser, gateway)
        messages = await read_all(socket)
        assert [json.loads(message.data)["data"]["node"] for message in messages] == list(range(500))
        assert socket.close_code == 1014


async def test_huge_message_of_a_browser_closes_its_socket(browser: aiohttp.ClientSession) -> None:
    hub = Hub()
    async with serve(hub.answer) as upstream, open_gateway({"a": upstream.url}) as gateway:
        socket = await connect(browser, gateway)
        await hub.has_accepted(1)
        await socket.send_str("x" * (2 * 1024 * 1024))
        await read_all(socket)
        assert socket.close_code == 1009
        assert hub.heard == []


async def test_stopping_gateway_closes_sockets_with_1001(browser: aiohttp.ClientSession) -> None:
    hub = Hub()
    async with serve(hub.answer) as upstream, serve_raw(hang) as hung:
        async with open_gateway({"a": upstream.url, "hung": hung}) as gateway:
            socket = await connect(browser, gateway)
            dialling = await connect(browser, gateway, server_id="hung")
            await hub.has_accepted(1)
            fleet = await browser.ws_connect(f"{gateway.url}/fleet/ws", origin=gateway.url)
            reading = asyncio.gather(read_all(socket), read_all(fleet), read_all(dialling))
        await reading
        assert (socket.close_code, fleet.close_code, dialling.close_code) == (1001, 1001, 1001)
        await until(lambda: not hub.open)
