"""The store in memory with the faults of a browser's store: it waits, fails, and has a full disk.

All windows of a world share one `SimDatabase`. A transaction happens at one moment, between two waits from which a
crashed page never returns; `fail_next` makes the next ones fail as a full or blocked store does.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from app.core.errors import StorageError
from app.core.model import Task, Unreadable
from app.core.ports.blobs import Blob, KeepSettings, Usage
from app.core.records import decode
from app.session.memory.database import KeptBlobs, MemoryDatabase, NoPageBlobs, PageBlobs, Record
from app.session.memory.store import MemoryStore

T = TypeVar("T")
RESULT_BOUND = 1_000_000  # bytes; small, so that tests exceed it
INPUT_BOUND = 1_000_000
_GROWS = frozenset(
    {
        "claim",
        "reserve",
        "register",
        "reserve_and_register",
        "update",
        "adopt",
        "learn",
        "learn_paces",
        "keep_result",
        "keep_input",
        "write_line",
        "adopt_line",
        "keep_preview",
    }
)


@dataclass(frozen=True, slots=True)
class Bytes:
    """A Blob in memory."""

    data: bytes
    kind: str = "application/octet-stream"

    @property
    def size(self) -> int:
        return len(self.data)

    @property
    def media_type(self) -> str:
        return self.kind

    async def read(self, most: int | None = None) -> bytes:
        return self.data[:most]


class SimPageBlobs(NoPageBlobs):
    """PageBlobs that make thumbnails of everything with a picture's media type."""

    async def small(self, blob: Blob, media_type: str) -> Blob | None:
        data = await blob.read()
        return Bytes(b"small " + data[:1000], "image/webp") if media_type.startswith("image/") else None


@dataclass(eq=False)
class SimDatabase(MemoryDatabase):
    """The database on disk. `watchers` are called after each commit to check the invariants."""

    settings: KeepSettings = field(default_factory=lambda: KeepSettings(RESULT_BOUND))
    inputs_bound: int = INPUT_BOUND
    page_blobs: PageBlobs = field(default_factory=SimPageBlobs)
    watchers: list[Callable[[], None]] = field(default_factory=list)
    fail_next: int = 0
    is_blocked: bool = False
    is_full: bool = False  # writes that would grow it fail
    quota: int | None = None  # a limit for everything, including records
    is_persistent: bool = False
    persist_asked: int = 0
    _read: dict[str, tuple[Record, Task | Unreadable | None]] = field(default_factory=dict)

    def read(self, prompt_id: str) -> Task | Unreadable | None:
        """Read one record, decoded once, since the invariants read all of them after each commit."""
        record = self.tasks.get(prompt_id, {})
        known = self._read.get(prompt_id)
        if known is None or known[0] is not record:
            known = self._read[prompt_id] = (record, super().read(prompt_id))
        return known[1]

    def all_tasks(self) -> list[Task]:
        """Return the readable tasks, oldest first."""
        tasks = [found for prompt_id in self.tasks if isinstance(found := self.read(prompt_id), Task)]
        return sorted(tasks, key=lambda task: (task.created_at, task.prompt_id))

    @property
    def ids(self) -> set[str]:
        """Return the ids of all records, past tasks included."""
        return {*self.tasks, *self.laid_by}

    def every_task(self) -> list[Task]:
        """Return all tasks, past ones included."""
        return [*self.all_tasks(), *(decode(Task, record) for record in self.laid_by.values())]

    # A full disk

    def _records(self) -> tuple[dict[str, Record], ...]:
        return (
            self.windows, self.tasks, self.reservations, self.waiting, self.batches, self.lines, self.past,
            self.laid_by,
        )  # fmt: skip

    def _shelves(self) -> tuple[KeptBlobs, ...]:
        return self.results, self.inputs, self.thumbnails  # in the order in which they make room

    @property
    def used(self) -> int:
        """Return the bytes of everything."""
        records = sum(len(json.dumps(record)) for part in self._records() for record in part.values())
        return records + sum(shelf.size for shelf in self._shelves())

    def attempt(self, operation: str, work: Callable[[], T]) -> T:
        """Do the work, or undo it if what it adds does not fit."""
        if self.quota is None:
            return work()
        parts: tuple[Any, ...] = (*self._records(), *self._shelves())
        before, saved = self.used, [dict(part) for part in parts]
        result = work()
        if self.used > max(before, self.quota):
            for part, content in zip(parts, saved, strict=True):
                part.clear()
                part.update(content)
            raise StorageError(operation, "quota")
        return result

    def drop_oldest(self, count: int) -> bool:
        """Delete kept bytes; return False if there are none."""
        for shelf in self._shelves():
            droppable = [key for key in shelf.oldest_first if key not in self.needed][:count]
            for key in droppable:
                del shelf[key]
            if droppable:
                return True
        return False


async def _nothing() -> None:
    return None


@dataclass(eq=False)
class SimStore(MemoryStore):
    """One window's access to the database. `wait` is called before and after each transaction."""

    database: SimDatabase = field(default_factory=SimDatabase)
    wait: Callable[[], Awaitable[None]] = _nothing

    async def _transact(self, operation: str, work: Callable[[], T], *, adds: int | None = None) -> T:
        await self.wait()
        if self.database.is_full and operation in _GROWS:
            raise StorageError(operation, "quota")
        if self.database.is_blocked:
            raise StorageError(operation, "blocked")
        if self.database.fail_next:
            self.database.fail_next -= 1
            raise StorageError(operation, "quota")
        result = self._fitted(operation, work) if adds is None else self._replacing(operation, work, adds)
        for watcher in self.database.watchers:
            watcher()
        await self.wait()
        return result

    def _fitted(self, operation: str, work: Callable[[], T]) -> T:
        """Do the work, deleting more and more kept bytes until it fits."""
        count = 1
        while True:
            try:
                return self.database.attempt(operation, work)
            except StorageError as error:
                if error.cause != "quota" or self.database.quota is None or not self.database.drop_oldest(count):
                    raise
                count *= 2

    def _replacing(self, operation: str, work: Callable[[], T], adds: int) -> T:
        """Replace the oldest results by new bytes on a full disk."""
        try:
            return self.database.attempt(operation, work)
        except StorageError as error:
            kept = self.database.results.size
            if error.cause != "quota" or self.database.quota is None or not adds or kept < adds:
                raise
            self.database.results.make_room(kept - adds)
            return self.database.attempt(operation, work)

    async def usage(self) -> Usage:
        database = self.database
        known = await super().usage()
        return replace(known, used=database.used, quota=database.quota, is_persistent=database.is_persistent)

    async def persist(self, *, is_asked: bool = False) -> bool | None:
        def work() -> bool:
            if is_asked or not self.database.persist_asked:
                self.database.persist_asked += 1
            return self.database.is_persistent

        return await self._transact("persist", work)
