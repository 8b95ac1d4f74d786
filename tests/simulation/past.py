"""Ended tasks that were laid by, in the store in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from app.core.errors import InvalidTransition
from app.core.model import PromptId, Task
from app.core.past import PastTask, is_settled, past_of
from app.core.records import decode, encode
from tests.simulation.shelf import Shelves, inputs_of

T = TypeVar("T")


class MemoryPast:
    """The PastStore port over the shelves."""

    _db: Shelves

    def _fenced(self, operation: str, task: Task) -> Task:
        raise NotImplementedError

    async def _transact(self, operation: str, work: Callable[[], T], *, is_needed: bool = True) -> T:
        raise NotImplementedError

    async def lay_by(self, task: Task) -> None:
        def work() -> None:
            stored = self._fenced("lay_by", task)
            if not is_settled(stored):
                raise InvalidTransition("lay_by", "it is not settled")
            self._db.past[task.prompt_id] = encode(past_of(stored))
            self._db.laid_by[task.prompt_id] = self._db.tasks.pop(task.prompt_id)

        await self._transact("lay_by", work)

    async def read_past_ids(self) -> Sequence[PromptId]:
        def work() -> list[PromptId]:
            rows = sorted(self._db.past.values(), key=lambda row: (row["ended_at"], row["prompt_id"]), reverse=True)
            return [PromptId(row["prompt_id"]) for row in rows]

        return await self._transact("read_past_ids", work)

    async def read_past(self, prompt_ids: Sequence[PromptId]) -> Sequence[PastTask]:
        def work() -> list[PastTask]:
            return [decode(PastTask, self._db.past[item]) for item in prompt_ids if item in self._db.past]

        return await self._transact("read_past", work)

    async def read_past_task(self, prompt_id: PromptId) -> Task | None:
        def work() -> Task | None:
            record = self._db.laid_by.get(prompt_id)
            return None if record is None else decode(Task, record)

        return await self._transact("read_past_task", work)

    async def delete_past(self, prompt_ids: Collection[PromptId]) -> None:
        def work() -> None:
            mine: set[str] = set()
            for prompt_id in prompt_ids:
                if prompt_id in self._db.laid_by:
                    mine |= inputs_of(self._db.laid_by.pop(prompt_id))
                    del self._db.past[prompt_id]
                    self._db.delete_kept(prompt_id)
            self._db.forget_inputs(mine)

        await self._transact("delete_past", work)
