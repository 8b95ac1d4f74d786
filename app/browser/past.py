"""Ended tasks that no window holds any more, over IndexedDB: the core's `PastStore`.

`past` has the rows, indexed by the end and by the inputs of their records; `laid_by` has the full records. Results,
thumbnails and inputs stay in their own object stores.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from typing import Any

from pyodide.ffi import to_js

from app.browser.idb import Database, Steps, T
from app.browser.ledger import BATCHES, SHELVES, TASKS, WAITING, delete_input, delete_kept, inputs_of, needed_inputs
from app.browser.values import from_plain, js_object, plain, present
from app.core.errors import InvalidTransition
from app.core.model import PromptId, Task
from app.core.past import PastTask, is_settled, past_of
from app.core.records import BrokenRecord, decode, encode

PAST, LAID_BY = "past", "laid_by"

log = logging.getLogger("mooring.browser")


def create_past(database: Any) -> None:
    """Create the object stores."""
    rows = database.createObjectStore(PAST, js_object({"keyPath": "prompt_id"}))
    rows.createIndex("ended", "ended_at")
    rows.createIndex("inputs", "inputs", js_object({"multiEntry": True}))
    database.createObjectStore(LAID_BY, js_object({"keyPath": "prompt_id"}))


def past_inputs(transaction: Any, hashes: Collection[str]) -> Steps[set[str]]:
    """Which of these inputs a past task names."""
    index, found = transaction.objectStore(PAST).index("inputs"), set[str]()
    for sha256 in hashes:
        if (yield index.count(sha256)):
            found.add(sha256)
    return found


class BrowserPast:
    """The part of the store with past tasks."""

    _database: Database
    _fence: Callable[[Any, str, Task], Steps[Task]]

    async def _write(self, operation: str, stores: Sequence[str], steps: Callable[[Any], Steps[T]]) -> T:
        raise NotImplementedError

    async def archive(self, task: Task) -> None:
        """Move an ended task to the past tasks, with its row."""

        def steps(transaction: Any) -> Steps[None]:
            stored = yield from self._fence(transaction, "archive", task)
            if not is_settled(stored):
                raise InvalidTransition("archive", f"{task.prompt_id} is not settled")
            tasks = transaction.objectStore(TASKS)
            record = yield tasks.get(task.prompt_id)
            transaction.objectStore(LAID_BY).put(record)
            transaction.objectStore(PAST).put(plain(encode(past_of(stored))))
            tasks.delete(task.prompt_id)

        await self._write("archive", [TASKS, LAID_BY, PAST], steps)

    async def read_past_ids(self) -> Sequence[PromptId]:
        """The ids of all past tasks, the latest end first."""

        def steps(transaction: Any) -> Steps[list[PromptId]]:
            keys = from_plain((yield transaction.objectStore(PAST).index("ended").getAllKeys()))
            return [PromptId(key) for key in reversed(keys)]

        return await self._database.run("read_past_ids", [PAST], steps)

    async def read_past(self, prompt_ids: Sequence[PromptId]) -> Sequence[PastTask]:
        """Their rows in this order, without missing and unreadable ones."""

        def steps(transaction: Any) -> Steps[list[Any]]:
            rows = transaction.objectStore(PAST)
            requests = [rows.get(prompt_id) for prompt_id in prompt_ids]
            if requests:
                yield requests[-1]  # they end in order
            found: list[Any] = from_plain(to_js([request.result for request in requests]))
            return found

        found = []
        for row in await self._database.run("read_past", [PAST], steps):
            try:
                if row is not None:
                    found.append(decode(PastTask, row))
            except BrokenRecord as error:
                log.warning("a row of the past cannot be read: %s %s", error.key, error.detail)
        return found

    async def read_past_task(self, prompt_id: PromptId) -> Task | None:
        """The full record of one; BrokenRecord if it cannot be read."""

        def steps(transaction: Any) -> Steps[Task | None]:
            row = yield transaction.objectStore(LAID_BY).get(prompt_id)
            return None if present(row) is None else decode(Task, from_plain(row))

        return await self._database.run("read_past_task", [LAID_BY], steps)

    async def delete_past(self, prompt_ids: Collection[PromptId]) -> None:
        """Delete these tasks with their results, and with the inputs that only they had."""

        def steps(transaction: Any) -> Steps[None]:
            records, rows = transaction.objectStore(LAID_BY), transaction.objectStore(PAST)
            mine: set[str] = set()
            for prompt_id in prompt_ids:
                row = yield records.get(prompt_id)
                if present(row) is None:
                    continue
                mine |= inputs_of([from_plain(row)])
                records.delete(prompt_id)
                rows.delete(prompt_id)
                delete_kept(transaction, prompt_id)
            if not mine:
                return
            others = yield transaction.objectStore(TASKS).getAll()
            kept = inputs_of(from_plain(others)) | (yield from needed_inputs(transaction))
            kept |= yield from past_inputs(transaction, mine - kept)
            for sha256 in mine - kept:
                delete_input(transaction, sha256)

        await self._write("delete_past", [TASKS, LAID_BY, PAST, BATCHES, WAITING, *SHELVES], steps)
