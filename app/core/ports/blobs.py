"""The port for stored bytes (results, thumbnails, previews, inputs), and `Blob`, in which bytes are handed over."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from app.core.model import PromptId, Task


class Blob(Protocol):
    """Bytes that stay where they are (a JavaScript Blob in the browser) until somebody reads them."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def media_type(self) -> str:
        """As the browser or the server calls it; may be empty."""

    async def read(self) -> bytes:
        """All of it, copied over."""


@dataclass(frozen=True, slots=True)
class SlicedBlob:
    """The rest of another Blob from `offset` on."""

    whole: Blob
    offset: int

    @property
    def size(self) -> int:
        """Bytes."""
        return max(0, self.whole.size - self.offset)

    @property
    def media_type(self) -> str:
        """Not known here: the frame's header tells it."""
        return ""

    async def read(self) -> bytes:
        """All of it, copied over."""
        return (await self.whole.read())[self.offset :]


@dataclass(frozen=True, slots=True)
class KeptResult:
    """One output's bytes as kept here, and when."""

    prompt_id: PromptId
    index: int
    blob: Blob
    kept_at: float


class Keep(Enum):
    """What is kept of a result's bytes."""

    ORIGINALS = "originals"  # and a thumbnail of each picture
    THUMBNAILS = "thumbnails"  # nothing else


@dataclass(frozen=True, slots=True)
class KeepSettings:
    """How much this browser keeps, as the person set it for all of its windows. Thumbnails are apart from the cap."""

    cap_bytes: int = 2_000_000_000
    keep: Keep = Keep.ORIGINALS


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What lies in this browser's storage, in bytes. None is what this browser does not tell."""

    settings: KeepSettings
    count: int = 0  # kept originals
    size: int = 0
    thumbnails: int = 0
    thumbnails_size: int = 0
    inputs_size: int = 0
    used: int | None = None  # by everything of this site, as the browser estimates it
    quota: int | None = None  # what the browser would give to this site
    is_persistent: bool | None = None  # whether the browser has promised not to clear it by itself


class BlobStore(Protocol):
    """The part of the store that holds bytes: results, their thumbnails, and inputs."""

    async def keep_result(self, task: Task, index: int, blob: Blob, kept_at: float) -> bool:
        """Keep one output's bytes, within the cap; the oldest make room. False if only thumbnails are wanted,
        StorageError(quota) if it can't be kept. Fenced like `update`."""

    async def read_result(self, prompt_id: PromptId, index: int) -> KeptResult | None:
        """The kept bytes, or None."""

    async def read_kept(self, among: Collection[tuple[PromptId, int]]) -> frozenset[tuple[PromptId, int]]:
        """Which of these outputs' bytes are kept now."""

    async def keep_thumbnail(self, task: Task, index: int, blob: Blob, kept_at: float) -> bool:
        """Make and keep a small WebP of a picture, whatever the cap; False if the bytes are no picture. Fenced."""

    async def read_thumbnail(self, prompt_id: PromptId, index: int) -> Blob | None:
        """The kept thumbnail, or None."""

    async def keep_preview(self, task: Task, blob: Blob, media_type: str, kept_at: float) -> bool:
        """Keep a running task's last preview, small, instead of the one before; those of a few tasks are kept. False if
        the bytes are no picture, or if the task has ended. Fenced."""

    async def read_preview(self, prompt_id: PromptId) -> Blob | None:
        """The kept preview, or None."""

    async def delete_preview(self, prompt_id: PromptId) -> None:
        """Delete the kept preview; nothing happens if there is none."""

    async def delete_results(self, prompt_id: PromptId | None = None) -> None:
        """Delete the kept bytes, thumbnails and preview of one task, or of all."""

    async def keep_input(self, sha256: str, blob: Blob, kept_at: float) -> None:
        """Keep an input's bytes under their hash, within the bound."""

    async def read_input(self, sha256: str) -> Blob | None:
        """The kept input, or None."""

    async def find_input(self, start: str) -> str | None:
        """Return the full hash of a kept input whose hash starts with this text, or None."""

    async def read_settings(self) -> KeepSettings:
        """How much is kept."""

    async def write_settings(self, settings: KeepSettings) -> None:
        """Set how much is kept; what is over the new cap goes at once, the oldest first. Thumbnails stay."""

    async def usage(self) -> Usage:
        """What lies here now."""

    async def persist(self, *, is_asked: bool = False) -> bool | None:
        """Have the browser promise not to clear the storage by itself: whether it has, or None if it cannot. It may
        ask the person, so it is asked once per browser, and again only if the person wants it (`is_asked`)."""
