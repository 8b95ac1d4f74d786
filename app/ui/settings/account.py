"""Who this page belongs to, whether they are still logged in, and the question before they log out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum

from app.ui.kit.state import Dialog, Slice
from app.ui.settings.settings import Settings, SettingsDialog


class Presence(Enum):
    """Who is logged in in this browser now, as this page sees it."""

    IN = "in"  # whoever this page belongs to; also where people are not told apart
    OUT = "out"  # nobody
    OTHER = "other"  # somebody else, who has logged in beside this page


@dataclass(frozen=True, slots=True)
class Account(Slice):
    """Whose page this is; an empty name where people are not told apart.

    `has_login` if they log in and out here and not at a proxy; `runs_fleet` if they may act for all users;
    `has_copies` if a copy of a login stays valid after the log-out.
    """

    name: str = ""
    has_login: bool = False
    runs_fleet: bool = False
    presence: Presence = Presence.IN
    has_copies: bool = False

    @property
    def can_log_out(self) -> bool:
        """Whether there is anything to log out of."""
        return bool(self.name) and self.has_login


@dataclass(frozen=True, slots=True)
class SettingsView:
    """The settings, with what the browser allows, and the language that the page speaks."""

    dialog: SettingsDialog
    settings: Settings = field(default_factory=Settings)
    language: str = "en"
    account: Account = field(default_factory=Account)


class Attendance:
    """Compares whom this page belongs to with who is told to be logged in."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._listeners: list[Callable[[], None]] = []

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Call `listener` after every change."""
        self._listeners.append(listener)

    def note_person(self, person: str | None) -> None:
        """This one is logged in; None is nobody."""
        own = Presence.IN if person == self.account.name else Presence.OTHER
        presence = Presence.OUT if person is None else own
        if presence is not self.account.presence:
            self.account = replace(self.account, presence=presence)
            for listener in tuple(self._listeners):
                listener()


@dataclass(frozen=True, slots=True)
class LogOutDialog(Dialog):
    """The question before somebody logs out; `is_wiping` if what this browser keeps of them is to go too."""

    is_everywhere: bool = False
    is_wiping: bool = False
    is_under_way: bool = False


@dataclass(frozen=True, slots=True)
class LooseWindow:
    """A window of theirs with work that is not home yet: its number in the list of windows, and its servers."""

    number: int
    is_mine: bool
    tasks: int = 0  # that servers have
    in_line: int = 0  # that no server has yet
    servers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOutView:
    """The question, with what would be lost."""

    dialog: LogOutDialog
    name: str
    has_copies: bool = False  # copies of the login stay valid for a while
    windows: tuple[LooseWindow, ...] = ()
    size: int | None = None  # bytes of results and thumbnails that are kept
    is_read: bool = False
