"""Writes a window's journal, and keeps a copy of it that the next page of this window reads.

Nothing waits for a copy. One that cannot be written is only counted, since the next one contains the same entries.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any

from app.core.errors import MooringError
from app.core.journal import Journal, read_entries
from app.core.model import WindowId
from app.core.ports.clock import Clock
from app.core.ports.store import JournalStore
from app.session.timing import first_of

PAUSE = 5.0  # seconds from the first new entry to the next copy; what a crash may lose
DEEPEST = 12  # frames of a traceback that are noted


class JournalWriter:
    """Writes entries, and copies of the journal."""

    def __init__(self, clock: Clock, store: JournalStore | None) -> None:
        self.journal = Journal()
        self.failures = 0  # copies that could not be written or read
        self._clock, self._store = clock, store
        self._is_new = asyncio.Event()
        self._hurry = asyncio.Event()

    def note(self, kind: str, facts: Mapping[str, Any], *, topic: str = "", echo: bool = False) -> None:
        """Add an entry, see `Journal.add`. A repetition causes no new copy."""
        if self.journal.add(self._clock.now(), kind, facts, topic=topic, echo=echo):
            self._is_new.set()

    def hurry(self) -> None:
        """Copy new entries now, because the page may be closing."""
        self._hurry.set()

    async def keep(self, window_id: WindowId) -> None:
        """Load the entries of earlier pages of this window, then keep the copy up to date until the page closes."""
        if self._store is None:
            return
        try:
            self.journal.put_before(read_entries(await self._store.read(window_id)))
        except MooringError:
            self.failures += 1
        while True:
            await self._is_new.wait()
            await first_of(self._clock.sleep(PAUSE), self._hurry.wait())
            self._is_new.clear()
            self._hurry.clear()
            try:
                await self._store.write(window_id, self.journal.text, self._clock.now())
            except MooringError:
                self.failures += 1


class LogNotes(logging.Handler):
    """Passes warnings and errors of the log to the journal: the template from our source, the full line beside it."""

    def __init__(self, note: Callable[..., None]) -> None:
        super().__init__(logging.WARNING)
        self._note = note

    def emit(self, record: logging.LogRecord) -> None:
        """Note one line."""
        error = record.exc_info[1] if record.exc_info else None
        self._note(
            "logged",
            level=record.levelname.lower(),
            logger=record.name,
            template=str(record.msg),
            line=record.getMessage(),
            error=type(error).__name__ if error else "",
            way=way_of(error) if error else [],
        )


def way_of(error: BaseException) -> list[str]:
    """Return the traceback of an error as `module.py:line function`, without its message."""
    frames = traceback.extract_tb(error.__traceback__)[-DEEPEST:]
    return [f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
