"""Reading this window's own records: once at the start, and on every wake (promise 9)."""

from __future__ import annotations

import asyncio
import logging

from app.core.errors import StorageError, TaskNotFound
from app.core.evidence import Unclear
from app.core.model import ClientId, Records
from app.core.ports.store import WindowRecord
from app.core.window import Restoring, Window
from app.session.state import State

log = logging.getLogger("mooring.session")


class Restorer:
    """Loads this window's records from the store."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._restoring = asyncio.Lock()

    async def restore(self) -> None:
        """Read our records once: a second claim would delete reservations that were made since the first."""
        async with self._restoring:
            await self._restore_once()

    async def _restore_once(self) -> None:
        state = self._state
        if state.identity is None or not isinstance(state.window, Restoring):
            return
        now = state.ports.clock.now()
        fresh = WindowRecord(
            window_id=state.identity.window_id,
            client_id=ClientId(state.ports.random.uuid4()),
            created_at=now,
            seen_at=now,
        )
        try:
            record, records = await state.ports.store.claim(fresh)
        except StorageError as error:
            state.store_error = error
            state.changed()
            return
        state.read_back = records.tasks
        state.set_window(state.window.restored(record.client_id, records.tasks, records.unreadable))
        state.set_fleet(state.fleet)
        for unread in records.unreadable:
            log.warning("a stored task cannot be read: %s", unread)
        for task in state.watched():
            if task.answered_at is None:  # this window closed while the task was being sent
                await state.witness(task.prompt_id, Unclear(now, "page_went_away"))

    async def reread(self) -> None:
        """Reread our own records, and drop those that another window owns now."""
        state = self._state
        window = state.get_window("verify")
        try:
            records = await state.ports.store.read_tasks(window.window_id)
        except StorageError as error:
            state.store_error = error
            state.changed()
            return
        stored = {task.prompt_id: task for task in records.tasks}
        self.compare_unreadable(window, records)
        since = [item for item in state.read_back if item.prompt_id not in {*window.tasks, *stored}]
        state.read_back = (*stored.values(), *since)  # with what was registered while we read
        for task in window.tasks.values():
            known = stored.get(task.prompt_id)
            is_there = task.prompt_id in state.get_window("verify").tasks
            if is_there and (known is None or known.epoch != task.epoch):
                state.let_go(task, TaskNotFound("verify", task.prompt_id))
        await state.retry_writes()

    def compare_unreadable(self, window: Window, records: Records) -> None:
        """Set unreadable records aside. One that has become readable stays set aside until a reload."""
        self._state.set_aside(records.unreadable)
        still_there = {task.prompt_id for task in records.tasks} | {item.prompt_id for item in records.unreadable}
        for item in window.unreadable:
            if item.prompt_id not in still_there:
                self._state.release_unreadable(item.prompt_id)
