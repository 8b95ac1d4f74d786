"""Whether the user of this page is still logged in, and the question before logging out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from app.ui.kit.account import Account, Presence
from app.ui.windows.panel import RosterDialog


class Attendance:
    """Compares the owner of this page with the user who is reported to be logged in."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._listeners: list[Callable[[], None]] = []

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Call `listener` after every change."""
        self._listeners.append(listener)

    def note_user(self, user: str | None) -> None:
        """Note who is logged in; None for no user."""
        own = Presence.IN if user == self.account.name else Presence.OTHER
        presence = Presence.OUT if user is None else own
        if presence is not self.account.presence:
            self.account = replace(self.account, presence=presence)
            for listener in tuple(self._listeners):
                listener()


@dataclass(frozen=True, slots=True)
class LogOutDialog(RosterDialog):
    """The question before logging out; `is_wiping` if the user's data in this browser is deleted too.

    With `is_out` the user is logged out already, and only the data is deleted.
    """

    is_everywhere: bool = False
    is_wiping: bool = False
    is_out: bool = False
    is_under_way: bool = False


@dataclass(frozen=True, slots=True)
class LooseWindow:
    """A window of the user's with undelivered work: its number in the list of windows, and its servers.

    All closed windows together have the number 0.
    """

    number: int
    is_mine: bool
    tasks: int = 0  # that servers have
    in_line: int = 0  # that wait here
    servers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOutView:
    """The question, with the work that would be lost."""

    dialog: LogOutDialog
    name: str
    has_copies: bool = False  # copies of the login stay valid for a while
    windows: tuple[LooseWindow, ...] = ()
    size: int | None = None  # bytes of kept results and thumbnails
    is_read: bool = False
