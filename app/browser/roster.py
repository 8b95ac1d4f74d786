"""A summary of all windows, from this browser's store: the core's `RosterSource`.

A task's record contains its whole workflow, and a browser may have thousands. So JavaScript picks the few required
fields, some records at a time, and settled tasks are cached until `forget`: the next read needs the keys, and
the records that are new or not settled yet.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import fields
from functools import partial
from typing import Any

import js
from pyodide.ffi import to_js

from app.browser.idb import Database, Steps
from app.browser.values import from_plain
from app.core.model import PromptId, ServerChoice, ServerId, WindowId
from app.core.records import BrokenRecord, decode
from app.core.roster import KnownWindow, OutputSummary, ReservedPlace, Roster, TaskSummary

ROWS_PER_READ = 50  # records that one transaction reads
FEW = 20  # up to so many new ones, each is read by itself

_WANTED = [item.name for kind in (TaskSummary, ServerChoice, OutputSummary) for item in fields(kind)]
_OTHERS = ["window_id", "seen_at", "at", "created_at", "server_id", "waits_since"]

log = logging.getLogger("mooring.browser")


class BrowserRoster:
    """Reads the roster. `present` lists the living windows, `read_lines` the number of waiting runs by window."""

    def __init__(
        self,
        database: Database,
        present: Callable[[], Awaitable[frozenset[WindowId]]],
        read_lines: Callable[[], Awaitable[Mapping[WindowId, int]]],
        now: Callable[[], float],
    ) -> None:
        self._database = database
        self._present = present
        self._read_lines = read_lines
        self._now = now
        self._settled: dict[PromptId, TaskSummary] = {}

    async def read(self, server_ids: Collection[ServerId]) -> Roster:
        """RosterSource.read."""
        wanted = to_js([*dict.fromkeys([*_WANTED, *map(str, server_ids)])])
        windows, places, unfinished, keys = await self._database.run(
            "read_roster", ["windows", "reservations", "tasks"], lambda transaction: _overview(transaction, wanted)
        )
        found = {task.prompt_id: task for task in _summaries(unfinished)}
        self._settled = {key: self._settled[key] for key in map(PromptId, keys) if key in self._settled}
        missing = [key for key in keys if PromptId(key) not in self._settled and PromptId(key) not in found]
        for task in await self._read_ended(keys, missing, wanted):
            found.setdefault(task.prompt_id, task)
        self._settled |= {key: task for key, task in found.items() if task.is_settled}
        found = {**self._settled, **found}
        return Roster(
            read_at=self._now(),
            windows=tuple(_decoded(KnownWindow, windows)),
            tasks=tuple(sorted(found.values(), key=lambda task: task.created_at)),
            places=tuple(_decoded(ReservedPlace, [row for row in places if row.pop("waits_since", None) is None])),
            in_line=await self._read_lines(),
            present=await self._present(),
        )

    def forget(self) -> None:
        """RosterSource.forget."""
        self._settled = {}

    async def _read_ended(self, keys: Sequence[str], missing: Sequence[str], wanted: Any) -> list[TaskSummary]:
        """The missing ended tasks: one by one if they are few, else all, part by part."""
        if len(missing) <= FEW:
            spans = [(key, key) for key in missing]
        else:
            parts = (keys[at : at + ROWS_PER_READ] for at in range(0, len(keys), ROWS_PER_READ))
            spans = [(part[0], part[-1]) for part in parts]
        found: list[TaskSummary] = []
        for span in spans:
            rows = await self._database.run("read_roster", ["tasks"], partial(_between, span, wanted))
            found += _summaries(rows)
        return found


def _overview(transaction: Any, wanted: Any) -> Steps[tuple[list[Any], list[Any], list[Any], list[str]]]:
    windows = _picked((yield transaction.objectStore("windows").getAll()), to_js(_OTHERS))
    places = _picked((yield transaction.objectStore("reservations").getAll()), to_js(_OTHERS))
    tasks = transaction.objectStore("tasks")
    unfinished = _picked((yield tasks.index("unfinished").getAll()), wanted)
    keys = [key for key in from_plain((yield tasks.getAllKeys())) if isinstance(key, str)]
    return windows, places, unfinished, keys


def _between(span: tuple[str, str], wanted: Any, transaction: Any) -> Steps[list[Any]]:
    rows = yield transaction.objectStore("tasks").getAll(js.IDBKeyRange.bound(*span))
    return _picked(rows, wanted)


def _picked(rows: Any, names: Any) -> list[Any]:
    """Only these fields of the rows, at any depth; the rest is never converted to Python."""
    found = json.loads(js.JSON.stringify(rows, names))
    return found if isinstance(found, list) else []


def _summaries(rows: Sequence[Any]) -> list[TaskSummary]:
    return _decoded(TaskSummary, rows)


def _decoded(kind: type[Any], rows: Sequence[Any]) -> list[Any]:
    """The readable ones; an unreadable task is shown by its own window."""
    found = []
    for row in rows:
        try:
            found.append(decode(kind, row))
        except BrokenRecord as error:
            log.info("left out of the roster: %s", error.detail)
    return found
