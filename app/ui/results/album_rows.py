"""The rows of the album: finished tasks from the store, of other windows, and of this tab.

They are read once the album is opened, a page at a time, and reloaded when the store changes. Tasks of this tab are
added as they end.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace

from app.core.errors import MooringError
from app.core.model import PromptId, Task
from app.core.past import past_of
from app.core.ports.documents import DocumentStore
from app.session import Session
from app.ui.kit.context import PageContext, set_slices
from app.ui.results.album import AlbumCell, AlbumRow, Rows, album_row, merged, rows_of
from app.ui.results.state import ResultsState

log = logging.getLogger("mooring.ui")

PAGE = 40  # rows read at a time: in a browser some 8 ms
FAVOURITE_KIND = "favourite"


class AlbumRows:
    """Keeps the rows. `rows` is replaced only when something has changed."""

    def __init__(self, source: Session, documents: DocumentStore, context: PageContext) -> None:
        self._source = source
        self._documents = documents
        self._context = context
        self._past: dict[PromptId, AlbumRow] = {}
        self._others: dict[PromptId, AlbumRow] = {}
        self._own: dict[PromptId, tuple[Task, AlbumRow]] = {}
        self._read_at: int | None = None  # the count of changes at the last reading
        self._reading = asyncio.Lock()
        self._is_stale = True
        self._hidden: frozenset[str] = frozenset()
        self.rows = Rows(is_reading=True)

    @property
    def others(self) -> tuple[AlbumRow, ...]:
        """Rows of tasks that other windows hold."""
        return tuple(self._others.values())

    async def load(self) -> None:
        """Read the favourites; raise StorageError if they cannot be read."""
        self._mark(frozenset(await self._documents.read_kind(FAVOURITE_KIND)))

    def own(self) -> tuple[AlbumCell, ...]:
        """Return the results of this tab in the order of its cards, without those that are being deleted."""
        self._take_own()
        pairs = sorted(self._own.values(), key=lambda pair: pair[0].created_at, reverse=True)
        hidden = self._context.ui.hidden
        return tuple(cell for task, row in pairs if task.prompt_id not in hidden for cell in row.cells)

    @property
    def own_ids(self) -> frozenset[PromptId]:
        """The tasks of this tab that have ended."""
        self._take_own()
        return frozenset(self._own)

    def refresh(self) -> None:
        """Start reading if something is new; nothing waits for it."""
        if self._read_at != self._source.past.changes and not self._reading.locked():
            self._read_at = self._source.past.changes
            self._context.spawn(self._read())
        self._take_own()
        if self._is_stale or self._hidden != self._context.ui.hidden:
            self._hidden = hidden = self._context.ui.hidden
            rows = merged({prompt_id: row for prompt_id, (_, row) in self._own.items()}, self._past, self._others)
            if hidden:
                rows = tuple(item for item in rows if item.row.prompt_id not in hidden)
            self.rows = rows_of(rows, self._favourites, is_reading=self._reading.locked())
            self._is_stale = False

    def invalidate(self) -> None:
        """Read from the store at the next drawing, since other windows may have changed it."""
        self._read_at = None

    def close(self) -> None:
        """Forget everything; it is read when the album is opened."""
        self._past, self._others = {}, {}
        self._read_at, self._is_stale = None, True
        self.rows = Rows(is_reading=True)

    def _take_own(self) -> None:
        ended = {
            task.prompt_id: task
            for window in self._source.windows
            for task in window.tasks.values()
            if task.state.is_end
        }
        known = {prompt_id: pair for prompt_id, pair in self._own.items() if ended.get(prompt_id) is pair[0]}
        if len(known) != len(self._own) or len(known) != len(ended):
            fresh = {
                prompt_id: (task, album_row(past_of(task)))
                for prompt_id, task in ended.items()
                if prompt_id not in known
            }
            self._own = known | fresh
            self._is_stale = True

    async def _read(self) -> None:
        async with self._reading:
            try:
                await self._read_all()
            except MooringError as error:
                self._context.set_ui(self._context.ui.with_error(error))
        self._show()

    async def _read_all(self) -> None:
        past = self._source.past
        await self.load()
        ids = await past.read_ids()
        there = set(ids)
        self._past = {prompt_id: row for prompt_id, row in self._past.items() if prompt_id in there}
        missing = [prompt_id for prompt_id in ids if prompt_id not in self._past]
        for first in range(0, len(missing), PAGE):
            found = await past.read_rows(missing[first : first + PAGE])
            self._past |= {row.prompt_id: album_row(row) for row in found}
            if first == 0:
                self._show()  # show the latest before the rest is read
        self._others = {row.prompt_id: album_row(row) for row in await past.read_others()}

    def _show(self) -> None:
        self._is_stale = True
        self._context.redraw()

    # Favourites

    async def set_favourites(self, names: Sequence[str], *, is_favourite: bool) -> None:
        """Mark results as favourites, or not; raise StorageError if it cannot be saved."""
        await self._documents.write_documents({(FAVOURITE_KIND, name): "1" if is_favourite else None for name in names})
        self._mark(self._favourites | set(names) if is_favourite else self._favourites - set(names))

    @property
    def _favourites(self) -> frozenset[str]:
        return self._context.ui.of(ResultsState).favourites

    def _mark(self, favourites: frozenset[str]) -> None:
        if favourites != self._favourites:
            self._is_stale = True
            set_slices(self._context, replace(self._context.ui.of(ResultsState), favourites=favourites))
