"""The two ends of a window's socket: a scripted server that counts its sockets, and a browser's side of one.

hub = Hub(talk=greet)
async with serve(hub.answer) as upstream, open_gateway({"a": upstream.url}) as gateway:
    socket = await connect(browser, gateway)
        await hub.has_accepted(1)  # the gateway answers a browser before it connects to the server
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import aiohttp
from aiohttp import WSMsgType, web

from tests.kit.gateways import PATIENCE, Running, until

FLAGS = json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}})

Talk = Callable[[web.WebSocketResponse], Awaitable[None]]


@dataclass
class Hub:
    """A scripted server's sockets: how many are open, and what was received on them."""

    talk: Talk | None = None  # sends messages on each new socket
    close_late: float = 0.0  # seconds before a Close frame is answered
    accept_late: asyncio.Event | None = None  # awaited before an upgrade is accepted
    never_closes: bool = False
    open: int = 0
    most_open: int = 0
    accepted: int = 0
    heard: list[str] = field(default_factory=list)
    has_talked: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Serve one socket."""
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

    async def has_accepted(self, count: int) -> None:
        """Wait until this many sockets have been opened in total."""
        await until(lambda: self.accepted >= count)


async def connect(
    browser: aiohttp.ClientSession, gateway: Running, client_id: str = "w", server_id: str = "a"
) -> aiohttp.ClientWebSocketResponse:
    """Open a window's socket; the gateway accepts it before the server has."""
    return await browser.ws_connect(gateway.socket_url(client_id, server_id), origin=gateway.url, max_msg_size=0)


def drop(socket: aiohttp.ClientWebSocketResponse) -> None:
    """Abort a browser's socket without a Close frame, as a killed tab does."""
    connection = socket._response.connection
    assert connection is not None
    assert connection.transport is not None
    connection.transport.abort()


def text(kind: str, **data: object) -> str:
    """Return a message of a server."""
    return json.dumps({"type": kind, "data": data})


async def read_all(socket: aiohttp.ClientWebSocketResponse) -> list[aiohttp.WSMessage]:
    """Read until the socket ends; its close code is then in `socket.close_code`."""
    return (await _read_until_closed(socket))[0]


async def end_of(socket: aiohttp.ClientWebSocketResponse) -> tuple[int | None, str]:
    """Wait for the end of a silent socket, and return its close code and the cause in its reason."""
    messages, last = await _read_until_closed(socket)
    assert messages == []
    return socket.close_code, str(last.extra or "").partition(":")[0]


async def _read_until_closed(
    socket: aiohttp.ClientWebSocketResponse,
) -> tuple[list[aiohttp.WSMessage], aiohttp.WSMessage]:
    messages = []
    async with asyncio.timeout(PATIENCE):
        while (message := await socket.receive()).type in {WSMsgType.TEXT, WSMsgType.BINARY}:
            messages.append(message)
    return messages, message
