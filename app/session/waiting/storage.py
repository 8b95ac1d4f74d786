"""The waiting line, made durable: read once, then changed in steps, each one transaction (`core/waiting_runs.py`).

A step is computed from what this window knows, and written if the store still has that; otherwise the line is reread
and the step repeated. A run that a session of ours has registered has left the line, whatever was read before.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

from app.core.errors import NotOwner, StorageError, TaskNotFound
from app.core.model import PromptId
from app.core.ports.blobs import Blob
from app.core.ports.store import NO_FILES
from app.core.waiting_runs import Batch, WaitingRun, WaitingRuns
from app.core.window import Window
from app.session.state import State

log = logging.getLogger("mooring.session")

Step = Callable[[WaitingRuns], WaitingRuns]


class LineKeeper:
    """Holds the line of a window. `line` is None until it has been read; `error` says why that failed."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._sent: set[PromptId] = set()  # runs that a read in progress may still find in the line
        self._changing = asyncio.Lock()
        self.line: WaitingRuns | None = None
        self.error: StorageError | None = None

    async def restore(self) -> None:
        """Read the line once the window has read its records."""
        async with self._changing:
            if self.line is None:
                await self._read()

    async def reread(self) -> None:
        """On a wake, check whether the line is unchanged; each write is fenced all the same."""
        if self.line is None:
            await self.restore()
            return
        try:
            counts = await self._state.ports.store.read_lines()
        except StorageError as error:
            log.warning("the line is not read: %r", error)
            return
        async with self._changing:
            if counts.get(self.line.window_id, 0) != len(self.line.entries) + len(self.line.refused):
                await self._read()

    async def read(self) -> None:
        """Reread the line."""
        async with self._changing:
            await self._read()

    async def adopt(self, work: Callable[[], Awaitable[WaitingRuns]]) -> None:
        """Take over the line that `work` returns; no step runs in between."""
        async with self._changing:
            self.take_over(await work())

    async def _read(self) -> None:
        window = self._state.records.own
        if not isinstance(window, Window):
            return
        try:
            line = await self._state.ports.store.read_line(window.window_id)
        except StorageError as error:
            log.warning("the line cannot be read: %r", error)
            self.error = error
            self._state.changed()
            return
        self.error = None
        self.take_over(line)

    async def change(self, step: Step, files: Mapping[str, Blob] = NO_FILES) -> None:
        """Take a step, durable first, and keep files with it. If the store has another line, reread it and repeat."""
        self._state.records.get_window("line")
        async with self._changing:
            if self.line is None:
                await self._read()
            for is_last in (False, True):
                if self.line is None:
                    raise self.error or StorageError("read_line", "unknown")
                after = step(self.line)
                try:
                    now = self._state.ports.clock.now()
                    await self._state.ports.store.write_line(self.line.change_to(after), files, now)
                except (NotOwner, TaskNotFound):
                    if is_last:
                        raise
                    await self._read()
                else:
                    self.take_over(after)
                    return

    async def join(
        self,
        batch: Batch,
        entries: Sequence[WaitingRun],
        senders: int | None,
        *,
        is_more: bool = False,
        files: Mapping[str, Blob] = NO_FILES,
    ) -> None:
        """Append runs; if there `is_more` to come, a line with other runs keeps its number of senders."""
        line_id = self._state.ports.random.uuid4()

        def step(line: WaitingRuns) -> WaitingRuns:
            joined = line.join(batch, entries, line_id)
            return joined if senders is None or (is_more and line.entries) else joined.spread(senders)

        await self.change(step, files)

    def take_over(self, line: WaitingRuns) -> None:
        """Take over the line, without the runs that have been sent since it was read."""
        sent = [item.prompt_id for item in line.entries if item.prompt_id in self._sent]
        self.line = line.without(*sent) if sent else line
        self._state.changed()

    def took(self, prompt_id: PromptId) -> None:
        """Note that a run has become a task: the store has already removed it from the line."""
        self._sent.add(prompt_id)
        if self.line is not None and self.line.has(prompt_id):
            self.take_over(self.line)
        if not self._changing.locked():
            self._sent.clear()
