"""Kept bytes inside a transaction: each Blob has a line in `ledger` with its kind, size and time.

    row = await make_row(database, blob, at=now)
    yield from make_room(transaction, RESULTS, name, room)   # drop the oldest others, until they fit into `room` bytes
    yield from put(transaction, RESULTS, name, row)

Every yield is a request of IndexedDB (`app.browser.idb`).

The number of lines of each kind and their bytes are stored beside them, written in the same transaction: a window
needs no more memory for ten thousand results than for ten. Code that only deletes drops the sums, and they are
recounted, a part of the lines at a time. An older page writes lines without updating the sums: each window therefore
counts once, and nothing is dropped as long as the number of lines differs from the sum.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import js
from pyodide.ffi import to_js

from app.browser.blobs import JsBlob
from app.browser.idb import Database, Steps
from app.browser.values import from_plain, js_object, plain
from app.core.model import PromptId

RESULTS, THUMBNAILS, INPUTS, LEDGER = "results", "thumbnails", "inputs", "ledger"
SETTINGS = "settings"
PREVIEWS = "previews"  # a kind of lines: their bytes are among the thumbnails
KINDS = (RESULTS, INPUTS, THUMBNAILS)  # in the order in which they are dropped for records
SHELVES = (*KINDS, LEDGER)
TASKS, BATCHES, WAITING = "tasks", "batches", "waiting"  # their inputs are not dropped

_SUMS = "sums"  # the row with the sums, and its kind
_AGES = "ages"  # the index by kind and age
_PART = 500  # lines that are counted at a time


@dataclass(frozen=True, slots=True)
class StoredSum:
    """The number of lines, and their bytes."""

    count: int = 0
    size: int = 0

    def plus(self, count: int, size: int) -> StoredSum:
        """The sum after adding these; never below zero."""
        return StoredSum(max(0, self.count + count), max(0, self.size + size))


def create_ages(transaction: Any) -> None:
    """Create the index that finds lines by their age."""
    transaction.objectStore(LEDGER).createIndex(_AGES, to_js(["kind", "at"]))


# Sums


def read_sums(transaction: Any) -> Steps[dict[str, StoredSum] | None]:
    """The stored sums of each kind; None if they are not stored, or outdated."""
    row = yield transaction.objectStore(LEDGER).get(_SUMS)
    if row is None:
        return None
    return {kind: StoredSum(**total) for kind, total in from_plain(row.of).items()}


def count_sums(transaction: Any) -> Steps[dict[str, StoredSum]]:
    """The sums, counted."""
    ledger, found, rest = transaction.objectStore(LEDGER), dict.fromkeys(KINDS, StoredSum()), None
    while rows := from_plain((yield ledger.getAll(rest, _PART))):
        for row in rows:
            if row["kind"] in found:
                found[row["kind"]] = found[row["kind"]].plus(1, row["size"])
        rest = js.IDBKeyRange.lowerBound(rows[-1]["name"], True)
    return found


def forget_sums(transaction: Any) -> Any:
    """Delete the sums, so that the next reader recounts them: a full disk permits deleting, but no writing."""
    return transaction.objectStore(LEDGER).delete(_SUMS)


def _count_up(transaction: Any) -> Steps[dict[str, StoredSum]]:
    sums = yield from count_sums(transaction)
    _write_sums(transaction, sums)
    return sums


def _is_right(transaction: Any, kind: str) -> Steps[bool]:
    """Whether there are as many lines as in the sum: nothing is dropped for what an older page has deleted."""
    sums = yield from read_sums(transaction)
    there: int = yield transaction.objectStore(LEDGER).index("kind").count(kind)
    return sums is not None and sums[kind].count == there


def _add(transaction: Any, kind: str, count: int, size: int) -> Steps[None]:
    """Add to the stored sums."""
    sums = yield from read_sums(transaction)
    if sums is not None and (count or size):
        _write_sums(transaction, sums | {kind: sums[kind].plus(count, size)})


def _write_sums(transaction: Any, sums: Mapping[str, StoredSum]) -> None:
    row = {"name": _SUMS, "kind": _SUMS, "of": {kind: asdict(total) for kind, total in sums.items()}}
    transaction.objectStore(LEDGER).put(plain(row))


# Rows and lines


async def make_row(database: Database, blob: Any, *, at: float) -> Any:
    """A row for a JavaScript Blob: with itself, or with its bytes where the browser stores no Blobs."""
    row = {"size": int(blob.size), "at": at}
    if await database.takes_blobs(THUMBNAILS):
        return js_object({**row, "blob": blob})
    return js_object({**row, "bytes": await blob.arrayBuffer(), "type": blob.type})


def blob_of(row: Any) -> JsBlob:
    """The Blob of a row (`static/js/kept.js` does the same)."""
    if hasattr(row, "bytes"):
        return JsBlob(js.Blob.new(js.Array.of(row.bytes), js_object({"type": row.type})))
    return JsBlob(row.blob)


def put(transaction: Any, kind: str, name: str, row: Any) -> Steps[None]:
    """Write a row and its line, replacing those of that name."""
    line = {"name": _line(kind, name), "kind": kind, "size": row.size, "at": row.at}
    before = yield from _size_of(transaction, kind, name)
    transaction.objectStore(kind).put(row, name)
    transaction.objectStore(LEDGER).put(plain(line))
    yield from _add(transaction, kind, int(before is None), row.size - (before or 0))


def make_room(transaction: Any, kind: str, name: str, room: int, needed: Collection[str] = frozenset()) -> Steps[None]:
    """Delete the oldest of a kind until those other than `name` fit into `room` bytes; needed ones stay."""
    over = (yield from size_of_others(transaction, kind, name)) - room
    if over > 0 and not (yield from _is_right(transaction, kind)):
        yield from _count_up(transaction)
        over = (yield from size_of_others(transaction, kind, name)) - room
    if over > 0:
        gone = yield from drop_oldest(transaction, kind, lambda gone: gone.size >= over, {name, *needed})
        yield from _add(transaction, kind, -gone.count, -gone.size)


def size_of_others(transaction: Any, kind: str, name: str) -> Steps[int]:
    """The bytes of a kind without those of that name; if they had to be counted, store the sums."""
    sums = (yield from read_sums(transaction)) or (yield from _count_up(transaction))
    return sums[kind].size - ((yield from _size_of(transaction, kind, name)) or 0)


def drop_oldest(
    transaction: Any, kind: str, is_enough: Callable[[StoredSum], bool], spared: Collection[str] = frozenset()
) -> Steps[StoredSum]:
    """Delete the oldest of a kind, with their lines, until it is enough or none is left; return what was deleted.

    The caller must subtract it from the sums, or drop them.
    """
    gone, ages = StoredSum(), js.IDBKeyRange.bound(to_js([kind]), to_js([kind, []]))
    request = transaction.objectStore(LEDGER).index(_AGES).openCursor(ages)
    while (cursor := (yield request)) is not None:
        row = from_plain(cursor.value)
        if row["name"] not in spared:
            transaction.objectStore(kind).delete(row["name"].removeprefix(f"{THUMBNAILS}/"))
            transaction.objectStore(LEDGER).delete(row["name"])
            gone = gone.plus(1, row["size"])
        if is_enough(gone):
            break  # no request may be open at the next yield
        cursor.continue_()
    return gone


def delete_kept(transaction: Any, prompt_id: PromptId) -> None:
    """Delete one task's results and thumbnails with their lines, within a transaction over all of them."""
    for kind in (RESULTS, THUMBNAILS):
        transaction.objectStore(kind).delete(_all_of(name_of(prompt_id, "")))
        transaction.objectStore(LEDGER).delete(_all_of(_line(kind, name_of(prompt_id, ""))))
    forget_sums(transaction)


def delete_all_kept(transaction: Any) -> Steps[None]:
    """Delete all results, thumbnails and previews, with their lines."""
    for kind in (RESULTS, THUMBNAILS):
        transaction.objectStore(kind).clear()
    for kind in (RESULTS, THUMBNAILS, PREVIEWS):
        for key in (yield transaction.objectStore(LEDGER).index("kind").getAllKeys(kind)):
            transaction.objectStore(LEDGER).delete(key)
    forget_sums(transaction)


def delete_input(transaction: Any, sha256: str) -> None:
    """Delete an input with its line."""
    transaction.objectStore(INPUTS).delete(sha256)
    transaction.objectStore(LEDGER).delete(_line(INPUTS, sha256))
    forget_sums(transaction)


def _size_of(transaction: Any, kind: str, name: str) -> Steps[int | None]:
    row = yield transaction.objectStore(LEDGER).get(_line(kind, name))
    return None if row is None else int(row.size)


def _all_of(prefix: str) -> Any:
    return js.IDBKeyRange.bound(prefix, f"{prefix}\uffff")


def name_of(prompt_id: PromptId, index: int | str) -> str:
    """The name of one output's bytes; with an empty index, the prefix of all names of a task."""
    return f"{prompt_id}/{index}"


def _line(kind: str, name: str) -> str:
    """The name of a ledger line. A thumbnail has the same name as its result, so its line needs another one."""
    return f"{THUMBNAILS}/{name}" if kind == THUMBNAILS else name


# Inputs in use


def needed_inputs(transaction: Any) -> Steps[frozenset[str]]:
    """The inputs that waiting runs need, by their hashes, within a transaction over `BATCHES` and `WAITING`."""
    shared = from_plain((yield transaction.objectStore(BATCHES).getAll()))
    own = from_plain((yield transaction.objectStore(WAITING).getAll()))
    return frozenset(inputs_of((*shared, *own)))


def copies_in_use(transaction: Any) -> Steps[frozenset[str]]:
    """The copies of editor files that tasks have, by their hashes, within a transaction over `TASKS`.

    It reads all tasks, so it is called only when something has to be dropped.
    """
    rows = yield transaction.objectStore(TASKS).getAll()
    found = (getattr(row, "editor_sha256", None) for row in rows)
    return frozenset(sha256 for sha256 in found if isinstance(sha256, str))


def inputs_of(rows: Iterable[Mapping[str, Any]]) -> set[str]:
    """The hashes that records name, also unreadable ones: of pictures, and of editor files."""
    found = {str(row["editor_sha256"]) for row in rows if row.get("editor_sha256")}
    items = [item for row in rows if isinstance(row.get("inputs"), list) for item in row["inputs"]]
    return found | {str(item["sha256"]) for item in items if isinstance(item, dict) and item.get("sha256")}
