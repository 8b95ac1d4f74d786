"""The ports between the windows of one browser: identity, signs of life, the roster, signals."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from app.core.model import ServerId, WindowId
from app.core.roster import Roster


@dataclass(frozen=True, slots=True)
class Identity:
    """This window's id. `is_duplicate` if the id that it started with belongs to another living window."""

    window_id: WindowId
    is_new: bool
    is_duplicate: bool = False


class Windows(Protocol):
    """The identity of this window, and signs of life of the others."""

    async def claim(self) -> Identity:
        """Return this window's id: the one from before a reload, or a new one. Never one that another window uses."""

    async def claim_other(self, window_id: WindowId) -> bool:
        """Hold the id of another window of this session; False if another page holds it."""

    async def is_alive(self, window_id: WindowId) -> bool | None:
        """Return whether that window lives; None if this browser cannot determine it."""


class RosterSource(Protocol):
    """Reads the roster from the store."""

    async def read(self, server_ids: Collection[ServerId]) -> Roster:
        """Return the roster now; StorageError if the store cannot be read. Choices mention these servers only."""

    def forget(self) -> None:
        """Drop the cache: no panel shows the roster any more."""


class Signals(Protocol):
    """Hints between the windows of this browser. A lost hint only causes a delay."""

    def send(self, kind: str, window_id: WindowId) -> None:
        """Send to all other windows: `changed` (reread), or `show` (bring that window to the front)."""

    def listen(self, hear: Callable[[str, WindowId], None]) -> None:
        """Call `hear` with each signal of the other windows from now on."""
