"""The sockets of one server: who is registered under which client_id, and who hears what.

One socket per client_id: a newer one takes its place, and when *either* of the two closes the id is forgotten, so that
the survivor stays open and never receives anything more, not even `status`.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

FEATURES = {"supports_preview_metadata": True, "max_upload_size": 104857600}
PREVIEW = 1
TEXT = 3
PREVIEW_WITH_METADATA = 4

Message = tuple[str, dict[str, Any]]


@dataclass
class SimSocket:
    """The server's end of one socket. `deliver` is the client's ear; None once it is closed."""

    client_id: str
    deliver: Callable[[str | bytes], None] | None
    on_close: Callable[[], None]
    has_spoken: bool = False

    def send(self, message: str | bytes) -> None:
        """Send, unless it is closed."""
        if self.deliver is not None:
            self.deliver(message)


class Sockets:
    """See the module."""

    def __init__(self) -> None:
        self.all: list[SimSocket] = []
        self._registered: dict[str, SimSocket] = {}
        self._flags: dict[str, dict[str, Any]] = {}

    def open(self, socket: SimSocket, greeting: list[Message]) -> None:
        """Let a new socket take its client_id, and greet it."""
        self._registered.pop(socket.client_id, None)
        self._registered[socket.client_id] = socket
        self._flags[socket.client_id] = {}
        self.all.append(socket)
        for kind, data in greeting:
            self.tell(kind, data, socket.client_id)

    def hear(self, socket: SimSocket, text: str) -> None:
        """A message from a client: feature flags count only as the first one, and noise does no harm."""
        try:
            said = json.loads(text)
        except ValueError:
            return
        if not isinstance(said, dict):
            return  # the real server stumbles before it notes that the first message has come
        if not socket.has_spoken and said.get("type") == "feature_flags":
            flags = said.get("data", {})
            self._flags[socket.client_id] = flags if isinstance(flags, dict) else {}
            self.tell("feature_flags", FEATURES, socket.client_id)
        socket.has_spoken = True

    def close(self, socket: SimSocket) -> None:
        """The connection is over: its client_id is forgotten, whichever socket of it this was."""
        if socket.deliver is None:
            return
        socket.deliver = None
        self._registered.pop(socket.client_id, None)
        self._flags.pop(socket.client_id, None)
        if socket in self.all:
            self.all.remove(socket)

    def tell(self, kind: str, data: dict[str, Any], client_id: str | None) -> None:
        """Send an event to one client, or to all that are registered where the id is None."""
        text = json.dumps({"type": kind, "data": data})
        for socket in self._targets(client_id):
            socket.send(text)

    def show(self, kind: int, payload: bytes, client_id: str | None) -> None:
        """Send a binary frame likewise."""
        for socket in self._targets(client_id):
            socket.send(struct.pack(">I", kind) + payload)

    def wants_metadata(self, client_id: str | None) -> bool:
        """Whether that client's flags asked for previews with metadata."""
        return self._flags.get(client_id or "", {}).get("supports_preview_metadata", False) is True

    def _targets(self, client_id: str | None) -> list[SimSocket]:
        if client_id is None:
            return list(self._registered.values())
        return [self._registered[client_id]] if client_id in self._registered else []
