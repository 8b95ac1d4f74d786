"""The contact sheets of grids, as values: which picture stands where, and why there is none where there is none."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from app.core.model import BatchId, PromptId
from app.ui.kit.state import Dialog


class CellKind(Enum):
    """What stands in a cell."""

    PICTURE = "picture"
    COMING = "coming"  # made, and its bytes are on their way
    RUNNING = "running"
    WAITING = "waiting"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"
    BARE = "bare"  # it has ended well and made no picture
    REMOVED = "removed"  # taken back, or deleted


@dataclass(frozen=True, slots=True)
class SheetDialog(Dialog):
    """The open sheet."""

    batch_id: BatchId


@dataclass(frozen=True, slots=True)
class SheetCell:
    """One cell; `small` is its picture to be shown, `full` the one to be saved."""

    kind: CellKind = CellKind.REMOVED
    prompt_id: PromptId | None = None
    index: int = 0
    small: str = ""
    full: str = ""


@dataclass(frozen=True, slots=True)
class SheetLine:
    """One row with its label."""

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
        """Whether there is something to be drawn as one picture."""
        return any(cell.full for row in self.rows for cell in row.cells)


@dataclass(frozen=True, slots=True)
class SheetEntry:
    """One sheet in the list."""

    batch_id: BatchId
    title: str
    columns: int
    rows: int
    done: int
    total: int
    pictures: tuple[str, ...] = ()  # a few of it
