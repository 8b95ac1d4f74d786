"""The waiting lines in memory: the same rules as `app/browser/waiting_runs.py`."""

from __future__ import annotations

from collections.abc import Mapping

from app.core.errors import InvalidTransition, NotOwner, StorageError, TaskNotFound
from app.core.model import Task, WindowId
from app.core.ports.blobs import Blob
from app.core.ports.store import NO_FILES
from app.core.records import decode, encode
from app.core.waiting_runs import Batch, LineChange, LineHead, WaitingRun, WaitingRuns, line_of, own_window_of
from app.session.memory.database import KeptBlob, MemoryTransactions, Record


class MemoryLine(MemoryTransactions):
    """The LineStore port."""

    async def read_line(self, window_id: WindowId) -> WaitingRuns:
        return await self._transact("read_line", lambda: self._line(window_id))

    async def read_lines(self) -> Mapping[WindowId, int]:
        def work() -> Mapping[WindowId, int]:
            return {WindowId(name): len(self._waiting_of(name)) for name in self.database.lines}

        return await self._transact("read_lines", work)

    async def write_line(self, change: LineChange, files: Mapping[str, Blob] = NO_FILES, kept_at: float = 0.0) -> None:
        def work() -> None:
            database = self.database
            there = {row["prompt_id"] for row in self._waiting_of(change.window_id)}
            kept = database.lines.get(change.window_id, {}) if there else {}
            if kept.get("line_id", "") != change.line_id:
                raise NotOwner("write_line")
            for item in (*change.put, *change.removed):
                if item.prompt_id not in there:
                    raise TaskNotFound("write_line", item.prompt_id)
            if any(item.prompt_id in database.tasks for item in change.presses):
                raise InvalidTransition("write_line", "a press is taken")
            if any(item.prompt_id in database.waiting for item in change.added):
                raise StorageError("write_line", "unknown", "a prompt_id twice")
            for item in (*change.put, *change.added):
                database.waiting[item.prompt_id] = encode(item)
            for batch in change.batches:
                database.batches[batch.batch_id] = encode(batch)
            for item in change.removed:
                del database.waiting[item.prompt_id]
            self._tidy_batches()
            database.lines.pop(change.window_id, None)
            if change.head is not None and self._waiting_of(change.window_id):
                database.lines[change.window_id] = {**kept, **encode(change.head)}
            for sha256, blob in files.items():
                database.inputs[sha256] = KeptBlob(blob, kept_at)
                database.inputs.make_room(database.inputs_bound, {sha256} | database.needed | database.copies)

        size = sum(blob.size for blob in files.values())
        await self._transact("write_line", work, adds=size if files else None)

    async def adopt_line(self, owner: WindowId, new_owner: WindowId, line_id: str) -> WaitingRuns:
        def work() -> WaitingRuns:
            database, found = self.database, self._waiting_of(owner)
            if not found:
                raise TaskNotFound("adopt_line")
            mine = self._waiting_of(new_owner)
            last = mine[-1]["place"] if mine else 0.0
            for number, row in enumerate(found, 1):
                database.waiting[row["prompt_id"]] = {**row, "owner": new_owner, "place": last + number}
            head = database.lines.pop(owner)
            if not mine:
                database.lines[new_owner] = {**head, "window_id": new_owner, "line_id": line_id}
            return self._line(new_owner)

        return await self._transact("adopt_line", work)

    def _waiting_of(self, window_id: str) -> list[Record]:
        rows = [row for row in self.database.waiting.values() if row["owner"] == window_id]
        return sorted(rows, key=lambda row: (row["place"], row["prompt_id"]))

    def _line(self, window_id: WindowId) -> WaitingRuns:
        head = self.database.lines.get(window_id)
        entries = [decode(WaitingRun, row) for row in self._waiting_of(window_id)]
        batches = [decode(Batch, self.database.batches[name]) for name in {item.batch_id for item in entries}]
        return line_of(decode(LineHead, head) if head else None, entries, batches, window_id)

    def _tidy_batches(self) -> None:
        """Delete batches without waiting runs."""
        used = {row["part"]["batch_id"] for row in self.database.waiting.values()}
        for name in [name for name in self.database.batches if name not in used]:
            del self.database.batches[name]

    def _remove_registered(self, task: Task) -> None:
        """Take a run off its tab's line, since it becomes this task. One that is part of a plan must be there."""
        row, own = self.database.waiting.get(task.prompt_id), own_window_of(task.owner)
        if row is None and task.part is None:
            return
        if row is None or row["owner"] != own:
            raise NotOwner("register", task.prompt_id, WindowId(row["owner"]) if row else None)
        del self.database.waiting[task.prompt_id]
        self._tidy_batches()
        if not self._waiting_of(own):
            self.database.lines.pop(own, None)
