"""Many files that the user has chosen or dropped at a time: what is known of each, and its Blob when it is needed.

chosen = FileSet((ChosenFile("holiday/a.jpg", 5_000_000, 1764000000000, "image/jpeg"),), open_file)
chosen.open(0)          # the file's Blob; nothing is read yet
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from app.core.ports.blobs import Blob


@dataclass(frozen=True, slots=True)
class ChosenFile:
    """What the browser says of a file without reading it. `path` begins with the chosen folder, if there was one."""

    path: str
    size: int
    changed: int = 0  # when it was changed, in milliseconds
    media_type: str = ""

    @property
    def name(self) -> str:
        """Its name without the folders."""
        return self.path.rpartition("/")[2]


async def _is_mine(_index: int) -> bool:
    return True


@dataclass(frozen=True, slots=True, eq=False)
class FileSet:
    """The files, and how to open one. `is_cut` if there were more than the page takes.

    `claim` makes a file this window's, if all windows have it; False if another has claimed it before.
    """

    files: tuple[ChosenFile, ...]
    open: Callable[[int], Blob]
    is_cut: bool = False
    claim: Callable[[int], Awaitable[bool]] = _is_mine

    def joined(self, other: FileSet) -> FileSet:
        """Return these files and the others."""
        count = len(self.files)
        return FileSet(
            (*self.files, *other.files),
            lambda index: self.open(index) if index < count else other.open(index - count),
            self.is_cut or other.is_cut,
            lambda index: self.claim(index) if index < count else other.claim(index - count),
        )

    def only(self, indexes: Sequence[int]) -> FileSet:
        """Return these of the files, in this order."""
        return FileSet(
            tuple(self.files[index] for index in indexes),
            lambda index: self.open(indexes[index]),
            self.is_cut,
            lambda index: self.claim(indexes[index]),
        )
