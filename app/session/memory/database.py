"""What a store in memory contains: records as the browser keeps them, encoded, and Blobs.

Nothing here waits, so whatever one step of Python does with a database is one transaction.
"""

from __future__ import annotations

from collections import UserDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from app.core.balancer import Claims
from app.core.errors import InvalidTransition, NotOwner, TaskNotFound
from app.core.model import ENDS, PromptId, Reservation, StoredTasks, Task, Unreadable, WindowId
from app.core.ports.blobs import Blob, KeepSettings
from app.core.records import decode, read_task, read_tasks

T = TypeVar("T")
Record = dict[str, Any]

INPUTS_BOUND = 256 * 1024 * 1024  # bytes, as in the browser's store
RESULTS, THUMBNAILS = "results", "thumbnails"
_ENDS = [state.value for state in ENDS]  # a list: a damaged record's state need not be hashable


class PageBlobs(Protocol):
    """The page's memory, where its scripts find bytes under the names that the browser's store would use."""

    def put(self, kind: str, name: str, blob: Blob, at: float) -> None:
        """Keep the bytes."""

    def drop(self, kind: str, name: str) -> None:
        """Release the bytes; nothing happens if they are gone."""

    async def small(self, blob: Blob, media_type: str) -> Blob | None:
        """Return a thumbnail, or None if the bytes are no picture."""


class NoPageBlobs:
    """PageBlobs of a page whose scripts need no bytes; they make no thumbnails."""

    def put(self, kind: str, name: str, blob: Blob, at: float) -> None:
        """Do nothing."""

    def drop(self, kind: str, name: str) -> None:
        """Do nothing."""

    async def small(self, blob: Blob, media_type: str) -> Blob | None:  # noqa: ARG002 - see the class
        return None


@dataclass(frozen=True, slots=True)
class KeptBlob:
    """Bytes, and when they were kept."""

    blob: Blob
    at: float


class KeptBlobs(UserDict[Any, KeptBlob]):
    """Kept bytes of one kind, by key; `page_blobs` has those of a pair of prompt_id and index too."""

    def __init__(self, kind: str = "", page_blobs: PageBlobs | None = None) -> None:
        super().__init__()
        self._kind, self._page_blobs = kind, page_blobs

    def __setitem__(self, key: Any, kept: KeptBlob) -> None:
        super().__setitem__(key, kept)
        if self._page_blobs is not None:
            self._page_blobs.put(self._kind, f"{key[0]}/{key[1]}", kept.blob, kept.at)

    def __delitem__(self, key: Any) -> None:
        super().__delitem__(key)
        if self._page_blobs is not None:
            self._page_blobs.drop(self._kind, f"{key[0]}/{key[1]}")

    @property
    def size(self) -> int:
        """Bytes of all."""
        return sum(kept.blob.size for kept in self.values())

    @property
    def oldest_first(self) -> list[Any]:
        """The keys."""
        return sorted(self, key=lambda key: (self[key].at, key))

    def make_room(self, bound: int, needed: Collection[str] = frozenset()) -> None:
        """Drop the oldest until the rest fits; what is needed stays."""
        excess = self.size - bound
        for key in self.oldest_first:
            if excess <= 0:
                return
            if key not in needed:
                excess -= self.pop(key).blob.size


@dataclass(eq=False)
class MemoryDatabase:
    """Records by id, as plain JSON, and kept bytes."""

    settings: KeepSettings = field(default_factory=KeepSettings)
    inputs_bound: int = INPUTS_BOUND
    page_blobs: PageBlobs = field(default_factory=NoPageBlobs)
    windows: dict[str, Record] = field(default_factory=dict)
    tasks: dict[str, Record] = field(default_factory=dict)
    reservations: dict[str, Record] = field(default_factory=dict)
    waiting: dict[str, Record] = field(default_factory=dict)
    batches: dict[str, Record] = field(default_factory=dict)
    lines: dict[str, Record] = field(default_factory=dict)
    past: dict[str, Record] = field(default_factory=dict)
    laid_by: dict[str, Record] = field(default_factory=dict)
    durations: Record = field(default_factory=dict)
    paces: Record = field(default_factory=dict)
    inputs: KeptBlobs = field(default_factory=KeptBlobs)
    previews: KeptBlobs = field(default_factory=KeptBlobs)
    results: KeptBlobs = field(init=False)
    thumbnails: KeptBlobs = field(init=False)

    def __post_init__(self) -> None:
        self.results, self.thumbnails = KeptBlobs(RESULTS, self.page_blobs), KeptBlobs(THUMBNAILS, self.page_blobs)

    # Tasks

    def read(self, prompt_id: str) -> Task | Unreadable | None:
        """One record."""
        record = self.tasks.get(prompt_id)
        return None if record is None else read_task(record)

    def task(self, prompt_id: str) -> Task | None:
        """One task; BrokenRecord if it cannot be read."""
        found = self.read(prompt_id)
        return decode(Task, self.tasks[prompt_id]) if isinstance(found, Unreadable) else found

    def records(self, owner: WindowId | None = None) -> StoredTasks:
        """All tasks, or those of one window, with the unreadable records that may be its own."""
        found = read_tasks(self.tasks.values())
        return StoredTasks(
            tuple(task for task in found.tasks if owner is None or task.owner == owner),
            tuple(item for item in found.unreadable if owner is None or item.may_be_of(owner)),
        )

    def fenced(self, operation: str, task: Task) -> Task:
        """The stored task if `task` may be written over it; its server is as fixed as its owner."""
        if isinstance(found := self.read(task.prompt_id), Unreadable) and not found.may_be_of(task.owner):
            raise NotOwner(operation, task.prompt_id, found.owner)
        known = self.task(task.prompt_id)
        if known is None:
            raise TaskNotFound(operation, task.prompt_id)
        if (known.owner, known.epoch) != (task.owner, task.epoch):
            raise NotOwner(operation, task.prompt_id, known.owner, known.epoch)
        if (known.server_id, known.address) != (task.server_id, task.address):
            raise InvalidTransition(operation, "a task's server is fixed")
        return known

    def claims(self) -> Claims:
        """What holds servers: reservations, unfinished tasks, and records that may be of some."""
        found = read_tasks(record for record in self.tasks.values() if record.get("state") not in _ENDS)
        reservations = [decode(Reservation, record) for record in self.reservations.values()]
        return Claims(reservations, found.tasks, found.unreadable)

    # Bytes

    @property
    def needed(self) -> frozenset[str]:
        """The inputs that waiting runs will need."""
        return frozenset().union(*map(inputs_of, (*self.batches.values(), *self.waiting.values())))

    @property
    def copies(self) -> frozenset[str]:
        """The copies of editor's files that tasks have."""
        return frozenset(str(record["editor_sha256"]) for record in self.tasks.values() if record.get("editor_sha256"))

    def forget_inputs(self, hashes: set[str]) -> None:
        """Delete those of these inputs that no task and no waiting run has."""
        rest = (*self.tasks.values(), *self.laid_by.values())
        for sha256 in hashes.difference(self.needed, *map(inputs_of, rest)):
            self.inputs.pop(sha256, None)

    def delete_kept(self, prompt_id: PromptId) -> None:
        """Delete one task's results, thumbnails and preview."""
        self.previews.pop(prompt_id, None)
        for shelf in (self.results, self.thumbnails):
            for key in [key for key in shelf if key[0] == prompt_id]:
                del shelf[key]


def inputs_of(record: Mapping[str, Any]) -> set[str]:
    """The hashes that a record names: of pictures, and of the editor's file."""
    pictures = {str(item["sha256"]) for item in record.get("inputs", ())}
    return pictures | ({str(record["editor_sha256"])} if record.get("editor_sha256") else set())


@dataclass(eq=False)
class MemoryTransactions:
    """A part of the store, over the database that all parts share."""

    database: MemoryDatabase = field(default_factory=MemoryDatabase)

    async def _transact(self, operation: str, work: Callable[[], T], *, adds: int | None = None) -> T:  # noqa: ARG002
        """Do the work as one transaction: what `work` raises, it raises before it writes. The simulation's store lets
        it wait, fail, or meet a full disk, where `adds` bytes replace kept results (None: a record, to which kept bytes
        of all kinds give way)."""
        return work()
