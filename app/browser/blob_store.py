"""The bytes in this browser's store: results with their thumbnails, and inputs, each with a line in `ledger`.

Results are bounded by the cap that the user set, for all windows of the browser; inputs by a fixed bound. The
oldest are dropped. Thumbnails count towards neither. When the disk itself is full, kept bytes are dropped for records.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from typing import Any

import js

from app.browser.blobs import to_js_blob
from app.browser.idb import Database, Steps, T
from app.browser.ledger import (
    BATCHES,
    INPUTS,
    KINDS,
    LEDGER,
    RESULTS,
    SETTINGS,
    SHELVES,
    TASKS,
    THUMBNAILS,
    WAITING,
    StoredSum,
    blob_of,
    copies_in_use,
    count_sums,
    delete_all_kept,
    delete_kept,
    drop_oldest,
    forget_sums,
    make_room,
    make_row,
    name_of,
    needed_inputs,
    put,
    read_sums,
    size_of_others,
)
from app.browser.storage import ask_persistence, is_persistent, read_estimate
from app.browser.thumbnails import make_thumbnail
from app.browser.values import from_plain, plain, present
from app.core.errors import StorageError
from app.core.model import PromptId, Task
from app.core.ports.blobs import Blob, Keep, KeepSettings, KeptResult, Usage

INPUTS_BOUND = 256 * 1024 * 1024  # bytes
ROOM_TRIES = 3  # a browser counts more than the bytes of a result; each try deletes as many more

Fence = Callable[[Any, str, Task], Steps[Task]]

log = logging.getLogger("mooring.browser")


class BrowserBlobStore:
    """The part of the store that holds bytes. `fence` checks in a transaction that the bytes of a task may be written.

    `results_bound` is the cap until the user sets one.
    """

    def __init__(
        self, database: Database, fence: Fence, *, results_bound: int | None = None, inputs_bound: int = INPUTS_BOUND
    ) -> None:
        self._database, self._fence, self._inputs_bound = database, fence, inputs_bound
        self._default = KeepSettings() if results_bound is None else KeepSettings(results_bound)
        self._is_counted = False

    # Results

    async def keep_result(self, task: Task, index: int, blob: Blob, kept_at: float) -> bool:
        """Keep one output's bytes, within the cap; the oldest are dropped. False if only thumbnails are wanted."""
        row, name = await self._row_of(blob, kept_at), name_of(task.prompt_id, index)

        def steps(transaction: Any) -> Steps[bool]:
            yield from self._fence(transaction, "keep_result", task)
            settings = yield from self._settings(transaction)
            if settings.keep is Keep.THUMBNAILS:
                return False
            _check_size("keep_result", blob, settings.cap_bytes)
            yield from make_room(transaction, RESULTS, name, settings.cap_bytes - blob.size)
            yield from put(transaction, RESULTS, name, row)
            return True

        return await self._keep("keep_result", ["tasks", SETTINGS, RESULTS, LEDGER], steps, blob.size)

    async def read_result(self, prompt_id: PromptId, index: int) -> KeptResult | None:
        """The kept bytes, or None."""

        def steps(transaction: Any) -> Steps[KeptResult | None]:
            row = yield transaction.objectStore(RESULTS).get(name_of(prompt_id, index))
            return None if row is None else KeptResult(prompt_id, index, blob_of(row), float(row.at))

        return await self._database.run("read_result", [RESULTS], steps)

    async def read_kept(self, among: Collection[tuple[PromptId, int]]) -> frozenset[tuple[PromptId, int]]:
        """Which of these outputs' bytes are kept now."""

        def steps(transaction: Any) -> Steps[frozenset[tuple[PromptId, int]]]:
            results = transaction.objectStore(RESULTS)
            requests = {item: results.getKey(name_of(*item)) for item in among}
            if requests:
                yield [*requests.values()][-1]  # they end in order
            return frozenset(item for item, request in requests.items() if present(request.result) is not None)

        return await self._database.run("read_kept", [RESULTS], steps)

    async def keep_thumbnail(self, task: Task, index: int, blob: Blob, kept_at: float) -> bool:
        """Make and keep a small WebP of a picture, whatever the cap; False if the bytes are no picture."""
        small, name = await make_thumbnail(await to_js_blob(blob)), name_of(task.prompt_id, index)
        if small is None:
            return False
        row = await make_row(self._database, small, at=kept_at)

        def steps(transaction: Any) -> Steps[None]:
            yield from self._fence(transaction, "keep_thumbnail", task)
            yield from put(transaction, THUMBNAILS, name, row)

        await self._write("keep_thumbnail", ["tasks", THUMBNAILS, LEDGER], steps)
        return True

    async def read_thumbnail(self, prompt_id: PromptId, index: int) -> Blob | None:
        """The kept thumbnail, or None."""
        return await self._read_blob("read_thumbnail", THUMBNAILS, name_of(prompt_id, index))

    async def delete_results(self, prompt_id: PromptId | None = None) -> None:
        """Delete the kept bytes and thumbnails of one task, or of all."""

        def steps(transaction: Any) -> Steps[None]:
            if prompt_id is None:
                yield from delete_all_kept(transaction)
            else:
                delete_kept(transaction, prompt_id)

        await self._database.run("delete_results", [RESULTS, THUMBNAILS, LEDGER], steps, write=True)

    # Inputs

    async def keep_input(self, sha256: str, blob: Blob, kept_at: float) -> None:
        """Keep an input's bytes under their hash, within the bound; the oldest unused ones are dropped."""
        row = await self._input_row(blob, kept_at)

        def steps(transaction: Any) -> Steps[None]:
            yield from self._put_input(transaction, sha256, row)

        await self._keep("keep_input", [TASKS, BATCHES, WAITING, INPUTS, LEDGER], steps, blob.size)

    async def _input_row(self, blob: Blob, at: float) -> Any:
        _check_size("keep_input", blob, self._inputs_bound)
        return await self._row_of(blob, at)

    def _put_input(self, transaction: Any, sha256: str, row: Any) -> Steps[None]:
        """Write an input within the bound, in a transaction over `TASKS`, `BATCHES`, `WAITING`, `INPUTS`, `LEDGER`."""
        room = self._inputs_bound - int(row.size)
        if (yield from size_of_others(transaction, INPUTS, sha256)) > room:
            waiting = yield from needed_inputs(transaction)
            needed = waiting | (yield from copies_in_use(transaction))
            yield from make_room(transaction, INPUTS, sha256, room, needed)
        yield from put(transaction, INPUTS, sha256, row)

    async def read_input(self, sha256: str) -> Blob | None:
        """The kept input, or None."""
        return await self._read_blob("read_input", INPUTS, sha256)

    async def find_input(self, start: str) -> str | None:
        """Return the full hash of a kept input whose hash starts with this text, or None."""

        def steps(transaction: Any) -> Steps[str | None]:
            key = yield transaction.objectStore(INPUTS).getKey(js.IDBKeyRange.bound(start, f"{start}g"))
            return None if present(key) is None else str(key)

        return await self._database.run("find_input", [INPUTS], steps)

    # Settings and usage

    async def read_settings(self) -> KeepSettings:
        """The settings: how much is kept."""
        return await self._database.run("read_settings", [SETTINGS], self._settings)

    async def write_settings(self, settings: KeepSettings) -> None:
        """Set how much is kept; drop what exceeds the new cap, the oldest first."""

        def steps(transaction: Any) -> Steps[None]:
            row = {"name": "keep", "cap_bytes": settings.cap_bytes, "keep": settings.keep.value}
            transaction.objectStore(SETTINGS).put(plain(row))
            yield from make_room(transaction, RESULTS, "", settings.cap_bytes)

        await self._write("write_settings", [SETTINGS, RESULTS, LEDGER], steps)

    async def usage(self) -> Usage:
        """The current usage."""

        def steps(transaction: Any) -> Steps[tuple[KeepSettings, dict[str, StoredSum], bool]]:
            settings, known = (yield from self._settings(transaction)), (yield from read_sums(transaction))
            if known is not None and self._is_counted:
                return settings, known, True
            counted = yield from count_sums(transaction)
            return settings, counted, known in (None, counted)

        def forget(transaction: Any) -> Steps[None]:
            yield forget_sums(transaction)

        settings, sums, is_right = await self._database.run("usage", [SETTINGS, LEDGER], steps)
        if not is_right:
            await self._database.run("forget_sums", [LEDGER], forget, write=True)
        self._is_counted = True
        used, quota = await read_estimate()
        return Usage(
            settings=settings,
            count=sums[RESULTS].count,
            size=sums[RESULTS].size,
            thumbnails=sums[THUMBNAILS].count,
            thumbnails_size=sums[THUMBNAILS].size,
            inputs_size=sums[INPUTS].size,
            used=used,
            quota=quota,
            is_persistent=await is_persistent(),
        )

    async def persist(self, *, is_asked: bool = False) -> bool | None:
        """Ask the browser not to clear the storage by itself; once per browser unless `is_asked`."""
        promised = await is_persistent()
        if promised is not False:
            return promised

        def steps(transaction: Any) -> Steps[bool]:
            store = transaction.objectStore(SETTINGS)
            is_known = (yield store.get("persist")) is not None
            store.put(plain({"name": "persist"}))
            return is_known

        was_asked = await self._write("persist", [SETTINGS], steps)
        return False if was_asked and not is_asked else await ask_persistence()

    async def _row_of(self, blob: Blob, at: float) -> Any:
        return await make_row(self._database, await to_js_blob(blob), at=at)

    # Space

    async def _write(self, operation: str, stores: Sequence[str], steps: Callable[[Any], Steps[T]]) -> T:
        """Write a record even on a full disk: drop more and more kept bytes until it fits."""
        count = 1
        while True:
            try:
                return await self._database.run(operation, stores, steps, write=True)
            except StorageError as error:
                if error.cause != "quota" or not await self._drop_oldest(count):
                    raise
                log.warning("the disk is full: up to %s kept files make room for %s", count, operation)
                count *= 2

    async def _keep(self, operation: str, stores: Sequence[str], steps: Callable[[Any], Steps[T]], size: int) -> T:
        """Write new bytes: on a full disk they replace the oldest results, if those are at least as large."""
        for _ in range(ROOM_TRIES):
            try:
                return await self._database.run(operation, stores, steps, write=True)
            except StorageError as error:
                if error.cause != "quota" or not await self._drop_for(size):
                    raise
        return await self._database.run(operation, stores, steps, write=True)

    async def _drop_oldest(self, count: int) -> bool:
        """Drop the oldest results, or as many as there are; else inputs that no waiting run needs, else thumbnails.
        False if none is left."""

        def steps(transaction: Any) -> Steps[bool]:
            needed = yield from needed_inputs(transaction)
            for kind in KINDS:
                if (yield from drop_oldest(transaction, kind, lambda gone: gone.count >= count, needed)).count:
                    forget_sums(transaction)
                    return True
            return False

        return await self._database.run("make_room", [BATCHES, WAITING, *SHELVES], steps, write=True)

    async def _drop_for(self, size: int) -> bool:
        """Drop the oldest results for a new one; none if all of them would not be enough."""

        def steps(transaction: Any) -> Steps[bool]:
            sums = (yield from read_sums(transaction)) or (yield from count_sums(transaction))
            if sums[RESULTS].size < size:
                return False
            yield from drop_oldest(transaction, RESULTS, lambda gone: gone.size >= size)
            forget_sums(transaction)
            return True

        return await self._database.run("make_room", [RESULTS, LEDGER], steps, write=True)

    async def _read_blob(self, operation: str, kind: str, name: str) -> Blob | None:
        def steps(transaction: Any) -> Steps[Blob | None]:
            row = yield transaction.objectStore(kind).get(name)
            return None if row is None else blob_of(row)

        return await self._database.run(operation, [kind], steps)

    def _settings(self, transaction: Any) -> Steps[KeepSettings]:
        row = yield transaction.objectStore(SETTINGS).get("keep")
        if row is None:
            return self._default
        settings = from_plain(row)
        is_known = settings.get("keep") in {item.value for item in Keep}
        return KeepSettings(int(settings["cap_bytes"]), Keep(settings["keep"]) if is_known else Keep.ORIGINALS)


def _check_size(operation: str, blob: Blob, limit: int) -> None:
    if blob.size > limit:
        raise StorageError(operation, "quota", f"{blob.size} bytes, and at most {limit} are kept")
