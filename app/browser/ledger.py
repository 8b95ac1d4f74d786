"""What is done with kept bytes inside a transaction: each Blob has a line in `ledger` with its kind, size and time.

    yield from make_room(transaction, RESULTS, name, room)   # the oldest others go, until they fit into `room` bytes
    put(transaction, RESULTS, name, blob, at=now)

What is yielded is a request of IndexedDB (`app.browser.idb`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import js

from app.browser.idb import Steps
from app.browser.values import from_plain, js_object, plain
from app.core.model import PromptId

RESULTS, THUMBNAILS, INPUTS, LEDGER = "results", "thumbnails", "inputs", "ledger"
SETTINGS = "settings"
PREVIEWS = "previews"  # a kind of lines: their bytes lie among the thumbnails
KINDS = (RESULTS, INPUTS, THUMBNAILS)  # in the order in which they make room for records
SHELVES = (*KINDS, LEDGER)
TASKS, BATCHES = "tasks", "batches"  # what waiting runs share; their inputs are not given up


def delete_kept(transaction: Any, prompt_id: PromptId) -> None:
    """Delete one task's results and thumbnails with their lines, within a transaction over all of them."""
    for kind in (RESULTS, THUMBNAILS):
        transaction.objectStore(kind).delete(_all_of(name_of(prompt_id, "")))
        transaction.objectStore(LEDGER).delete(_all_of(_line(kind, name_of(prompt_id, ""))))


def delete_input(transaction: Any, sha256: str) -> None:
    """Delete an input with its line."""
    transaction.objectStore(INPUTS).delete(sha256)
    transaction.objectStore(LEDGER).delete(_line(INPUTS, sha256))


def _all_of(prefix: str) -> Any:
    return js.IDBKeyRange.bound(prefix, f"{prefix}\uffff")


def name_of(prompt_id: PromptId, index: int | str) -> str:
    """What one output's bytes are called; with an empty index, how all of a task's are."""
    return f"{prompt_id}/{index}"


def _line(kind: str, name: str) -> str:
    """The name of a ledger line. A thumbnail is called as its result is, so its line is called differently."""
    return f"{THUMBNAILS}/{name}" if kind == THUMBNAILS else name


def oldest_first(transaction: Any, kind: str) -> Steps[list[dict[str, Any]]]:
    """The lines of a kind."""
    rows = from_plain((yield transaction.objectStore(LEDGER).index("kind").getAll(kind)))
    return sorted(rows, key=lambda row: (row["at"], row["name"]))


def size_of_others(transaction: Any, kind: str, name: str) -> Steps[int]:
    """The bytes of a kind but for what has that name."""
    rows = yield from oldest_first(transaction, kind)
    return sum(row["size"] for row in rows if row["name"] != name)


def make_room(transaction: Any, kind: str, name: str, room: int, needed: Collection[str] = frozenset()) -> Steps[None]:
    """Delete the oldest of a kind until the others than `name` fit into `room` bytes; what is needed stays."""
    rows = yield from oldest_first(transaction, kind)
    others = [row for row in rows if row["name"] != name]
    taken = sum(row["size"] for row in others)
    for row in others:
        if taken <= room:
            break
        if row["name"] not in needed:
            drop(transaction, kind, row)
            taken -= row["size"]


def needed_inputs(transaction: Any) -> Steps[frozenset[str]]:
    """The inputs that waiting runs will need, by their hashes, within a transaction over `BATCHES`."""
    return frozenset(inputs_of(from_plain((yield transaction.objectStore(BATCHES).getAll()))))


def copies_in_use(transaction: Any) -> Steps[frozenset[str]]:
    """The copies of editor's files that tasks have, by their hashes, within a transaction over `TASKS`.

    All tasks are read for it, so it is asked only where something has to go.
    """
    rows = yield transaction.objectStore(TASKS).getAll()
    found = (getattr(row, "editor_sha256", None) for row in rows)
    return frozenset(sha256 for sha256 in found if isinstance(sha256, str))


def inputs_of(rows: Iterable[Mapping[str, Any]]) -> set[str]:
    """The hashes that records name, also those that cannot be read: of pictures, and of the editor's files."""
    found = {str(row["editor_sha256"]) for row in rows if row.get("editor_sha256")}
    items = [item for row in rows if isinstance(row.get("inputs"), list) for item in row["inputs"]]
    return found | {str(item["sha256"]) for item in items if isinstance(item, dict) and item.get("sha256")}


def drop(transaction: Any, kind: str, row: dict[str, Any]) -> None:
    """Delete what a line is about, and the line."""
    name = row["name"]
    transaction.objectStore(kind).delete(name.removeprefix(f"{THUMBNAILS}/"))
    transaction.objectStore(LEDGER).delete(name)


def put(transaction: Any, kind: str, name: str, blob: Any, *, at: float) -> None:
    """Write a Blob and its line; what had that name is replaced."""
    line = {"name": _line(kind, name), "kind": kind, "size": int(blob.size), "at": at}
    transaction.objectStore(kind).put(js_object({"blob": blob, "at": at}), name)
    transaction.objectStore(LEDGER).put(plain(line))
