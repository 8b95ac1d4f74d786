"""The bytes in the store in memory: results with thumbnails, inputs, settings; bounded, and making room for records."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from app.core.errors import StorageError
from app.core.model import PromptId, Task
from app.core.ports.blobs import Blob, Keep, KeepSettings, KeptResult, Usage

T = TypeVar("T")
RESULT_BOUND = 1_000_000  # bytes; small, so that tests reach it
INPUT_BOUND = 1_000_000
MOST_PREVIEWS = 24

Kept = dict[Any, tuple[bytes, str, float]]  # bytes, media type, when


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

    async def read(self) -> bytes:
        return self.data


@dataclass
class Shelves:
    """The bytes on disk. `quota` bounds everything together, records included."""

    windows: dict[str, dict[str, Any]] = field(default_factory=dict)
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    reservations: dict[str, dict[str, Any]] = field(default_factory=dict)
    waiting: dict[str, dict[str, Any]] = field(default_factory=dict)
    batches: dict[str, dict[str, Any]] = field(default_factory=dict)
    lines: dict[str, dict[str, Any]] = field(default_factory=dict)
    past: dict[str, dict[str, Any]] = field(default_factory=dict)
    laid_by: dict[str, dict[str, Any]] = field(default_factory=dict)
    results: dict[tuple[str, int], tuple[bytes, str, float]] = field(default_factory=dict)
    thumbnails: dict[tuple[str, int], tuple[bytes, str, float]] = field(default_factory=dict)
    inputs: dict[str, tuple[bytes, str, float]] = field(default_factory=dict)
    previews: dict[str, tuple[bytes, float]] = field(default_factory=dict)
    settings: KeepSettings = field(default_factory=lambda: KeepSettings(RESULT_BOUND))
    quota: int | None = None
    is_persistent: bool = False
    persist_asked: int = 0

    def _records(self) -> tuple[dict[str, dict[str, Any]], ...]:
        return (
            self.windows, self.tasks, self.reservations, self.waiting, self.batches, self.lines, self.past,
            self.laid_by,
        )  # fmt: skip

    @property
    def needed(self) -> frozenset[str]:
        """The inputs that waiting runs will need."""
        return frozenset().union(*map(inputs_of, self.batches.values()))

    @property
    def copies(self) -> frozenset[str]:
        """The copies of editor's files that tasks have."""
        return frozenset(str(record["editor_sha256"]) for record in self.tasks.values() if record.get("editor_sha256"))

    def tidy_batches(self) -> None:
        """Delete those that no waiting run needs."""
        used = {row["part"]["batch_id"] for row in self.waiting.values()}
        for name in [name for name in self.batches if name not in used]:
            del self.batches[name]

    def forget_inputs(self, hashes: set[str]) -> None:
        """Delete those of these inputs that no task and no waiting run has."""
        rest = (*self.tasks.values(), *self.laid_by.values())
        for sha256 in hashes.difference(self.needed, *map(inputs_of, rest)):
            self.inputs.pop(sha256, None)

    def kinds(self) -> tuple[Kept, ...]:
        return self.results, self.inputs, self.thumbnails  # in the order in which they make room

    @property
    def used(self) -> int:
        """Bytes of everything."""
        records = sum(len(json.dumps(record)) for part in self._records() for record in part.values())
        return records + sum(len(item[0]) for shelf in self.kinds() for item in shelf.values())

    def attempt(self, operation: str, work: Callable[[], T]) -> T:
        """Do the work, or nothing of it if what it adds does not fit."""
        if self.quota is None:
            return work()
        before, parts = self.used, (*self._records(), *self.kinds())
        saved = [dict(part) for part in parts]
        result = work()
        if self.used > max(before, self.quota):
            for part, content in zip(parts, saved, strict=True):
                part.clear()
                part.update(content)  # type: ignore[arg-type]
            raise StorageError(operation, "quota")
        return result

    def drop_oldest(self, count: int) -> bool:
        """Let kept bytes go; False if there are none."""
        for shelf in self.kinds():
            for key in [key for key in oldest_first(shelf) if key not in self.needed][:count]:
                del shelf[key]
                count = 0
            if not count:
                return True
        return False

    def delete_kept(self, prompt_id: PromptId) -> None:
        """One task's results, thumbnails and preview."""
        self.previews.pop(prompt_id, None)
        for shelf in (self.results, self.thumbnails):
            for key in [key for key in shelf if key[0] == prompt_id]:
                del shelf[key]


def inputs_of(record: Mapping[str, Any]) -> set[str]:
    """The hashes that a record names: of pictures, and of the editor's file."""
    pictures = {str(item["sha256"]) for item in record.get("inputs", ())}
    return pictures | ({str(record["editor_sha256"])} if record.get("editor_sha256") else set())


def oldest_first(kept: Kept) -> list[Any]:
    """The keys of a shelf."""
    return sorted(kept, key=lambda key: (kept[key][2], key))


def make_room(kept: Kept, bound: int, needed: Collection[str] = frozenset()) -> None:
    """Drop the oldest until the rest fits; what is needed stays."""
    for key in oldest_first(kept):
        if sum(len(data) for data, _, _ in kept.values()) <= bound:
            return
        if key not in needed:
            del kept[key]


class MemoryShelf:
    """The Shelf port. A transaction that `is_needed` has kept bytes make room for it."""

    def __init__(self, shelves: Shelves) -> None:
        self._shelves = shelves

    def _fenced(self, operation: str, task: Task) -> Task:
        raise NotImplementedError

    async def _transact(self, operation: str, work: Callable[[], T], *, is_needed: bool = True) -> T:
        raise NotImplementedError

    async def keep_result(self, task: Task, index: int, blob: Blob, kept_at: float) -> bool:
        data = await blob.read()

        def work() -> bool:
            self._fenced("keep_result", task)
            if self._shelves.settings.keep is Keep.THUMBNAILS:
                return False
            if len(data) > self._shelves.settings.cap_bytes:
                raise StorageError("keep_result", "quota")
            self._shelves.results[task.prompt_id, index] = (data, blob.media_type, kept_at)
            make_room(self._shelves.results, self._shelves.settings.cap_bytes)
            return True

        return await self._keep("keep_result", work, len(data))

    async def _keep(self, operation: str, work: Callable[[], T], size: int) -> T:
        """On a full disk, new bytes take the place of the oldest results."""
        try:
            return await self._transact(operation, work, is_needed=False)
        except StorageError as error:
            kept = sum(len(item[0]) for item in self._shelves.results.values())
            if error.cause != "quota" or self._shelves.quota is None or kept < size:
                raise
            make_room(self._shelves.results, kept - size)
            return await self._transact(operation, work, is_needed=False)

    async def read_result(self, prompt_id: PromptId, index: int) -> KeptResult | None:
        def work() -> KeptResult | None:
            kept = self._shelves.results.get((prompt_id, index))
            return KeptResult(prompt_id, index, Bytes(kept[0], kept[1]), kept[2]) if kept else None

        return await self._transact("read_result", work)

    async def read_kept(self, among: Collection[tuple[PromptId, int]]) -> frozenset[tuple[PromptId, int]]:
        def work() -> frozenset[tuple[PromptId, int]]:
            return frozenset(item for item in among if item in self._shelves.results)

        return await self._transact("read_kept", work)

    async def keep_thumbnail(self, task: Task, index: int, blob: Blob, kept_at: float) -> bool:
        if not blob.media_type.startswith("image/"):
            return False
        data = await blob.read()

        def work() -> None:
            self._fenced("keep_thumbnail", task)
            self._shelves.thumbnails[task.prompt_id, index] = (b"small " + data[:1000], "image/webp", kept_at)

        await self._transact("keep_thumbnail", work)
        return True

    async def read_thumbnail(self, prompt_id: PromptId, index: int) -> Blob | None:
        def work() -> Blob | None:
            kept = self._shelves.thumbnails.get((prompt_id, index))
            return Bytes(kept[0], kept[1]) if kept else None

        return await self._transact("read_thumbnail", work)

    async def keep_preview(self, task: Task, blob: Blob, media_type: str, kept_at: float) -> bool:
        if not media_type.startswith("image/"):
            return False
        data = await blob.read()

        def work() -> bool:
            if self._fenced("keep_preview", task).state.is_end:
                return False
            previews = self._shelves.previews
            previews[task.prompt_id] = (b"small " + data[:1000], kept_at)
            for name in sorted(previews, key=lambda name: (previews[name][1], name))[:-MOST_PREVIEWS]:
                del previews[name]
            return True

        return await self._transact("keep_preview", work, is_needed=False)

    async def read_preview(self, prompt_id: PromptId) -> Blob | None:
        def work() -> Blob | None:
            kept = self._shelves.previews.get(prompt_id)
            return Bytes(kept[0], "image/webp") if kept else None

        return await self._transact("read_preview", work)

    async def delete_preview(self, prompt_id: PromptId) -> None:
        await self._transact("delete_preview", lambda: self._shelves.previews.pop(prompt_id, None))

    async def delete_results(self, prompt_id: PromptId | None = None) -> None:
        def work() -> None:
            named = {key[0] for key in (*self._shelves.results, *self._shelves.thumbnails)}
            for item in named | {*self._shelves.previews}:
                if prompt_id in {None, item}:
                    self._shelves.delete_kept(PromptId(item))

        await self._transact("delete_results", work)

    async def keep_input(self, sha256: str, blob: Blob, kept_at: float) -> None:
        data = await blob.read()

        def work() -> None:
            self._shelves.inputs[sha256] = (data, blob.media_type, kept_at)
            make_room(self._shelves.inputs, INPUT_BOUND, {sha256, *self._shelves.needed, *self._shelves.copies})

        await self._keep("keep_input", work, len(data))

    async def read_input(self, sha256: str) -> Blob | None:
        def work() -> Blob | None:
            kept = self._shelves.inputs.get(sha256)
            return Bytes(kept[0], kept[1]) if kept else None

        return await self._transact("read_input", work)

    async def find_input(self, start: str) -> str | None:
        def work() -> str | None:
            return next((name for name in sorted(self._shelves.inputs) if name.startswith(start)), None)

        return await self._transact("find_input", work)

    async def read_settings(self) -> KeepSettings:
        return await self._transact("read_settings", lambda: self._shelves.settings)

    async def write_settings(self, settings: KeepSettings) -> None:
        def work() -> None:
            self._shelves.settings = settings
            make_room(self._shelves.results, settings.cap_bytes)

        await self._transact("write_settings", work)

    async def usage(self) -> Usage:
        def work() -> Usage:
            sizes = [[len(item[0]) for item in shelf.values()] for shelf in self._shelves.kinds()]
            return Usage(
                settings=self._shelves.settings,
                count=len(sizes[0]),
                size=sum(sizes[0]),
                inputs_size=sum(sizes[1]),
                thumbnails=len(sizes[2]),
                thumbnails_size=sum(sizes[2]),
                used=self._shelves.used,
                quota=self._shelves.quota,
                is_persistent=self._shelves.is_persistent,
            )

        return await self._transact("usage", work)

    async def persist(self, *, is_asked: bool = False) -> bool | None:
        def work() -> bool:
            if is_asked or not self._shelves.persist_asked:
                self._shelves.persist_asked += 1
            return self._shelves.is_persistent

        return await self._transact("persist", work)


class MemoryDrawer:
    """The Drawer of a private page (`app/session/memory/private_blobs.py`): nothing in CPython looks into it."""

    def put(self, kind: str, name: str, blob: Blob, at: float) -> None:
        """Held by the shelf already."""

    def drop(self, kind: str, name: str) -> None:
        """Nothing is here."""

    async def small(self, blob: Blob) -> Blob | None:
        """As the fake shelf makes them."""
        data = await blob.read()
        return Bytes(b"small " + data[:1000], "image/webp") if blob.media_type.startswith("image/") else None
