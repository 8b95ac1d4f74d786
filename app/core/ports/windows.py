"""The ports between the windows of one browser: identity, signs of life, the roster, signals."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from app.core.model import ServerId, WindowId
from app.core.roster import Roster


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this window is. `is_duplicate` when the id it came with belongs to another living window."""

    window_id: WindowId
    is_new: bool
    is_duplicate: bool = False


class Windows(Protocol):
    """The identity of this window, and signs of life of the others."""

    async def claim(self) -> Identity:
        """This window's id: the one it had before a reload, or a new one. Never one that another window uses."""

    async def enlist(self, window_id: WindowId) -> bool:
        """Hold one more id, of a session that helps this window, as its own; False if another page holds it."""

    async def is_alive(self, window_id: WindowId) -> bool | None:
        """Whether that window lives; None if this browser cannot tell."""


class RosterSource(Protocol):
    """Where a roster comes from."""

    async def read(self, server_ids: Collection[ServerId]) -> Roster:
        """The roster now; StorageError if the store cannot be read. Choices tell of these servers only."""

    def forget(self) -> None:
        """Nobody looks any more: what was kept to make the next look quick may go."""


class Signals(Protocol):
    """Hints between the windows of this browser. One that is not heard costs nothing but time."""

    def send(self, kind: str, window_id: WindowId) -> None:
        """Tell all others: `changed` (look again), or `show` (that window is wanted in front)."""

    def listen(self, hear: Callable[[str, WindowId], None]) -> None:
        """Hear what the others send from now on."""
