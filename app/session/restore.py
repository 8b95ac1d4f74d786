"""Reading the records of a session's windows: each once at its start, and on every wake (promise 9)."""

from __future__ import annotations

import asyncio
import logging

from app.core.errors import StorageError, TaskNotFound
from app.core.evidence import Unclear
from app.core.model import ClientId, StoredTasks, WindowId
from app.core.ports.store import WindowRecord
from app.core.window import Restoring, Window
from app.session.state import State

log = logging.getLogger("mooring.session")


class Restorer:
    """Loads the records of windows from the store."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._restoring = asyncio.Lock()

    async def restore(self, window_id: WindowId) -> None:
        """Read a window's records once: a second claim would delete reservations that were made since the first."""
        async with self._restoring:
            await self._restore_once(window_id)

    async def _restore_once(self, window_id: WindowId) -> None:
        state = self._state
        window = state.records.window(window_id)
        if not isinstance(window, Restoring):
            return
        now = state.ports.clock.now()
        fresh = WindowRecord(
            window_id=window_id,
            client_id=ClientId(state.ports.random.uuid4()),
            created_at=now,
            seen_at=now,
        )
        try:
            record, records = await state.ports.store.claim(fresh)
        except StorageError as error:
            state.records.failed(error)
            return
        restored = window.restored(record.client_id, records.tasks, records.unreadable)
        state.records.read_back(restored, records.tasks)
        state.records.set_window(restored)
        state.servers.confirmed(state.records.tasks.values())
        for unread in records.unreadable:
            log.warning("a stored task cannot be read: %s", unread)
        for task in restored.unfinished:
            if not task.progress.is_answered:  # the window closed while the task was being sent
                await state.records.witness(task.prompt_id, Unclear(now, "page_went_away"))

    async def reread(self) -> None:
        """Reread the records of all windows, and drop those that a window of another page owns now."""
        self._state.records.get_window("verify")
        for window in self._state.records.windows:
            if not await self._reread(window):
                return
        await self._state.records.retry_writes()

    async def _reread(self, window: Window) -> bool:
        """Reread the records of a window; False if the store does not answer."""
        state = self._state
        try:
            records = await state.ports.store.read_tasks(window.window_id)
        except StorageError as error:
            state.records.failed(error)
            return False
        stored = {task.prompt_id: task for task in records.tasks}
        self.compare_unreadable(window, records)
        state.records.read_back(window, records.tasks)
        for task in window.tasks.values():
            known = stored.get(task.prompt_id)
            if task.prompt_id in state.records.tasks and (known is None or known.epoch != task.epoch):
                state.records.disown(task, TaskNotFound("verify", task.prompt_id))
        return True

    def compare_unreadable(self, window: Window, records: StoredTasks) -> None:
        """Set unreadable records aside. One that has become readable stays set aside until a reload."""
        self._state.records.note_unreadable(records.unreadable, window.window_id)
        still_there = {task.prompt_id for task in records.tasks} | {item.prompt_id for item in records.unreadable}
        for item in window.unreadable:
            if item.prompt_id not in still_there:
                self._state.records.release_unreadable(item.prompt_id)
