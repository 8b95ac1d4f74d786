"""Kept bytes in memory: the same rules as `app/browser/blob_store.py` and `previews.py`."""

from __future__ import annotations

from collections.abc import Callable, Collection

from app.core.errors import StorageError
from app.core.model import PromptId, Task
from app.core.ports.blobs import Blob, Keep, KeepSettings, KeptResult, Usage
from app.session.memory.database import KeptBlob, KeptBlobs, MemoryDatabase, MemoryTransactions

MOST_PREVIEWS = 24


class MemoryBlobs(MemoryTransactions):
    """The BlobStore port."""

    async def keep_result(self, task: Task, index: int, blob: Blob, kept_at: float) -> bool:
        def work() -> bool:
            self.database.fenced("keep_result", task)
            settings, results = self.database.settings, self.database.results
            if settings.keep is Keep.THUMBNAILS:
                return False
            if blob.size > settings.cap_bytes:
                raise StorageError("keep_result", "quota", f"at most {settings.cap_bytes} bytes are kept")
            results[task.prompt_id, index] = KeptBlob(blob, kept_at)
            results.make_room(settings.cap_bytes)
            return True

        return await self._transact("keep_result", work, adds=blob.size)

    async def read_result(self, prompt_id: PromptId, index: int) -> KeptResult | None:
        def work() -> KeptResult | None:
            kept = self.database.results.get((prompt_id, index))
            return None if kept is None else KeptResult(prompt_id, index, kept.blob, kept.at)

        return await self._transact("read_result", work)

    async def read_kept(self, among: Collection[tuple[PromptId, int]]) -> frozenset[tuple[PromptId, int]]:
        return await self._transact("read_kept", lambda: frozenset(among) & self.database.results.keys())

    async def keep_thumbnail(self, task: Task, index: int, blob: Blob, kept_at: float) -> bool:
        small = await self.database.page_blobs.small(blob, blob.media_type)
        if small is None:
            return False

        def work() -> None:
            self.database.fenced("keep_thumbnail", task)
            self.database.thumbnails[task.prompt_id, index] = KeptBlob(small, kept_at)

        await self._transact("keep_thumbnail", work)
        return True

    async def read_thumbnail(self, prompt_id: PromptId, index: int) -> Blob | None:
        return await self._read("read_thumbnail", lambda database: database.thumbnails, (prompt_id, index))

    async def keep_preview(self, task: Task, blob: Blob, media_type: str, kept_at: float) -> bool:
        small = await self.database.page_blobs.small(blob, media_type)
        if small is None:
            return False

        def work() -> bool:
            if self.database.fenced("keep_preview", task).state.is_end:
                return False
            previews = self.database.previews
            previews[task.prompt_id] = KeptBlob(small, kept_at)
            for name in previews.oldest_first[:-MOST_PREVIEWS]:
                del previews[name]
            return True

        return await self._transact("keep_preview", work, adds=0)

    async def read_preview(self, prompt_id: PromptId) -> Blob | None:
        return await self._read("read_preview", lambda database: database.previews, prompt_id)

    async def delete_preview(self, prompt_id: PromptId) -> None:
        await self._transact("delete_preview", lambda: self.database.previews.pop(prompt_id, None))

    async def delete_results(self, prompt_id: PromptId | None = None) -> None:
        def work() -> None:
            named = {key[0] for key in (*self.database.results, *self.database.thumbnails)}
            for item in named | {*self.database.previews}:
                if prompt_id in {None, item}:
                    self.database.delete_kept(item)

        await self._transact("delete_results", work)

    async def keep_input(self, sha256: str, blob: Blob, kept_at: float) -> None:
        def work() -> None:
            database = self.database
            database.inputs[sha256] = KeptBlob(blob, kept_at)
            database.inputs.make_room(database.inputs_bound, {sha256} | database.needed | database.copies)

        await self._transact("keep_input", work, adds=blob.size)

    async def read_input(self, sha256: str) -> Blob | None:
        return await self._read("read_input", lambda database: database.inputs, sha256)

    async def find_input(self, start: str) -> str | None:
        def work() -> str | None:
            return next((name for name in sorted(self.database.inputs) if name.startswith(start)), None)

        return await self._transact("find_input", work)

    async def _read(self, operation: str, shelf: Callable[[MemoryDatabase], KeptBlobs], key: object) -> Blob | None:
        kept = await self._transact(operation, lambda: shelf(self.database).get(key))
        return None if kept is None else kept.blob

    async def read_settings(self) -> KeepSettings:
        return await self._transact("read_settings", lambda: self.database.settings)

    async def write_settings(self, settings: KeepSettings) -> None:
        def work() -> None:
            self.database.settings = settings
            self.database.results.make_room(settings.cap_bytes)

        await self._transact("write_settings", work)

    async def usage(self) -> Usage:
        def work() -> Usage:
            database = self.database
            return Usage(
                settings=database.settings,
                count=len(database.results),
                size=database.results.size,
                thumbnails=len(database.thumbnails),
                thumbnails_size=database.thumbnails.size,
                inputs_size=database.inputs.size,
            )

        return await self._transact("usage", work)

    async def persist(self, *, is_asked: bool = False) -> bool | None:  # noqa: ARG002 - nothing here lasts
        return None
