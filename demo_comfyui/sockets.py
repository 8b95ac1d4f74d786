"""The sockets of one server, and the one publisher that feeds them, message by message.

Messages are sent one after another and each send is awaited, so one reader that does not read stalls all.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientError, WSMsgType, web

from demo_comfyui.faults import Faults
from demo_comfyui.model.clients import Clients, Connection
from demo_comfyui.model.prompt_server import PromptServer

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Socket(Connection):
    """An open connection of a client."""

    web: web.WebSocketResponse
    transport: asyncio.Transport | None


class SocketHub:
    """The connected clients, and the queue of messages to send."""

    def __init__(self, faults: Faults) -> None:
        self.clients: Clients[Socket] = Clients()
        self._faults = faults
        self._messages: asyncio.Queue[tuple[str | bytes, str | None]] = asyncio.Queue()

    def deliver(self, message: str | bytes, client_id: str | None) -> None:
        """Queue a message to a client, or to all."""
        self._messages.put_nowait((message, client_id))

    async def publish(self) -> None:
        """Send queued messages in order, for ever."""
        while True:
            message, client_id = await self._messages.get()
            await self._send([message], client_id)

    async def serve(self, request: web.Request, server: PromptServer[Socket]) -> web.WebSocketResponse:
        """Run one connection to its end."""
        response = web.WebSocketResponse(autoclose=False)
        await response.prepare(request)
        client_id = request.rel_url.query.get("clientId", "") or uuid.uuid4().hex
        socket = Socket(client_id, response, request.transport)
        self.clients.add(socket)
        try:
            await self._send(server.greeting(client_id), client_id)
            await self._listen(socket, server)
            if request.transport is not None:  # a close handshake; a lost connection is noticed immediately
                await asyncio.sleep(self._faults.close_sockets_late)
        finally:
            self.clients.remove(socket)
        await response.close()
        return response

    async def _listen(self, socket: Socket, server: PromptServer[Socket]) -> None:
        while True:
            message = await socket.web.receive()
            if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
                return
            if message.type is WSMsgType.TEXT:
                await self._send(server.hear(socket, message.data), socket.client_id)

    async def _send(self, messages: Iterable[str | bytes], client_id: str | None) -> None:
        for message in () if self._faults.is_mute else messages:
            for socket in self.clients.receivers(client_id):
                try:
                    if isinstance(message, bytes):
                        await socket.web.send_bytes(message)
                    else:
                        await socket.web.send_str(message)
                except (ClientError, ConnectionError) as error:
                    log.debug("a socket closed during a send: %s", error)

    def drop_all(self) -> None:
        """Cut every connection without a close handshake (1006 at the other end)."""
        for socket in self.clients.open:
            if socket.transport is not None:
                socket.transport.abort()

    def describe(self) -> dict[str, Any]:
        """Return the open connections, and the clientIds that still receive events."""
        return {
            "open": [socket.client_id for socket in self.clients.open],
            "hearing": [socket.client_id for socket in self.clients.receivers(None) if socket in self.clients.open],
        }
