"""WebSockets to our own origin, or to a server's own address: the core's `Sockets`, over `static/js/socket.js`.

Messages are queued in JavaScript and passed in batches, so a burst of progress costs one crossing; of the
previews in a batch only the latest of each node is kept. `pyscript.WebSocket` is not used: it leaks its handlers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import js
from pyodide.ffi import JsException

from app.browser.blobs import JsBlob
from app.browser.files import load_module
from app.browser.paths import is_whole, server_of
from app.browser.values import error_text, present
from app.core.errors import ConfigError, SocketClosed
from app.core.model import ServerId
from app.core.ports.sockets import BinaryFrame, Frame

CLOSE_SECONDS = 5.0  # the other side may be gone; a browser itself waits much longer for its close frame


class BrowserConnection:
    """One open WebSocket; `channel` is the JavaScript object that queues its messages."""

    def __init__(self, channel: Any, server_id: ServerId | None) -> None:
        self._channel = channel
        self._server_id = server_id

    @property
    def url(self) -> str:
        """The address, read from the live socket."""
        return str(self._channel.url)

    @property
    def is_open(self) -> bool:
        """Whether it can still send and receive."""
        return bool(self._channel.isOpen)

    async def send(self, text: str) -> None:
        """Send a text message; SocketClosed if it has ended."""
        if not self._channel.send(text):
            raise self._closed()

    async def receive(self) -> Sequence[Frame]:
        """All messages that have arrived, at least one, in order; SocketClosed when it has ended and none is left."""
        try:
            batch = present(await self._channel.receive())
        except asyncio.CancelledError:
            self._channel.waiter = None  # later messages are for the next call
            raise
        if batch is None:
            raise self._closed()
        return tuple(_frame(item) for item in batch)

    async def close(self) -> None:
        """Close, and return only when it is closed (or after a bounded wait, when the other side is gone)."""
        await self._channel.close(CLOSE_SECONDS * 1000)

    def _closed(self) -> SocketClosed:
        """The error for its end: the gateway's reason begins with a cause, `timeout: gpu-2 did not answer in time.`"""
        cause = str(self._channel.reason).partition(":")[0]
        return SocketClosed(self._server_id, cause or "closed", code=int(self._channel.code))


class BrowserSockets:
    """Opens WebSockets to the origin of this page."""

    def __init__(self) -> None:
        self._module: Any = None

    async def open(self, path: str, deadline: float) -> BrowserConnection:
        """An open connection to `path`, or SocketClosed."""
        server_id = server_of(path)
        module = await self._load()
        try:
            channel = module.Channel.new(_socket_url(path))
        except JsException as error:
            raise SocketClosed(server_id, error_text(error)) from error
        is_opened = False
        try:
            cause = await channel.opened(deadline * 1000)
            is_opened = not cause
        finally:
            if not is_opened:
                channel.abandon()
        if cause:
            raise SocketClosed(server_id, cause, code=int(channel.code))
        return BrowserConnection(channel, server_id)

    async def _load(self) -> Any:
        if self._module is None:
            try:
                self._module = await load_module("socket")
            except JsException as error:
                raise ConfigError(f"socket.js cannot be loaded: {error_text(error)}") from error
        return self._module


def _socket_url(path: str) -> str:
    if is_whole(path):
        return f"ws{path.removeprefix('http')}"
    scheme = "wss:" if js.location.protocol == "https:" else "ws:"
    return f"{scheme}//{js.location.host}{path}"


def _frame(item: Any) -> Frame:
    if isinstance(item, str):
        return item
    return BinaryFrame(item.head.to_bytes(), JsBlob(item.body))
