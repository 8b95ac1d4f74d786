"""The sockets of one server: which one is registered under which client_id, and receives which events.

One socket per client_id: a newer one replaces it, and when *either* of the two closes the id is forgotten, so that the
other stays open and never receives anything more, not even `status`.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

PREVIEW = 1
TEXT = 3
PREVIEW_WITH_METADATA = 4

Message = tuple[str, dict[str, Any]]


@dataclass
class SimSocket:
    """The server's end of a socket. `deliver` passes messages to the client; None once it is closed."""

    client_id: str
    deliver: Callable[[str | bytes], None] | None
    on_close: Callable[[], None]
    has_spoken: bool = False

    def send(self, message: str | bytes) -> None:
        """Send, unless it is closed."""
        if self.deliver is not None:
            self.deliver(message)


class Sockets:
    """The open sockets of a server."""

    def __init__(self, features: dict[str, Any]) -> None:
        self._features = features
        self.all: list[SimSocket] = []
        self._registered: dict[str, SimSocket] = {}
        self._flags: dict[str, dict[str, Any]] = {}

    def open(self, socket: SimSocket, greeting: list[Message]) -> None:
        """Register a new socket under its client_id, and greet it."""
        self._registered.pop(socket.client_id, None)
        self._registered[socket.client_id] = socket
        self._flags[socket.client_id] = {}
        self.all.append(socket)
        for kind, data in greeting:
            self.send_event(kind, data, socket.client_id)

    def hear(self, socket: SimSocket, text: str) -> None:
        """Handle a message of a client: feature flags count only as the first one, and invalid messages are ignored."""
        try:
            said = json.loads(text)
        except ValueError:
            return
        if not isinstance(said, dict):
            return  # ComfyUI fails before it records the first message
        if not socket.has_spoken and said.get("type") == "feature_flags":
            flags = said.get("data", {})
            self._flags[socket.client_id] = flags if isinstance(flags, dict) else {}
            self.send_event("feature_flags", self._features, socket.client_id)
        socket.has_spoken = True

    def close(self, socket: SimSocket) -> None:
        """Close a connection: its client_id is forgotten, whichever of its sockets this was."""
        if socket.deliver is None:
            return
        socket.deliver = None
        self._registered.pop(socket.client_id, None)
        self._flags.pop(socket.client_id, None)
        if socket in self.all:
            self.all.remove(socket)

    def send_event(self, kind: str, data: dict[str, Any], client_id: str | None) -> None:
        """Send an event to one client, or to all registered ones if the id is None."""
        text = json.dumps({"type": kind, "data": data})
        for socket in self._targets(client_id):
            socket.send(text)

    def send_frame(self, kind: int, payload: bytes, client_id: str | None) -> None:
        """Send a binary frame in the same way."""
        for socket in self._targets(client_id):
            socket.send(struct.pack(">I", kind) + payload)

    def wants_metadata(self, client_id: str | None) -> bool:
        """Return whether that client's flags requested previews with metadata."""
        return self._flags.get(client_id or "", {}).get("supports_preview_metadata", False) is True

    def _targets(self, client_id: str | None) -> list[SimSocket]:
        if client_id is None:
            return list(self._registered.values())
        return [self._registered[client_id]] if client_id in self._registered else []
