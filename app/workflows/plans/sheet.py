"""The contact sheet of a grid as a value: the run in each cell, with the labels. The page draws it.

sheet = lay_out(task.part for task in tasks)       # also of an incomplete grid
sheet.rows[0].cells[1]                             # the index of the run there, or None
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from app.core.model import Cell, Part


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One row: its label, and by column the index of the run there, or None where none is known."""

    label: str
    cells: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows and columns with their labels; unknown labels are empty."""

    columns: tuple[str, ...]
    rows: tuple[SheetRow, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not self.columns


def lay_out(parts: Iterable[Part | None]) -> Sheet:
    """The sheet of the runs of one batch, in any order. Runs without a cell are left out."""
    placed: dict[tuple[int, int], int] = {}
    across: dict[int, str] = {}
    down: dict[int, str] = {}
    for part in parts:
        if part is not None and isinstance(part.cell, Cell):
            cell = part.cell
            placed[cell.row, cell.column] = part.index
            across[cell.column], down[cell.row] = cell.column_label, cell.row_label
    width, height = max(across, default=-1) + 1, max(down, default=-1) + 1
    rows = (
        SheetRow(down.get(row, ""), tuple(placed.get((row, column)) for column in range(width)))
        for row in range(height)
    )
    return Sheet(tuple(across.get(column, "") for column in range(width)), tuple(rows))
