"""The waiting lines in this browser's store: one record for each run, one for each batch, one for each line.

A run leaves its line in the very transaction that registers its task (`remove_registered`), so that it is never both
or neither. With the last run, the records of its batch and of the line are deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from app.browser.idb import Database, Steps, T
from app.browser.ledger import BATCHES, INPUTS, LEDGER, TASKS, WAITING
from app.browser.values import from_plain, plain, present
from app.core.errors import InvalidTransition, NotOwner, TaskNotFound
from app.core.model import Task, WindowId
from app.core.ports.blobs import Blob
from app.core.ports.store import NO_FILES
from app.core.records import decode, encode
from app.core.waiting_runs import Batch, LineChange, LineHead, WaitingRun, WaitingRuns, line_of, own_window_of

LINES = "lines"
LINE = (WAITING, BATCHES, LINES)


class BrowserLine:
    """The part of the store with waiting runs."""

    _database: Database

    async def _write(self, operation: str, stores: Sequence[str], steps: Callable[[Any], Steps[T]]) -> T:
        raise NotImplementedError

    async def _keep(self, operation: str, stores: Sequence[str], steps: Callable[[Any], Steps[T]], size: int) -> T:
        raise NotImplementedError

    async def _input_row(self, blob: Blob, at: float) -> Any:
        raise NotImplementedError

    def _put_input(self, transaction: Any, sha256: str, row: Any) -> Steps[None]:
        raise NotImplementedError

    async def read_line(self, window_id: WindowId) -> WaitingRuns:
        """The line of that window, empty if nothing waits there."""
        return await self._database.run("read_line", LINE, lambda transaction: _line(transaction, window_id))

    async def read_lines(self) -> Mapping[WindowId, int]:
        """How many runs wait, by window."""

        def steps(transaction: Any) -> Steps[dict[WindowId, int]]:
            owners = transaction.objectStore(WAITING).index("owner")
            found = {}
            for name in from_plain((yield transaction.objectStore(LINES).getAllKeys())):
                found[WindowId(name)] = int((yield owners.count(name)))
            return found

        return await self._database.run("read_lines", LINE, steps)

    async def write_line(self, change: LineChange, files: Mapping[str, Blob] = NO_FILES, kept_at: float = 0.0) -> None:
        """Make one step of a line durable, with its files, or nothing of it."""
        rows = {sha256: await self._input_row(blob, kept_at) for sha256, blob in files.items()}

        def steps(transaction: Any) -> Steps[None]:
            waiting, lines = transaction.objectStore(WAITING), transaction.objectStore(LINES)
            there = set(from_plain((yield waiting.index("owner").getAllKeys(change.window_id))))
            row = yield lines.get(change.window_id)
            kept = from_plain(row) if row is not None and there else {}
            if kept.get("line_id", "") != change.line_id:
                raise NotOwner("write_line")
            for item in (*change.put, *change.removed):
                if item.prompt_id not in there:
                    raise TaskNotFound("write_line", item.prompt_id)
            for item in change.presses:
                if present((yield transaction.objectStore(TASKS).getKey(item.prompt_id))) is not None:
                    raise InvalidTransition("write_line", f"{item.prompt_id} is taken")
            _put_all(transaction, change)
            yield from _tidy_batches(transaction, {item.batch_id for item in change.removed})
            # A run that the change leaves in the line may have become a task: then nothing waits, and there is no line.
            stay = there.difference(item.prompt_id for item in change.removed)
            if change.head is None or not (stay or change.added):
                lines.delete(change.window_id)
            else:
                lines.put(plain({**kept, **encode(change.head)}))
            for sha256, row in rows.items():
                yield from self._put_input(transaction, sha256, row)

        if files:
            size = sum(blob.size for blob in files.values())
            await self._keep("write_line", [*LINE, TASKS, INPUTS, LEDGER], steps, size)
        else:
            await self._write("write_line", [*LINE, TASKS], steps)

    async def adopt_line(self, owner: WindowId, new_owner: WindowId, line_id: str) -> WaitingRuns:
        """Append one window's waiting runs to the line of another."""

        def steps(transaction: Any) -> Steps[WaitingRuns]:
            waiting, lines = transaction.objectStore(WAITING), transaction.objectStore(LINES)
            head = yield lines.get(owner)
            found = _in_order(from_plain((yield waiting.index("owner").getAll(owner))))
            if head is None or not found:
                raise TaskNotFound("adopt_line")
            mine = _in_order(from_plain((yield waiting.index("owner").getAll(new_owner))))
            last = mine[-1]["place"] if mine else 0.0
            for number, row in enumerate(found, 1):
                waiting.put(plain({**row, "owner": new_owner, "place": last + number}))
            lines.delete(owner)
            if not mine:
                lines.put(plain({**from_plain(head), "window_id": new_owner, "line_id": line_id}))
            return (yield from _line(transaction, new_owner))

        return await self._write("adopt_line", LINE, steps)


def remove_registered(transaction: Any, task: Task) -> Steps[None]:
    """Remove a run from its tab's line, since it becomes this task. One that is part of a plan must be there."""
    waiting, own = transaction.objectStore(WAITING), own_window_of(task.owner)
    row = yield waiting.get(task.prompt_id)
    if row is None and task.part is None:
        return
    entry: WaitingRun | None = None if row is None else decode(WaitingRun, from_plain(row))
    if entry is None or entry.owner != own:
        raise NotOwner("register", task.prompt_id, entry.owner if entry else None)
    waiting.delete(task.prompt_id)
    yield from _tidy_batches(transaction, [entry.batch_id])
    if not (yield waiting.index("owner").count(own)):
        transaction.objectStore(LINES).delete(own)


def _line(transaction: Any, window_id: WindowId) -> Steps[WaitingRuns]:
    head = yield transaction.objectStore(LINES).get(window_id)
    rows = from_plain((yield transaction.objectStore(WAITING).index("owner").getAll(window_id)))
    entries = [decode(WaitingRun, row) for row in rows]
    batches = []
    for batch_id in dict.fromkeys(item.batch_id for item in entries):
        row = yield transaction.objectStore(BATCHES).get(batch_id)
        batches.append(decode(Batch, from_plain(row) if row is not None else {"batch_id": batch_id}))
    return line_of(None if head is None else decode(LineHead, from_plain(head)), entries, batches, window_id)


def _put_all(transaction: Any, change: LineChange) -> None:
    """Write runs and batches, in one crossing each."""
    waiting, batches = transaction.objectStore(WAITING), transaction.objectStore(BATCHES)
    for row in plain([encode(item) for item in change.put]):
        waiting.put(row)
    for row in plain([encode(item) for item in change.added]):
        waiting.add(row)
    for row in plain([encode(item) for item in change.batches]):
        batches.put(row)
    for item in change.removed:
        waiting.delete(item.prompt_id)


def _tidy_batches(transaction: Any, batch_ids: Collection[str]) -> Steps[None]:
    """Delete batches that no waiting run needs."""
    index = transaction.objectStore(WAITING).index("batch")
    for batch_id in batch_ids:
        if not (yield index.count(batch_id)):
            transaction.objectStore(BATCHES).delete(batch_id)


def _in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: (row["place"], row["prompt_id"]))
