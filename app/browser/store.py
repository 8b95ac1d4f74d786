"""The store of all windows: the core's `TaskStore` over IndexedDB.

Every operation is one transaction and returns after its `complete` event. Tasks, reservations and windows are stored as
plain objects (`app.core.records`); results and inputs as Blobs (`app.browser.blob_store`), each with a line in
`ledger`, so that their sizes are known without touching the bytes. The schema only ever grows.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import js
from pyodide.ffi import JsException, to_js

from app.browser.blob_store import INPUTS_BOUND, BrowserBlobStore
from app.browser.document_store import DOCUMENTS, BrowserDocuments
from app.browser.idb import Database, Steps
from app.browser.learned import BrowserLearned, durations_of
from app.browser.ledger import (
    BATCHES,
    SETTINGS,
    SHELVES,
    WAITING,
    create_ages,
    delete_input,
    delete_kept,
    inputs_of,
    needed_inputs,
)
from app.browser.owned import owned
from app.browser.past import PAST, BrowserPast, create_past, past_inputs
from app.browser.previews import BrowserPreviews
from app.browser.values import from_plain, js_object, plain, present
from app.browser.waiting_runs import LINE, LINES, BrowserLine, remove_registered
from app.core.balancer import Claims
from app.core.errors import InvalidTransition, NotOwner, TaskNotFound
from app.core.model import PromptId, Reservation, StoredTasks, Task, Unreadable, WindowId
from app.core.ports.store import WindowRecord
from app.core.records import BrokenRecord, decode, encode, name_of, read_task, read_tasks

NAME = "mooring"
VERSION = 6

log = logging.getLogger("mooring.browser")


def create_stores(transaction: Any, old_version: int) -> None:
    """Create what is missing in a database of an older version (0: none). Nothing is removed or renamed."""
    if old_version < 1:
        database = transaction.db
        database.createObjectStore("windows", js_object({"keyPath": "window_id"}))
        tasks = database.createObjectStore("tasks", js_object({"keyPath": "prompt_id"}))
        tasks.createIndex("owner", "owner")
        tasks.createIndex("server", "server_id")
        tasks.createIndex("unfinished", "unfinished")
        reservations = database.createObjectStore("reservations", js_object({"keyPath": "prompt_id"}))
        reservations.createIndex("window", "window_id")
        database.createObjectStore("results")
        database.createObjectStore("inputs")
        ledger = database.createObjectStore("ledger", js_object({"keyPath": "name"}))
        ledger.createIndex("kind", "kind")
    if old_version < 2:
        transaction.db.createObjectStore("thumbnails")
        transaction.db.createObjectStore("settings", js_object({"keyPath": "name"}))
        journals = transaction.db.createObjectStore("journals", js_object({"keyPath": "window_id"}))
        journals.createIndex("at", "at")
    if old_version < 3:
        waiting = transaction.db.createObjectStore(WAITING, js_object({"keyPath": "prompt_id"}))
        waiting.createIndex("owner", "owner")
        waiting.createIndex("batch", "part.batch_id")
        transaction.db.createObjectStore(BATCHES, js_object({"keyPath": "batch_id"}))
        transaction.db.createObjectStore(LINES, js_object({"keyPath": "window_id"}))
    if old_version < 4:
        transaction.db.createObjectStore(DOCUMENTS, js_object({"keyPath": to_js(["kind", "name"])}))
    if old_version < 5:
        create_past(transaction.db)
    if old_version < 6:
        create_ages(transaction)


class BrowserStore(BrowserBlobStore, BrowserPreviews, BrowserLine, BrowserLearned, BrowserPast):
    """The store in this browser."""

    def __init__(
        self,
        name: str = "",
        *,
        results_bound: int | None = None,
        inputs_bound: int = INPUTS_BOUND,
        on_newer: Callable[[bool], None] = lambda _is_seen: None,
    ) -> None:
        database = Database(name or owned(NAME), VERSION, create_stores, on_newer)
        super().__init__(database, _fenced, results_bound=results_bound, inputs_bound=inputs_bound)
        self.database = database
        self.documents = BrowserDocuments(database)

    async def claim(self, fresh: WindowRecord) -> tuple[WindowRecord, StoredTasks]:
        """The window's record (`fresh` is written if there is none) and its tasks; its reservations are deleted."""

        def steps(transaction: Any) -> Steps[tuple[WindowRecord, StoredTasks]]:
            windows, reservations = transaction.objectStore("windows"), transaction.objectStore("reservations")
            row = yield windows.get(fresh.window_id)
            window = fresh if row is None else replace(decode(WindowRecord, from_plain(row)), seen_at=fresh.seen_at)
            windows.put(plain(encode(window)))
            for key in from_plain((yield reservations.index("window").getAllKeys(fresh.window_id))):
                reservations.delete(key)
            return window, (yield from _records_of(transaction.objectStore("tasks"), fresh.window_id))

        return await self._write("claim", ["windows", "tasks", "reservations"], steps)

    async def reserve(self, choose: Callable[[Claims], Reservation]) -> Reservation:
        """Read all claims, call `choose`, write its reservation; durable. Errors of `choose` pass through."""

        def steps(transaction: Any) -> Steps[Reservation]:
            reservations = transaction.objectStore("reservations")
            requests = _request_claims(transaction)
            durations = yield from durations_of(transaction)  # answers come in order: the claims have arrived, too
            reservation = choose(replace(_read_claims(requests), durations=durations))
            reservations.put(plain(encode(reservation)))
            return reservation

        return await self._write("reserve", ["tasks", "reservations", SETTINGS], steps)

    async def release_reservation(self, prompt_id: PromptId) -> None:
        """Delete the reservation; nothing happens if it is gone."""

        def steps(transaction: Any) -> Steps[None]:
            yield transaction.objectStore("reservations").delete(prompt_id)

        await self._write("release_reservation", ["reservations"], steps)

    async def register(self, task: Task) -> None:
        """Write a new task and delete its reservation; durable."""

        def steps(transaction: Any) -> Steps[None]:
            tasks, reservations = transaction.objectStore("tasks"), transaction.objectStore("reservations")
            known = tasks.get(task.prompt_id)
            row = yield reservations.get(task.prompt_id)
            _expect_new(known, task)
            reservation = None if row is None else decode(Reservation, from_plain(row))
            if reservation is None or reservation.window_id != task.owner:
                raise NotOwner("register", task.prompt_id, reservation.window_id if reservation else None)
            if (reservation.server_id, reservation.address) != (task.server_id, task.address):
                raise InvalidTransition("register", "the task is not on the server that was reserved")
            yield from remove_registered(transaction, task)
            tasks.add(plain(_task_row(task)))
            reservations.delete(task.prompt_id)

        await self._write("register", ["tasks", "reservations", *LINE], steps)

    async def reserve_and_register(self, task: Task, check: Callable[[Claims], None]) -> None:
        """`reserve` and `register` in one, for a decided server; durable."""
        row = plain(_task_row(task))

        def steps(transaction: Any) -> Steps[None]:
            tasks = transaction.objectStore("tasks")
            requests = _request_claims(transaction)
            known = tasks.get(task.prompt_id)
            yield known
            check(_read_claims(requests))
            _expect_new(known, task)
            yield from remove_registered(transaction, task)
            tasks.add(row)
            transaction.objectStore("reservations").delete(task.prompt_id)

        await self._write("reserve_and_register", ["tasks", "reservations", *LINE], steps)

    async def update(self, task: Task) -> None:
        """Write a known task; durable."""

        def steps(transaction: Any) -> Steps[None]:
            yield from _fenced(transaction, "update", task)
            transaction.objectStore("tasks").put(plain(_task_row(task)))

        await self._write("update", ["tasks"], steps)

    async def adopt(self, prompt_id: PromptId, seen: tuple[WindowId, int], new_owner: WindowId) -> Task:
        """Compare-and-set the owner: the task with the new owner, the next epoch and `is_ward`."""

        def steps(transaction: Any) -> Steps[Task]:
            tasks = transaction.objectStore("tasks")
            row = yield tasks.get(prompt_id)
            if row is None:
                raise TaskNotFound("adopt", prompt_id)
            task = _task(row)
            if (task.owner, task.epoch) != seen:
                raise NotOwner("adopt", prompt_id, task.owner, task.epoch)
            adopted = replace(task, owner=new_owner, epoch=task.epoch + 1, is_ward=True)
            tasks.put(plain(_task_row(adopted)))
            return adopted

        return await self._write("adopt", ["tasks"], steps)

    async def read_task(self, prompt_id: PromptId) -> Task | None:
        """The task as stored now, whichever window owns it; BrokenRecord if it cannot be read."""

        def steps(transaction: Any) -> Steps[Task | None]:
            row = yield transaction.objectStore("tasks").get(prompt_id)
            return None if row is None else _task(row)

        return await self._database.run("read_task", ["tasks"], steps)

    async def read_tasks(self, owner: WindowId | None = None) -> StoredTasks:
        """All tasks of one window, or of all, oldest first."""

        def steps(transaction: Any) -> Steps[StoredTasks]:
            tasks = transaction.objectStore("tasks")
            if owner is None:
                return read_tasks(_task_rows((yield tasks.getAll())))
            return (yield from _records_of(tasks, owner))

        return await self._database.run("read_tasks", ["tasks"], steps)

    async def delete_task(self, task: Task) -> None:
        """Delete an ended task with its results, and with the inputs that no other task has; fenced like `update`."""

        def steps(transaction: Any) -> Steps[None]:
            stored = yield from _fenced(transaction, "delete_task", task)
            if not stored.state.is_end:
                raise InvalidTransition("delete_task", f"{task.prompt_id} has not ended")
            yield from _delete(transaction, task.prompt_id, task.prompt_id)

        await self._write("delete_task", ["tasks", PAST, BATCHES, WAITING, *SHELVES], steps)

    async def delete_unreadable(self, prompt_id: PromptId, owner: WindowId) -> None:
        """Delete a record that cannot be read, with its results; durable. Nothing happens if it is gone."""

        def steps(transaction: Any) -> Steps[None]:
            tasks = transaction.objectStore("tasks")
            keys = yield tasks.getAllKeys()
            key = next((key for key in keys if _key_name(key) == prompt_id), None)
            if key is None:
                return
            found = read_task(_task_row_of((yield tasks.get(key))))
            if isinstance(found, Task):
                raise InvalidTransition("delete_unreadable", f"{prompt_id} can be read")
            if not found.may_be_of(owner):
                raise NotOwner("delete_unreadable", prompt_id, found.owner)
            yield from _delete(transaction, prompt_id, key)

        await self._write("delete_unreadable", ["tasks", PAST, BATCHES, WAITING, *SHELVES], steps)

    def close(self) -> None:
        """Close the connection; the next operation reopens it."""
        self._database.close()


def _records_of(tasks: Any, owner: WindowId) -> Steps[StoredTasks]:
    """The tasks of one window, and the unreadable ones that may be its own because they name no owner."""
    index, named = tasks.index("owner"), js.IDBKeyRange.bound("", js.ArrayBuffer.new(0), True, True)  # all texts
    found = _task_rows((yield index.getAll(owner)))
    if (yield tasks.count()) != (yield index.count(named)):
        known = set(map(_key_name, (yield index.getAllKeys(named))))
        for key in (yield tasks.getAllKeys()):
            if _key_name(key) not in known:
                found.append(_task_row_of((yield tasks.get(key))))
    records = read_tasks(found)
    return StoredTasks(
        tuple(task for task in records.tasks if task.owner == owner),
        tuple(item for item in records.unreadable if item.may_be_of(owner)),
    )


def _request_claims(transaction: Any) -> tuple[Any, Any]:
    """Requests for the claims of all windows. Answers come in order, so after a later answer they have theirs."""
    tasks = transaction.objectStore("tasks")
    return transaction.objectStore("reservations").getAll(), tasks.index("unfinished").getAll()


def _read_claims(requests: tuple[Any, Any]) -> Claims:
    """Decode the answers to `_request_claims`."""
    reservations, tasks = requests
    records = read_tasks(_task_rows(tasks.result))
    return Claims(_reservations(reservations.result), records.tasks, records.unreadable)


def _expect_new(known: Any, task: Task) -> None:
    """Raise if the answered request for that task's record has found one."""
    if present(known.result) is not None:
        raise InvalidTransition("register", f"{task.prompt_id} is taken")


def _key_name(key: Any) -> str:
    return key if isinstance(key, str) else name_of(from_plain(key))


def _reservations(rows: Any) -> Sequence[Reservation]:
    """The readable ones: an unreadable one holds nothing, since nothing was submitted under it."""
    found = []
    for row in from_plain(rows):
        try:
            found.append(decode(Reservation, row))
        except BrokenRecord as error:
            log.warning("a reservation in the store cannot be read: %s %s", error.key, error.detail)
    return found


def _task_rows(rows: Any) -> list[dict[str, Any]]:
    """A JavaScript array of stored tasks as Python values, without our mark."""
    try:
        return [_unmarked(row) for row in from_plain(rows)]
    except JsException:
        return [_task_row_of(row) for row in rows]


def _task_row_of(row: Any) -> dict[str, Any]:
    """One stored task. If JSON cannot express it, only its texts are returned, which makes it an unreadable record."""
    try:
        return _unmarked(from_plain(row))
    except JsException:
        return {name: value for name, value in row.object_entries() if isinstance(value, str)}


def _unmarked(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "unfinished"}


def _delete(transaction: Any, prompt_id: PromptId, key: Any) -> Steps[None]:
    """Delete a task's record, its results, and the inputs that only it had and that no waiting run needs."""
    tasks = transaction.objectStore("tasks")
    mine = inputs_of([_task_row_of((yield tasks.get(key)))])
    tasks.delete(key)
    delete_kept(transaction, prompt_id)
    if not mine:
        return
    needed = yield from needed_inputs(transaction)
    mine -= inputs_of(_task_rows((yield tasks.getAll()))) | needed
    for sha256 in mine - (yield from past_inputs(transaction, mine)):
        delete_input(transaction, sha256)


def _task_row(task: Task) -> dict[str, Any]:
    """The record, marked while unfinished: an index on the mark finds those without reading all."""
    row = encode(task)
    return row if task.state.is_end else {**row, "unfinished": 1}


def _task(row: Any) -> Task:
    return decode(Task, _task_row_of(row))


def _fenced(transaction: Any, operation: str, task: Task) -> Steps[Task]:
    """The stored task if `task` may replace it; its server is as fixed as its owner."""
    row = yield transaction.objectStore("tasks").get(task.prompt_id)
    if row is None:
        raise TaskNotFound(operation, task.prompt_id)
    record = _task_row_of(row)
    found = read_task(record)
    if isinstance(found, Unreadable) and not found.may_be_of(task.owner):
        raise NotOwner(operation, task.prompt_id, found.owner)
    stored = found if isinstance(found, Task) else decode(Task, record)
    if (stored.owner, stored.epoch) != (task.owner, task.epoch):
        raise NotOwner(operation, task.prompt_id, stored.owner, stored.epoch)
    if (stored.server_id, stored.address) != (task.server_id, task.address):
        raise InvalidTransition(operation, "a task's server is fixed for ever")
    return stored
