"""Whether there is a newer Mooring than this page, as the gateway and the store tell it."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum


class Newer(Enum):
    """How a newer version was noticed, which decides whether a reload gets it."""

    SERVED = "served"  # the gateway hands out another build now
    OPENED = "opened"  # another window has brought the store to a newer version while this one was open
    STORED = "stored"  # the store was newer already when this page came: the gateway serves an older Mooring


class Releases:
    """Compares this page's build with what is told. Without a build of its own it compares nothing."""

    def __init__(self, build: str) -> None:
        self._build = build
        self._served = build
        self._store: Newer | None = None
        self._listeners: list[Callable[[], None]] = []

    @property
    def newer(self) -> Newer | None:
        """What there is, if this page is not the newest."""
        return Newer.SERVED if self._served != self._build else self._store

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Call `listener` after every change."""
        self._listeners.append(listener)

    def note_build(self, build: str) -> None:
        """The gateway serves this build; an empty one is none."""
        self._note(build if build and self._build else self._build, self._store)

    def note_store(self, is_seen: bool) -> None:
        """The store is newer than this page: with `is_seen`, it became so under our eyes."""
        self._note(self._served, Newer.OPENED if is_seen else self._store or Newer.STORED)

    def _note(self, served: str, store: Newer | None) -> None:
        before = self.newer
        self._served, self._store = served, store
        if self.newer is not before:
            for listener in tuple(self._listeners):
                listener()
