"""The bytes of a private window: in the page's memory, and nowhere else.

They are bounded as in the store: results by the cap that the user has set, and by `MOST` in any case; inputs by
`MOST_INPUTS`, except for those that waiting runs need.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from app.core.model import PromptId, Task
from app.core.ports.blobs import Blob, BlobStore, Keep, KeepSettings, KeptResult, Usage

MOST = 1_000_000_000  # bytes of results that one page holds
MOST_INPUTS = 256 * 1024 * 1024  # bytes of inputs, as in the store
RESULTS, THUMBNAILS = "results", "thumbnails"


class Drawer(Protocol):
    """The page's memory, where its scripts find bytes under the names that the store would use."""

    def put(self, kind: str, name: str, blob: Blob, at: float) -> None:
        """Keep the bytes."""

    def drop(self, kind: str, name: str) -> None:
        """Release the bytes; nothing happens if they are gone."""

    async def small(self, blob: Blob) -> Blob | None:
        """Return a thumbnail, or None if the bytes are no picture."""


class PrivateBlobs:
    """The `BlobStore` of a private window. Its settings and usage are those of all windows, read from `inner`."""

    def __init__(self, inner: BlobStore, drawer: Drawer) -> None:
        self._shared = inner
        self._drawer = drawer
        self._results: dict[tuple[PromptId, int], KeptResult] = {}  # the oldest first
        self._thumbnails: dict[tuple[PromptId, int], Blob] = {}
        self._inputs: dict[str, Blob] = {}  # the oldest first

    async def keep_result(self, task: Task, index: int, blob: Blob, kept_at: float) -> bool:
        settings = await self._shared.read_settings()
        if settings.keep is Keep.THUMBNAILS:
            return False
        name = task.prompt_id, index
        self._drop(name)
        self._results[name] = KeptResult(task.prompt_id, index, blob, kept_at)
        self._drawer.put(RESULTS, _text(name), blob, kept_at)
        self._make_room(settings)
        return True

    def _make_room(self, settings: KeepSettings) -> None:
        bound = min(MOST, settings.cap_bytes)
        while len(self._results) > 1 and sum(item.blob.size for item in self._results.values()) > bound:
            self._drop(next(iter(self._results)))

    def _drop(self, name: tuple[PromptId, int]) -> None:
        if self._results.pop(name, None) is not None:
            self._drawer.drop(RESULTS, _text(name))

    async def read_result(self, prompt_id: PromptId, index: int) -> KeptResult | None:
        return self._results.get((prompt_id, index))

    async def read_kept(self, among: Collection[tuple[PromptId, int]]) -> frozenset[tuple[PromptId, int]]:
        """Which of these outputs this page keeps."""
        return frozenset(among) & self._results.keys()

    async def keep_thumbnail(self, task: Task, index: int, blob: Blob, kept_at: float) -> bool:
        small = await self._drawer.small(blob)
        if small is not None:
            self._thumbnails[task.prompt_id, index] = small
            self._drawer.put(THUMBNAILS, _text((task.prompt_id, index)), small, kept_at)
        return small is not None

    async def read_thumbnail(self, prompt_id: PromptId, index: int) -> Blob | None:
        return self._thumbnails.get((prompt_id, index))

    async def keep_preview(self, task: Task, blob: Blob, media_type: str, kept_at: float) -> bool:  # noqa: ARG002
        """Keep nothing: previews are for after a reload, and a private window keeps none."""
        return False

    async def read_preview(self, prompt_id: PromptId) -> Blob | None:  # noqa: ARG002
        return None

    async def delete_preview(self, prompt_id: PromptId) -> None:
        """Do nothing: no preview is kept."""

    async def delete_results(self, prompt_id: PromptId | None = None) -> None:
        """Delete results and thumbnails that this page keeps; the store of all windows stays as it is."""
        for name in [name for name in self._results if prompt_id in (None, name[0])]:
            self._drop(name)
        for name in [name for name in self._thumbnails if prompt_id in (None, name[0])]:
            del self._thumbnails[name]
            self._drawer.drop(THUMBNAILS, _text(name))

    async def keep_input(self, sha256: str, blob: Blob, kept_at: float) -> None:  # noqa: ARG002
        self._inputs.pop(sha256, None)
        self._inputs[sha256] = blob
        needed = self._needed | {sha256}
        left = sum(item.size for item in self._inputs.values()) - MOST_INPUTS
        for name in [name for name in self._inputs if name not in needed]:
            if left <= 0:
                return
            left -= self._inputs.pop(name).size

    @property
    def _needed(self) -> frozenset[str]:
        """The hashes of inputs that waiting runs need."""
        raise NotImplementedError

    async def read_input(self, sha256: str) -> Blob | None:
        """Return a kept input; also one that another window has kept, because a preset may name it."""
        found = self._inputs.get(sha256)
        return found if found is not None else await self._shared.read_input(sha256)

    async def find_input(self, start: str) -> str | None:
        """Find an input of this page or of another window, as `read_input` does."""
        found = next((sha256 for sha256 in self._inputs if sha256.startswith(start)), None)
        return found if found is not None else await self._shared.find_input(start)

    async def read_settings(self) -> KeepSettings:
        return await self._shared.read_settings()

    async def write_settings(self, settings: KeepSettings) -> None:
        await self._shared.write_settings(settings)
        self._make_room(settings)

    async def usage(self) -> Usage:
        """The usage of all other windows."""
        return await self._shared.usage()

    async def persist(self, *, is_asked: bool = False) -> bool | None:
        """Pass the question on only if the user asks for it: a private window needs no persistent storage."""
        return await self._shared.persist(is_asked=True) if is_asked else None


def _text(name: tuple[PromptId, int]) -> str:
    """The name that the page's scripts know (`name_of` of the browser's ledger)."""
    return f"{name[0]}/{name[1]}"
