"""The port for the tray: files that other apps have shared with Mooring, until the user places them.

Any page can send files as an app does. So they wait beside the tray until the user takes or discards them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from app.core.ports.blobs import Blob

MOST_FILES = 100  # in the tray, and as many beside it (`static/home/worker.js`)
MOST_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SharedFile:
    """A shared file. Its bytes can be read until it is taken out of the tray."""

    file_id: int
    name: str
    blob: Blob
    changed: int = 0  # when it was changed, in milliseconds
    waits: bool = False  # beside the tray


class Tray(Protocol):
    """The files of this user, for all windows. Each operation is one transaction, or raises StorageError."""

    async def read_shared(self) -> tuple[SharedFile, ...]:
        """All files, the oldest first. Those that no user has yet are this user's from now on."""

    async def take_shared(self, file_ids: Collection[int]) -> frozenset[int]:
        """Take files out, and return those that were still there: of several windows only one takes a file."""

    async def admit_shared(self, file_ids: Collection[int]) -> bool:
        """Put files that wait into the tray, or return False if it has no room for all of them."""

    async def copy_of(self, file: SharedFile) -> Blob:
        """A copy that can be read after the file was taken; BadInput if it was taken already."""

    async def picture_of(self, file: SharedFile) -> Blob | None:
        """Return a small picture of it; None if it is none."""

    def listen_shared(self, changed: Callable[[], None]) -> None:
        """Call back when files were shared, or another window took some."""
