"""The clients of one server: which socket receives which events.

One socket per client_id: a newer one replaces it, and when *either* of the two closes the id is forgotten, so that the
other stays open and receives nothing more, not even `status`.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar


def encode(event: str | int, data: Any) -> str | bytes:
    """Return an event as it is sent: a type with JSON as text, or a number with bytes as a binary frame."""
    if isinstance(event, int):
        frame: bytes = struct.pack(">I", event) + data
        return frame
    return json.dumps({"type": event, "data": data})


@dataclass(eq=False)
class Connection:
    """An open socket."""

    client_id: str
    has_spoken: bool = field(default=False, kw_only=True)


C = TypeVar("C", bound=Connection)


class Clients(Generic[C]):
    """The open connections, and the one that is registered under each client_id."""

    def __init__(self) -> None:
        self.open: list[C] = []
        self._registered: dict[str, C] = {}
        self._flags: dict[str, dict[str, Any]] = {}

    def add(self, connection: C) -> None:
        """Register a new connection under its client_id."""
        self._registered.pop(connection.client_id, None)  # so that the newest comes last
        self._registered[connection.client_id] = connection
        self._flags[connection.client_id] = {}
        self.open.append(connection)

    def remove(self, connection: C) -> None:
        """Forget a closed connection, and its client_id, whichever of its sockets this was."""
        self._registered.pop(connection.client_id, None)
        self._flags.pop(connection.client_id, None)
        if connection in self.open:
            self.open.remove(connection)

    def hear(self, connection: C, text: str) -> bool:
        """Handle a message of a client, and return whether to answer with the server's features.

        Feature flags count only as the first message; messages that are no JSON objects are ignored.
        """
        try:
            said = json.loads(text)
        except json.JSONDecodeError:
            return False
        if not isinstance(said, dict):
            return False  # the real server logs an AttributeError here, and a later first message still counts
        is_answered = not connection.has_spoken and said.get("type") == "feature_flags"
        if is_answered:
            flags = said.get("data", {})
            self._flags[connection.client_id] = flags if isinstance(flags, dict) else {}
        connection.has_spoken = True
        return is_answered

    def wants_metadata(self, client_id: str | None) -> bool:
        """Whether that client's flags requested previews with metadata."""
        return self._flags.get(client_id or "", {}).get("supports_preview_metadata", False) is True

    def receivers(self, client_id: str | None) -> list[C]:
        """The connections that receive what is sent to this client, or to all if it is None."""
        if client_id is None:
            return list(self._registered.values())
        return [self._registered[client_id]] if client_id in self._registered else []
