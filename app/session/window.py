"""One window of a session: its part of the records, and its socket."""

from __future__ import annotations

from app.core.model import ServerId, WindowId
from app.core.window import Moored, Restoring, Window
from app.session.facts import SocketFacts
from app.session.state import State


class SessionWindow:
    """A window by its id. The session's own has none until the page has claimed it."""

    def __init__(self, state: State, window_id: WindowId | None = None) -> None:
        self.state = state
        self.window_id = window_id

    @property
    def value(self) -> Restoring | Window | None:
        """The aggregate; None until the window is known."""
        return None if self.window_id is None else self.state.records.window(self.window_id)

    @property
    def restored(self) -> Window | None:
        """The window, once it has read its records."""
        return self.value if isinstance(self.value, Window) else None

    def get(self, operation: str) -> Window:
        """The window if it has read its records; StorageError if it cannot, StillRestoring until it has."""
        return self.state.records.get_window(operation, self.window_id)

    @property
    def target(self) -> Moored | None:
        """The server that holds the window, with what holds it there."""
        mooring = self.restored.mooring if self.restored else None
        return mooring if isinstance(mooring, Moored) else None

    @property
    def locked(self) -> ServerId | None:
        """The id of the server that holds the window."""
        return self.restored.window_locked_server if self.restored else None

    def guard(self, operation: str, server_id: ServerId) -> None:
        """Raise if the operation would go to an unknown server, or to another one than the window's own."""
        self.state.records.guard(operation, server_id, self.state.servers.fleet, self.window_id)

    @property
    def socket(self) -> SocketFacts:
        """The window's socket."""
        return self.state.live.socket(self.window_id)

    def set_socket(self, facts: SocketFacts) -> None:
        """Note how the window's socket is."""
        self.state.live.set_socket(self.get("connect").window_id, facts)
