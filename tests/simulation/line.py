"""The waiting lines in the store in memory, beside its tasks: stands for `app/browser/waiting_runs.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from app.core.errors import NotOwner, TaskNotFound
from app.core.model import Task, WindowId
from app.core.records import decode, encode
from app.core.waiting_runs import Batch, Entry, LineChange, LineHead, WaitingRuns, captain_of, line_of
from tests.simulation.shelf import Shelves

T = TypeVar("T")


class MemoryLine:
    """The LineStore port."""

    _shelves: Shelves

    async def _transact(self, operation: str, work: Callable[[], T], *, is_needed: bool = True) -> T:
        raise NotImplementedError

    def _waiting_of(self, window_id: str) -> list[dict[str, Any]]:
        rows = [row for row in self._shelves.waiting.values() if row["owner"] == window_id]
        return sorted(rows, key=lambda row: (row["place"], row["prompt_id"]))

    def _line(self, window_id: WindowId) -> WaitingRuns:
        head = self._shelves.lines.get(window_id)
        entries = [decode(Entry, row) for row in self._waiting_of(window_id)]
        batches = [decode(Batch, self._shelves.batches[name]) for name in {item.batch_id for item in entries}]
        return line_of(decode(LineHead, head) if head else None, entries, batches, window_id)

    async def read_line(self, window_id: WindowId) -> WaitingRuns:
        return await self._transact("read_line", lambda: self._line(window_id))

    async def read_lines(self) -> Mapping[WindowId, int]:
        def work() -> Mapping[WindowId, int]:
            return {WindowId(name): len(self._waiting_of(name)) for name in self._shelves.lines}

        return await self._transact("read_lines", work)

    async def write_line(self, change: LineChange) -> None:
        def work() -> None:
            shelves, kept = self._shelves, self._shelves.lines.get(change.window_id, {"line_id": ""})
            if kept["line_id"] != change.line_id:
                raise NotOwner("write_line")
            there = {row["prompt_id"] for row in self._waiting_of(change.window_id)}
            for item in (*change.put, *change.removed):
                if item.prompt_id not in there:
                    raise TaskNotFound("write_line", item.prompt_id)
            for item in (*change.put, *change.added):
                shelves.waiting[item.prompt_id] = encode(item)
            for batch in change.batches:
                shelves.batches[batch.batch_id] = encode(batch)
            for item in change.removed:
                del shelves.waiting[item.prompt_id]
            shelves.tidy_batches()
            shelves.lines.pop(change.window_id, None)
            if change.head is not None:
                shelves.lines[change.window_id] = {**kept, **encode(change.head)}

        await self._transact("write_line", work)

    async def adopt_line(self, owner: WindowId, new_owner: WindowId, line_id: str) -> WaitingRuns:
        def work() -> WaitingRuns:
            shelves, found = self._shelves, self._waiting_of(owner)
            if not found:
                raise TaskNotFound("adopt_line")
            mine = self._waiting_of(new_owner)
            last = mine[-1]["place"] if mine else 0.0
            for number, row in enumerate(found, 1):
                shelves.waiting[row["prompt_id"]] = {**row, "owner": new_owner, "place": last + number}
            head = shelves.lines.pop(owner)
            shelves.lines.setdefault(new_owner, {**head, "window_id": new_owner, "line_id": line_id})
            return self._line(new_owner)

        return await self._transact("adopt_line", work)

    def _take_off(self, task: Task) -> None:
        """The run becomes this task."""
        if task.part is None:
            return
        row, captain = self._shelves.waiting.get(task.prompt_id), captain_of(task.owner)
        if row is None or row["owner"] != captain:
            raise NotOwner("register", task.prompt_id, WindowId(row["owner"]) if row else None)
        del self._shelves.waiting[task.prompt_id]
        self._shelves.tidy_batches()
        if not self._waiting_of(captain):
            self._shelves.lines.pop(captain, None)
