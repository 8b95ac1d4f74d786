"""The port for WebSockets, and the frames that arrive on one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from app.core.ports.blobs import Blob, SlicedBlob


@dataclass(frozen=True, slots=True)
class BinaryFrame:
    """A binary message: its first bytes (at most 8 KiB, enough for every header) and all of it as a Blob."""

    head: bytes
    body: Blob

    def image(self, offset: int) -> BinaryFrame:
        """Return the frame from `offset` on, which is the picture of a preview."""
        return BinaryFrame(self.head[offset:], SlicedBlob(self.body, offset))


Frame = str | BinaryFrame


class Connection(Protocol):
    """One open WebSocket to one server."""

    @property
    def url(self) -> str:
        """The address, read from the live socket."""

    @property
    def is_open(self) -> bool:
        """Whether it can still send and receive."""

    async def send(self, text: str) -> None:
        """Send a text message; SocketClosed if it has ended."""

    async def receive(self) -> Sequence[Frame]:
        """Return all messages that have arrived, at least one, in order; SocketClosed once none can follow."""

    async def close(self) -> None:
        """Close, and return only when it is closed (or after a bounded wait, when the other side is gone)."""


class Sockets(Protocol):
    """Opens WebSockets to our own origin."""

    async def open(self, path: str, deadline: float) -> Connection:
        """Return an open connection to `path` (`/servers/gpu-1/ws?clientId=…`), or raise SocketClosed."""
