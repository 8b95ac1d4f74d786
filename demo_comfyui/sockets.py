"""The sockets of one server, and the one publisher that feeds them, message by message.

`SocketHub` does exactly what the real server does: one socket per clientId, replaced by a newer one and removed when
*either* of the two closes, so that the other stays open and receives nothing more. Messages are sent one after another
and each send is awaited, so one reader that does not read stalls all.
"""

from __future__ import annotations

import asyncio
import json
import logging
import struct
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from aiohttp import ClientError, WSMsgType, web

from demo_comfyui.faults import Faults

log = logging.getLogger(__name__)

Message = tuple[str | int, Any, str | None]
Greeting = Callable[[str], list[tuple[str, dict[str, Any]]]]


class SocketHub:
    """The connected clients by clientId, and the queue of messages to send."""

    def __init__(self, loop: asyncio.AbstractEventLoop, faults: Faults, features: dict[str, Any]) -> None:
        self._loop = loop
        self._faults = faults
        self._features = features
        self._messages: asyncio.Queue[Message] = asyncio.Queue()
        self._sockets: dict[str, web.WebSocketResponse] = {}
        self._flags: dict[str, dict[str, Any]] = {}
        self._open: dict[web.WebSocketResponse, tuple[str, asyncio.Transport | None]] = {}

    def post(self, event: str | int, data: Any, sid: str | None = None) -> None:
        """Queue a message from any thread; `sid` None sends it to every registered socket."""
        with suppress(RuntimeError):  # of a job that was running when this server ended
            self._loop.call_soon_threadsafe(self._messages.put_nowait, (event, data, sid))

    def wants_metadata(self, sid: str | None) -> bool:
        """Whether the socket registered under `sid` sent `supports_preview_metadata` in its first message."""
        flags = self._flags.get(sid or "", {})
        return flags.get("supports_preview_metadata", False) is True

    async def publish(self) -> None:
        """Send posted messages in order, for ever."""
        while True:
            await self._send(*await self._messages.get())

    async def serve(self, request: web.Request, greeting: Greeting) -> web.WebSocketResponse:
        """Run one connection to its end; `greeting` returns the messages for a new client."""
        socket = web.WebSocketResponse(autoclose=False)
        await socket.prepare(request)
        sid = request.rel_url.query.get("clientId", "") or uuid.uuid4().hex
        self._sockets.pop(sid, None)
        self._sockets[sid] = socket
        self._flags[sid] = {}
        self._open[socket] = (sid, request.transport)
        try:
            for event, data in greeting(sid):
                await self._send(event, data, sid)
            await self._listen(socket, sid)
            if request.transport is not None:  # a close handshake; a lost connection is noticed immediately
                await asyncio.sleep(self._faults.close_sockets_late)
        finally:
            self._sockets.pop(sid, None)
            self._flags.pop(sid, None)
            self._open.pop(socket, None)
        await socket.close()
        return socket

    async def _listen(self, socket: web.WebSocketResponse, sid: str) -> None:
        first = True
        while True:
            message = await socket.receive()
            if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
                return
            if message.type is not WSMsgType.TEXT:
                continue
            try:
                said = json.loads(message.data)
            except json.JSONDecodeError:
                log.warning("socket %s sent text that is no JSON", sid)
                continue
            if not isinstance(said, dict):
                continue  # the real server logs an AttributeError here, and a later first message still counts
            if first and said.get("type") == "feature_flags":
                flags = said.get("data", {})
                self._flags[sid] = flags if isinstance(flags, dict) else {}
                await self._send("feature_flags", self._features, sid)
            first = False

    async def _send(self, event: str | int, data: Any, sid: str | None) -> None:
        if self._faults.is_mute:
            return
        for socket in self._targets(sid):
            try:
                if isinstance(event, int):
                    await socket.send_bytes(struct.pack(">I", event) + data)
                else:
                    await socket.send_json({"type": event, "data": data})
            except (ClientError, ConnectionError) as error:
                log.debug("a socket closed during a send: %s", error)

    def _targets(self, sid: str | None) -> list[web.WebSocketResponse]:
        if sid is None:
            return list(self._sockets.values())
        return [self._sockets[sid]] if sid in self._sockets else []

    def drop_all(self) -> None:
        """Cut every connection without a close handshake (1006 at the other end)."""
        for _, transport in list(self._open.values()):
            if transport is not None:
                transport.abort()

    def describe(self) -> dict[str, Any]:
        """Return the open connections, and the clientIds that still receive events."""
        return {
            "open": [sid for sid, _ in self._open.values()],
            "hearing": [sid for sid, socket in self._sockets.items() if socket in self._open],
        }
