"""Ended tasks beyond the latest: laid by in the store, so that a window stays light however much it has made.

Only what is settled goes (`core/past.py`): its end is proven and all of it is home, so nothing more will be learned of
it. What settled tasks a closed window has left is laid by as well, by whoever finds it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from app.core.errors import NotOwner, StorageError, TaskNotFound
from app.core.model import PromptId, Task
from app.core.past import PastTask, is_settled, past_of, to_lay_by
from app.core.ports.store import PastStore
from app.core.window import Window
from app.session.state import State

log = logging.getLogger("mooring.session")


class Past:
    """What was laid by, and what is to be. `changes` counts how often something was added or deleted here."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._is_busy = False
        self.changes = 0

    @property
    def _store(self) -> PastStore | None:
        return self._state.ports.past

    # Laying by

    def refresh(self) -> None:
        """Lay by what this window need not hold any more, in the background."""
        window = self._state.window
        if self._store is not None and not self._is_busy and isinstance(window, Window) and to_lay_by(window.tasks):
            self._is_busy = True
            self._state.spawn(self._lay_by_mine(), "lay by")

    async def _lay_by_mine(self) -> None:
        try:
            for task in to_lay_by(self._state.get_window("lay_by").tasks):
                if not await self._lay_by(task):
                    return
        finally:
            self._is_busy = False

    async def lay_by_of_gone(self, tasks: Iterable[Task]) -> None:
        """Lay by what windows that are gone have left settled; that one of them lives after all does no harm."""
        if self._store is not None:
            for task in tasks:
                if is_settled(task) and isinstance(await self._move(task), StorageError):
                    return

    async def _lay_by(self, task: Task) -> bool:
        """Whether it makes sense to go on with others."""
        state = self._state
        async with state.judging(task.prompt_id):
            known = state.get_window("lay_by").tasks.get(task.prompt_id)
            if known is None or not is_settled(known):
                return True
            match await self._move(known):
                case None:
                    state.forget(known.prompt_id)
                case StorageError():
                    return False
                case error:
                    state.let_go(known, error)
        return True

    async def _move(self, task: Task) -> NotOwner | TaskNotFound | StorageError | None:
        """Why it was not laid by: another window has it now, no window has it, or the store failed."""
        assert self._store is not None  # asked before
        try:
            await self._store.lay_by(task)
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
        """All that was laid by, the latest end first."""
        return () if self._store is None else await self._store.read_past_ids()

    async def read_rows(self, prompt_ids: Sequence[PromptId]) -> Sequence[PastTask]:
        """The rows of these."""
        return () if self._store is None else await self._store.read_past(prompt_ids)

    async def read_others(self) -> Sequence[PastTask]:
        """Rows of what the latest of other windows have ended, which those hold themselves."""
        window = self._state.get_window("read_others")
        records = await self._state.ports.store.read_tasks()
        return [past_of(task) for task in records.tasks if task.state.is_end and task.owner != window.window_id]

    async def read_task(self, prompt_id: PromptId) -> Task:
        """One whole, also one that another window holds; TaskNotFound if it is not there."""
        found = None if self._store is None else await self._store.read_past_task(prompt_id)
        found = found or await self._state.ports.store.read_task(prompt_id)
        if found is None:
            raise TaskNotFound("read", prompt_id)
        return found

    async def delete(self, prompt_ids: Sequence[PromptId]) -> None:
        """Delete these, with what they made."""
        if self._store is not None:
            await self._store.delete_past(prompt_ids)
            self.changes += 1
            self._state.changed()
            await self._state.write_again()  # there may be room now
