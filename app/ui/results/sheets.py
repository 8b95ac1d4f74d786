"""The contact sheets of grids, as values: which cell has which picture, or why it has none."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from app.core.model import BatchId, PromptId
from app.ui.kit.state import Dialog


class CellKind(Enum):
    """What a cell shows."""

    PICTURE = "picture"
    FILE = "file"  # a result that is no picture
    COMING = "coming"  # made, and being fetched
    RUNNING = "running"
    WAITING = "waiting"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"
    BARE = "bare"  # succeeded without a picture
    REMOVED = "removed"  # withdrawn, or deleted


@dataclass(frozen=True, slots=True)
class SheetDialog(Dialog):
    """The open sheet."""

    batch_id: BatchId


@dataclass(frozen=True, slots=True)
class SheetCell:
    """One cell; `small` is the picture shown, `full` the one that is saved, `name` the file's."""

    kind: CellKind = CellKind.REMOVED
    prompt_id: PromptId | None = None
    index: int = 0
    small: str = ""
    full: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class SheetLine:
    label: str
    cells: tuple[SheetCell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetView:
    """A sheet; `more` rows are left out."""

    batch_id: BatchId
    title: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[SheetLine, ...] = ()
    more: int = 0
    done: int = 0
    total: int = 0

    @property
    def has_pictures(self) -> bool:
        """Whether the sheet can be drawn as one picture."""
        return any(cell.full for row in self.rows for cell in row.cells)


@dataclass(frozen=True, slots=True)
class SheetEntry:
    batch_id: BatchId
    title: str
    columns: int
    rows: int
    done: int
    total: int
    pictures: tuple[str, ...] = ()  # the first few


@dataclass(frozen=True, slots=True)
class SheetList:
    """The contact sheets that are listed."""

    entries: tuple[SheetEntry, ...]
