"""WebSockets through the gateway: always drained, never overlapping, and heard after every reload."""

# ruff: noqa: SIM117 (the servers are one block, what is asked of them another)

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import struct
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import WSMsgType, web

from gateway.pump import MOST_WAITING_FRAMES
from tests.integration.rig import PATIENCE, Running, open_gateway, serve, serve_raw, until
from tests.services import Service, free_ports, start_demo

FLAGS = json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}})
PICTURE = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0}},
    "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
}

Talk = Callable[[web.WebSocketResponse], Awaitable[None]]


@dataclass
class Hub:
    """A scripted server's sockets: how many are open at once, and what was said on them."""

    talk: Talk | None = None  # what a newcomer is told
    close_late: float = 0.0  # seconds before a Close frame is answered
    accept_late: asyncio.Event | None = None  # awaited before an upgrade is accepted
    never_closes: bool = False
    open: int = 0
    most_open: int = 0
    accepted: int = 0
    heard: list[str] = field(default_factory=list)
    has_talked: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if self.accept_late is not None:
            await asyncio.shield(asyncio.ensure_future(self.accept_late.wait()))
        socket = web.WebSocketResponse(autoclose=False, max_msg_size=0)
        await socket.prepare(request)
        self.accepted += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            talking = asyncio.create_task(self._talk(socket))
            while (message := await socket.receive()).type is WSMsgType.TEXT:
                self.heard.append(message.data)
            talking.cancel()
            if self.never_closes:
                await asyncio.Event().wait()
            await asyncio.sleep(self.close_late)
            await socket.close()
        finally:
            self.open -= 1
        return socket

    async def _talk(self, socket: web.WebSocketResponse) -> None:
        if self.talk is not None:
            await self.talk(socket)
            self.has_talked.set()


@pytest.fixture
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def connect(
    browser: aiohttp.ClientSession, gateway: Running, client_id: str = "w"
) -> aiohttp.ClientWebSocketResponse:
    return await browser.ws_connect(gateway.socket_url(client_id), origin=gateway.url, max_msg_size=0)


def drop(socket: aiohttp.ClientWebSocketResponse) -> None:
    """End a browser's socket as a killed tab does: no Close frame."""
    connection = socket._response.connection
    assert connection is not None
    assert connection.transport is not None
    connection.transport.abort()


def text(kind: str, **data: object) -> str:
    return json.dumps({"type": kind, "data": data})


async def read_all(socket: aiohttp.ClientWebSocketResponse) -> list[aiohttp.WSMessage]:
    """Everything until the socket ends; its close code is then in `socket.close_code`."""
    messages = []
    async with asyncio.timeout(PATIENCE):
        while (message := await socket.receive()).type in {WSMsgType.TEXT, WSMsgType.BINARY}:
            messages.append(message)
    return messages


async def refused(browser: aiohttp.ClientSession, gateway: Running, client_id: str = "w") -> tuple[int, str]:
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await connect(browser, gateway, client_id)
    assert caught.value.headers is not None
    return caught.value.status, caught.value.headers["X-Mooring-Gateway"]


# Both ways


async def test_messages_pass_both_ways_and_the_browsers_first_is_the_servers_first(
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


async def test_the_servers_end_is_told_after_all_that_it_said(browser: aiohttp.ClientSession) -> None:
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


async def test_a_server_that_cannot_be_reached_or_refuses_is_told(browser: aiohttp.ClientSession) -> None:
    async def refuse(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=403)

    async with serve(refuse) as upstream:
        servers = {"a": upstream.url, "off": f"http://127.0.0.1:{free_ports()}"}
        async with open_gateway(servers) as gateway:
            assert await refused(browser, gateway) == (502, "upstream-refused; sent=unknown")
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await browser.ws_connect(gateway.socket_url("w", "off"), origin=gateway.url)
            assert caught.value.headers is not None
            assert caught.value.headers["X-Mooring-Gateway"] == "connect-failed; sent=no"


async def test_a_huge_message_from_a_browser_ends_its_socket(browser: aiohttp.ClientSession) -> None:
    hub = Hub()
    async with serve(hub.answer) as upstream, open_gateway({"a": upstream.url}) as gateway:
        socket = await connect(browser, gateway)
        await socket.send_str("x" * (2 * 1024 * 1024))
        await read_all(socket)
        assert socket.close_code == 1009
        assert hub.heard == []


async def test_an_ending_gateway_says_so(browser: aiohttp.ClientSession) -> None:
    hub = Hub()
    async with serve(hub.answer) as upstream:
        async with open_gateway({"a": upstream.url}) as gateway:
            socket = await connect(browser, gateway)
            fleet = await browser.ws_connect(f"{gateway.url}/fleet/ws", origin=gateway.url)
            reading = asyncio.gather(read_all(socket), read_all(fleet))
        await reading
        assert (socket.close_code, fleet.close_code) == (1001, 1001)
        await until(lambda: not hub.open)


# A slow browser


async def test_a_server_is_drained_whatever_the_browser_does(browser: aiohttp.ClientSession) -> None:
    picture = bytes(512 * 1024)

    async def run(socket: web.WebSocketResponse) -> None:
        metadata = json.dumps({"prompt_id": "p"}).encode()
        await socket.send_str(text("execution_start", prompt_id="p"))
        for step in range(200):  # 100 MB, which no kernel holds
            await socket.send_str(text("progress", prompt_id="p", value=step))
            await socket.send_bytes(struct.pack(">II", 4, len(metadata)) + metadata + picture)
            if step % 50 == 0:
                await socket.send_str(text("executed", prompt_id="p", node=step))
        await socket.send_str(text("execution_success", prompt_id="p"))

    hub = Hub(talk=run)
    async with serve(hub.answer) as upstream, open_gateway({"a": upstream.url}) as gateway:
        socket = await connect(browser, gateway)
        async with asyncio.timeout(PATIENCE):
            await hub.has_talked.wait()  # while the browser has not read one message
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
    assert 0 < pictures < 100, "previews that were overtaken have not"


async def flood(socket: web.WebSocketResponse) -> None:
    filler = "x" * 16_000
    for number in range(3 * MOST_WAITING_FRAMES):
        await socket.send_str(text("executed", node=number, filler=filler))


async def test_a_browser_that_falls_too_far_behind_is_cut(browser: aiohttp.ClientSession) -> None:
    hub = Hub(talk=flood)
    async with serve(hub.answer) as upstream, open_gateway({"a": upstream.url}, goodbye=PATIENCE) as gateway:
        socket = await connect(browser, gateway)
        await until(lambda: not hub.open)  # its line has ended, though it has not read one message
        messages = await read_all(socket)
        assert socket.close_code == 1013
        nodes = [json.loads(message.data)["data"]["node"] for message in messages]
        assert nodes == list(range(len(nodes))), "what arrived has no gap"


async def test_a_browser_that_takes_nothing_is_cut_even_if_it_misses_nothing(
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
        async with open_gateway({"a": upstream.url}, stalled=0.5, goodbye=PATIENCE) as gateway:
            socket = await connect(browser, gateway)
            await until(lambda: hub.accepted and not hub.open)
            await read_all(socket)
            assert socket.close_code == 1013


async def test_a_browser_that_is_cut_and_still_does_not_read_is_dropped(browser: aiohttp.ClientSession) -> None:
    hub = Hub(talk=flood)
    async with serve(hub.answer) as upstream, open_gateway({"a": upstream.url}, goodbye=0.2) as gateway:
        socket = await connect(browser, gateway)
        await until(lambda: hub.accepted and not hub.open)
        await until(lambda: not gateway.gateway._runner.server.connections)
        del socket  # held until here: a collected one would end its connection itself


async def test_a_half_dead_browser_is_noticed() -> None:
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


# One line per server and client_id


@pytest.mark.parametrize("leave", ["close", "drop", "stay"])
async def test_two_sockets_of_one_client_id_never_overlap_at_the_server(
    browser: aiohttp.ClientSession, leave: str
) -> None:
    hub = Hub(close_late=0.2)
    async with serve(hub.answer) as upstream, open_gateway({"a": upstream.url}) as gateway:
        sockets = []
        for _ in range(4):
            sockets.append(await connect(browser, gateway))
            if leave == "close":
                await sockets[-1].close()
            elif leave == "drop":
                drop(sockets[-1])
        assert hub.accepted == 4
        assert hub.most_open == 1
        if leave == "stay":
            await read_all(sockets[0])
            assert sockets[0].close_code == 4409
            assert not sockets[-1].closed
        for socket in sockets:
            await socket.close()
        await until(lambda: not gateway.gateway._lines._slots)


async def test_upgrades_at_the_same_moment_never_overlap(browser: aiohttp.ClientSession) -> None:
    hub = Hub(close_late=0.05)
    async with serve(hub.answer) as upstream, open_gateway({"a": upstream.url}) as gateway:
        await asyncio.gather(*(connect(browser, gateway) for _ in range(6)))
        assert hub.accepted == 6
        assert hub.most_open == 1
        assert hub.open == 1


async def test_other_client_ids_do_not_wait(browser: aiohttp.ClientSession) -> None:
    hub = Hub(never_closes=True)
    async with serve(hub.answer) as upstream, open_gateway({"a": upstream.url}) as gateway:
        first = await connect(browser, gateway, "one")
        await first.close()
        await connect(browser, gateway, "two")
        assert hub.most_open == 2


async def test_a_line_ends_only_with_its_tcp_connection(browser: aiohttp.ClientSession) -> None:
    is_open, most_open, accepted = 0, 0, 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A server that answers a Close frame at once but ends its connection 200 ms late."""
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
        for _ in range(3):
            await (await connect(browser, gateway)).close()
        assert (accepted, most_open) == (3, 1)


def accept_key(key: str) -> str:
    digest = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode(), usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()


async def test_a_server_that_never_confirms_is_not_overlapped_but_not_waited_for_for_ever(
    browser: aiohttp.ClientSession,
) -> None:
    hub = Hub(never_closes=True)
    async with serve(hub.answer) as upstream:
        async with open_gateway({"a": upstream.url}, farewell=60.0, replace=0.3) as gateway:
            first = await connect(browser, gateway)
            await first.close()
            assert await refused(browser, gateway) == (503, "upstream-busy; sent=no")
            assert hub.most_open == 1
            await until(lambda: not hub.open)  # the refusal has dropped the older connection
            await connect(browser, gateway)
            assert hub.most_open == 1


async def test_a_browser_that_goes_while_its_socket_connects_leaves_none_behind(
    browser: aiohttp.ClientSession,
) -> None:
    hub = Hub(accept_late=asyncio.Event(), close_late=0.1)
    async with serve(hub.answer) as upstream, open_gateway({"a": upstream.url}) as gateway:
        early = asyncio.create_task(connect(browser, gateway))
        await until(lambda: upstream.seen)
        early.cancel()
        await until(lambda: not gateway.gateway._runner.server.connections)
        later = asyncio.create_task(connect(browser, gateway))
        assert hub.accept_late is not None
        hub.accept_late.set()
        await later
        assert (hub.accepted, hub.most_open) == (2, 1)


async def test_a_socket_that_never_connects_does_not_block_its_window_for_ever(
    browser: aiohttp.ClientSession,
) -> None:
    hub = Hub(accept_late=asyncio.Event())
    async with serve(hub.answer) as upstream:
        async with open_gateway({"a": upstream.url}, replace=0.3, handshake=60.0) as gateway:
            first = asyncio.create_task(refused(browser, gateway))
            await until(lambda: upstream.seen)
            assert await refused(browser, gateway) == (503, "upstream-busy; sent=no")
            assert await first == (503, "upstream-busy; sent=no")
            assert hub.accept_late is not None
            hub.accept_late.set()
            await connect(browser, gateway)


# The demo server forgets a client_id as ComfyUI does


@pytest.fixture
def demo() -> AsyncIterator[Service]:
    with start_demo() as service:
        yield service


async def change_faults(browser: aiohttp.ClientSession, demo: Service, **faults: object) -> None:
    async with browser.post(f"{demo.url}/demo/faults", json=faults) as reply:
        assert reply.status == 200


async def hearing(browser: aiohttp.ClientSession, demo: Service) -> dict[str, list[str]]:
    async with browser.get(f"{demo.url}/demo/faults") as reply:
        sockets: dict[str, list[str]] = (await reply.json())["sockets"]
        return sockets


async def run_and_listen(
    browser: aiohttp.ClientSession, gateway: Running, socket: aiohttp.ClientWebSocketResponse
) -> None:
    """A run whose end must be heard on the socket."""
    prompt_id = str(uuid.uuid4())
    body = {"prompt": PICTURE, "client_id": "w", "prompt_id": prompt_id}
    async with browser.post(f"{gateway.url}/servers/a/prompt", json=body) as reply:
        assert reply.status == 200
    async with asyncio.timeout(PATIENCE):
        while True:
            message = json.loads(await socket.receive_str())
            if message["type"] == "execution_success" and message["data"]["prompt_id"] == prompt_id:
                return


async def test_a_socket_that_overlaps_an_older_one_goes_deaf_at_the_server(
    browser: aiohttp.ClientSession, demo: Service
) -> None:
    """What the wait is for: without the gateway between, the same steps leave a deaf socket."""
    older = await browser.ws_connect(f"{demo.url}/ws?clientId=w")
    newer = await browser.ws_connect(f"{demo.url}/ws?clientId=w")
    await older.close()
    sockets = {"open": ["w", "w"]}
    async with asyncio.timeout(PATIENCE):
        while sockets["open"] != ["w"]:
            sockets = await hearing(browser, demo)
    assert sockets == {"open": ["w"], "hearing": []}
    await newer.close()


@pytest.mark.parametrize("leave", ["close", "drop", "stay"])
async def test_every_reload_is_heard_though_the_server_closes_late(
    browser: aiohttp.ClientSession, demo: Service, leave: str
) -> None:
    await change_faults(browser, demo, close_sockets_late=0.2)
    async with open_gateway({"a": demo.url}) as gateway:
        for _ in range(4):
            socket = await connect(browser, gateway)
            await socket.send_str(FLAGS)
            assert await hearing(browser, demo) == {"open": ["w"], "hearing": ["w"]}
            await run_and_listen(browser, gateway, socket)
            if leave == "close":
                await socket.close()
            elif leave == "drop":
                drop(socket)
