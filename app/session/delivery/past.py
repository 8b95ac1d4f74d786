"""Ended tasks beyond the latest are moved to the past tasks in the store, so that a window stays light.

Only settled tasks are moved (`core/past.py`): the end is proven and all outputs are delivered, so they cannot
change any more. The settled tasks of a closed window are moved too, by any window that finds them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from app.core.errors import NotOwner, StorageError, TaskNotFound
from app.core.model import PromptId, Task
from app.core.past import PastTask, is_settled, past_of, to_lay_by
from app.core.ports.store import PastStore
from app.session.state import State

log = logging.getLogger("mooring.session")


class Past:
    """Moves settled tasks to the past, and reads them. `changes` counts additions and deletions by this window."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._is_busy = False
        self.changes = 0

    @property
    def _store(self) -> PastStore | None:
        return self._state.ports.past

    # Moving

    def refresh(self) -> None:
        """Move what this window need not hold any more, in the background."""
        if self._store is not None and not self._is_busy and self._settled():
            self._is_busy = True
            self._state.spawn(self._lay_by_mine(), "lay by")

    def _settled(self) -> list[Task]:
        """The tasks that their windows need not hold any more."""
        return [task for window in self._state.records.windows for task in to_lay_by(window.tasks)]

    async def _lay_by_mine(self) -> None:
        try:
            for task in self._settled():
                if not await self._lay_by(task):
                    return
        finally:
            self._is_busy = False

    async def lay_by_of_gone(self, tasks: Iterable[Task]) -> None:
        """Move the settled tasks of closed windows; if one of those windows is still open, that does no harm."""
        if self._store is not None:
            for task in tasks:
                if is_settled(task) and isinstance(await self._move(task), StorageError):
                    return

    async def _lay_by(self, task: Task) -> bool:
        """Move one task; return whether it makes sense to continue with others."""
        state = self._state
        async with state.records.judging(task.prompt_id):
            known = state.records.tasks.get(task.prompt_id)
            if known is None or not is_settled(known):
                return True
            match await self._move(known):
                case None:
                    state.records.forget(known.prompt_id)
                case StorageError():
                    return False
                case error:
                    state.records.disown(known, error)
        return True

    async def _move(self, task: Task) -> NotOwner | TaskNotFound | StorageError | None:
        """Move it; return why not: another window has it now, no window has it, or the store failed."""
        assert self._store is not None  # asked before
        try:
            await self._store.archive(task)
        except (NotOwner, TaskNotFound) as error:
            return error
        except StorageError as error:
            log.warning("not laid by: %r", error)
            return error
        self.changes += 1
        self._state.note("laid_by", prompt_id=task.prompt_id)
        return None

    # Reading

    async def read_ids(self) -> Sequence[PromptId]:
        """The ids of all past tasks, the latest end first."""
        return () if self._store is None else await self._store.read_past_ids()

    async def read_rows(self, prompt_ids: Sequence[PromptId]) -> Sequence[PastTask]:
        """The rows of these tasks."""
        return () if self._store is None else await self._store.read_past(prompt_ids)

    async def read_others(self) -> Sequence[PastTask]:
        """Rows of the ended tasks that other windows still hold."""
        own = self._state.records.window_ids
        records = await self._state.ports.store.read_tasks()
        return [past_of(task) for task in records.tasks if task.state.is_end and task.owner not in own]

    async def read_task(self, prompt_id: PromptId) -> Task:
        """Return a whole task, also one that another window holds or a link names. TaskNotFound if there is none."""
        found = None if self._store is None else await self._store.read_past_task(prompt_id)
        found = found or await self._state.ports.store.read_task(prompt_id) or self._state.live.visited.get(prompt_id)
        if found is None:
            raise TaskNotFound("read", prompt_id)
        return found

    async def delete(self, prompt_ids: Sequence[PromptId]) -> None:
        """Delete these tasks and their results."""
        if self._store is not None:
            await self._store.delete_past(prompt_ids)
            self.changes += 1
            self._state.changed()
            await self._state.records.retry_writes()  # there may be room now
