"""The port for stored bytes (results, thumbnails, previews, inputs), and `Blob`, in which bytes are handed over."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, runtime_checkable

from app.core.model import PromptId, Task


class Blob(Protocol):
    """Bytes that are not copied (a JavaScript Blob in the browser) until they are read."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def media_type(self) -> str:
        """The browser's or the server's name for it; may be empty."""

    async def read(self, most: int | None = None) -> bytes:
        """All of it, or its first `most` bytes, copied over."""


@runtime_checkable
class Sliceable(Protocol):
    """A Blob whose parts can be read one at a time."""

    def slice(self, start: int, stop: int) -> Blob:
        """A part of it; nothing is copied."""


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
        """Empty: the media type is in the frame's header."""
        return ""

    async def read(self, most: int | None = None) -> bytes:
        """All of it, or its first `most` bytes, copied over."""
        return (await self.whole.read(None if most is None else self.offset + most))[self.offset :]


@dataclass(frozen=True, slots=True)
class TextBlob:
    """The bytes of a text in UTF-8."""

    text: str
    media_type: str = "text/plain;charset=utf-8"

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.text.encode("utf-8", "replace"))

    async def read(self, most: int | None = None) -> bytes:
        """All of it, or its first `most` bytes."""
        return self.text.encode("utf-8", "replace")[:most]


@dataclass(frozen=True, slots=True)
class KeptResult:
    """One output's bytes as kept in this browser, with the time."""

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
    """How much this browser keeps, as the user has set it for all windows. Thumbnails do not count towards the cap."""

    cap_bytes: int = 2_000_000_000
    keep: Keep = Keep.ORIGINALS


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What this browser's storage contains, in bytes. None where the browser does not say."""

    settings: KeepSettings
    count: int = 0  # kept originals
    size: int = 0
    thumbnails: int = 0
    thumbnails_size: int = 0
    inputs_size: int = 0
    used: int | None = None  # by everything of this site, as the browser estimates it
    quota: int | None = None  # what the browser grants this site
    is_persistent: bool | None = None  # whether the browser has promised not to evict it

    @property
    def share(self) -> float:
        """How much of the room for originals is taken, 1 at most."""
        return min(1.0, self.size / self.settings.cap_bytes)


class BlobStore(Protocol):
    """The part of the store that holds bytes: results, their thumbnails, and inputs."""

    async def keep_result(self, task: Task, index: int, blob: Blob, kept_at: float) -> bool:
        """Keep one output's bytes within the cap, deleting the oldest. False if only thumbnails are wanted,
        StorageError(quota) if there is no room. Fenced like `update`."""

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
        """The current settings."""

    async def write_settings(self, settings: KeepSettings) -> None:
        """Set how much is kept; immediately delete what exceeds the new cap, the oldest first. Thumbnails stay."""

    async def usage(self) -> Usage:
        """The current usage."""

    async def persist(self, *, is_asked: bool = False) -> bool | None:
        """Ask the browser not to evict the storage; return whether it has promised, or None if it cannot. It may show
        a prompt, so it is asked once per browser, and after that only when the user wants it (`is_asked`)."""
