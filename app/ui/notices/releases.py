"""Whether there is a newer Mooring than this page, from what the gateway and the store report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum


class Newer(Enum):
    """How a newer version was noticed, which decides whether a reload gets it."""

    SERVED = "served"  # the gateway serves another build now
    OPENED = "opened"  # another window has upgraded the store while this one was open
    STORED = "stored"  # the store was newer when this page opened: the gateway serves an older Mooring


@dataclass(frozen=True, slots=True)
class Release:
    """How a newer version than the page's was noticed, if there is one."""

    newer: Newer | None = None


class Releases:
    """Compares this page's build with the reported ones. A page without a build of its own compares nothing."""

    def __init__(self, build: str) -> None:
        self._build = build
        self._served = build
        self._store: Newer | None = None
        self._listeners: list[Callable[[], None]] = []

    @property
    def newer(self) -> Newer | None:
        """How a newer version was noticed; None if this page is the newest."""
        return Newer.SERVED if self._served != self._build else self._store

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Call `listener` after every change."""
        self._listeners.append(listener)

    def note_build(self, build: str) -> None:
        """Note the build that the gateway serves; empty for none."""
        self._note(build if build and self._build else self._build, self._store)

    def note_store(self, is_seen: bool) -> None:
        """Note that the store is newer than this page; `is_seen` if it was upgraded while this page was open."""
        self._note(self._served, Newer.OPENED if is_seen else self._store or Newer.STORED)

    def _note(self, served: str, store: Newer | None) -> None:
        before = self.newer
        self._served, self._store = served, store
        if self.newer is not before:
            for listener in tuple(self._listeners):
                listener()
