"""The past tasks in memory: the same rules as `app/browser/past.py`."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from app.core.errors import InvalidTransition
from app.core.model import PromptId, Task
from app.core.past import PastTask, is_settled, past_of
from app.core.records import decode, encode
from app.session.memory.database import MemoryTransactions, inputs_of


class MemoryPast(MemoryTransactions):
    """The PastStore port."""

    async def archive(self, task: Task) -> None:
        def work() -> None:
            stored = self.database.fenced("archive", task)
            if not is_settled(stored):
                raise InvalidTransition("archive", f"{task.prompt_id} is not settled")
            self.database.past[task.prompt_id] = encode(past_of(stored))
            self.database.laid_by[task.prompt_id] = self.database.tasks.pop(task.prompt_id)

        await self._transact("archive", work)

    async def read_past_ids(self) -> Sequence[PromptId]:
        def work() -> list[PromptId]:
            rows = self.database.past.values()
            ordered = sorted(rows, key=lambda row: (row["ended_at"], row["prompt_id"]), reverse=True)
            return [PromptId(row["prompt_id"]) for row in ordered]

        return await self._transact("read_past_ids", work)

    async def read_past(self, prompt_ids: Sequence[PromptId]) -> Sequence[PastTask]:
        def work() -> list[PastTask]:
            rows = self.database.past
            return [decode(PastTask, rows[prompt_id]) for prompt_id in prompt_ids if prompt_id in rows]

        return await self._transact("read_past", work)

    async def read_past_task(self, prompt_id: PromptId) -> Task | None:
        def work() -> Task | None:
            record = self.database.laid_by.get(prompt_id)
            return None if record is None else decode(Task, record)

        return await self._transact("read_past_task", work)

    async def delete_past(self, prompt_ids: Collection[PromptId]) -> None:
        def work() -> None:
            mine: set[str] = set()
            for prompt_id in prompt_ids:
                if prompt_id in self.database.laid_by:
                    mine |= inputs_of(self.database.laid_by.pop(prompt_id))
                    del self.database.past[prompt_id]
                    self.database.delete_kept(prompt_id)
            self.database.forget_inputs(mine)

        await self._transact("delete_past", work)
