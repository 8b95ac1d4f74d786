"""Makes the contact sheets of a tab's grids from its cards and its waiting runs.

A sheet is made from the tasks and the waiting runs that have a cell in it. So it grows while its grid runs, and
survives a reload. A run that was repeated shows the result of its repetition.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from app.core.model import BatchId, Part, PromptId, TaskState
from app.core.waiting_runs import WaitingRuns
from app.ui.results.sheets import CellKind, SheetCell, SheetEntry, SheetLine, SheetView
from app.ui.runs.state import CardView, ResultView
from app.workflows.plans.sheet import lay_out

STRIP = 4  # pictures of a sheet in the list
LISTED = 6  # sheets, the newest first
MOST_CELLS = 1600  # drawn at most

_KINDS: Mapping[TaskState, CellKind] = {
    TaskState.RUNNING: CellKind.RUNNING,
    TaskState.FAILED: CellKind.FAILED,
    TaskState.CANCELLED: CellKind.CANCELLED,
    TaskState.LOST: CellKind.LOST,
    TaskState.GIVEN_UP: CellKind.LOST,
}


@dataclass(slots=True)
class _Grid:
    title: str = ""
    newest: float = 0.0
    parts: dict[int, Part] = field(default_factory=dict)
    cards: dict[int, CardView] = field(default_factory=dict)


class Sheets:
    """All grids of a tab, from its cards (newest first) and its waiting runs."""

    def __init__(self, cards: Sequence[CardView], line: WaitingRuns | None) -> None:
        self._repetitions = _repetitions(cards)
        self._grids: dict[BatchId, _Grid] = {}
        for card in reversed(cards):  # of two tasks of one run the newer one counts
            if card.task.part is not None and card.task.part.cell is not None:
                grid = self._grid(card.task.part, card.task.title)
                grid.cards[card.task.part.index] = card
                grid.newest = max(grid.newest, card.task.created_at)
        for entry in line.entries if line is not None else ():
            if entry.part.cell is not None and line is not None:
                grid = self._grid(entry.part, line.batches[entry.batch_id].title)
                grid.cards.pop(entry.part.index, None)  # it was not sent, and waits
                grid.newest = float("inf")

    def _grid(self, part: Part, title: str) -> _Grid:
        grid = self._grids.setdefault(part.batch_id, _Grid(title))
        grid.parts[part.index] = part
        return grid

    def entries(self) -> tuple[SheetEntry, ...]:
        """Return the sheets of the list, the newest first."""
        newest = sorted(self._grids.items(), key=lambda item: item[1].newest, reverse=True)
        return tuple(self._entry(batch_id) for batch_id, _ in newest[:LISTED])

    def _entry(self, batch_id: BatchId) -> SheetEntry:
        grid = self._grids[batch_id]
        cells = [part.cell for part in grid.parts.values() if part.cell is not None]
        drawn = (cell_of(self._last(grid.cards[index])).small for index in sorted(grid.cards))
        return SheetEntry(
            batch_id,
            grid.title,
            columns=max(cell.column for cell in cells) + 1,
            rows=max(cell.row for cell in cells) + 1,
            done=self._done(grid),
            total=len(grid.parts),
            pictures=tuple(itertools.islice(filter(None, drawn), STRIP)),
        )

    def _done(self, grid: _Grid) -> int:
        return sum(self._last(card).task.state.is_end for card in grid.cards.values())

    def view(self, batch_id: BatchId) -> SheetView | None:
        """Return one sheet; None if nothing of it is left."""
        grid = self._grids.get(batch_id)
        if grid is None:
            return None
        sheet = lay_out(grid.parts.values())
        rows = sheet.rows[: max(1, MOST_CELLS // max(1, len(sheet.columns)))]
        return SheetView(
            batch_id=batch_id,
            title=grid.title,
            columns=sheet.columns,
            rows=tuple(SheetLine(row.label, tuple(self._cell(grid, index) for index in row.cells)) for row in rows),
            more=len(sheet.rows) - len(rows),
            done=self._done(grid),
            total=len(grid.parts),
        )

    def _cell(self, grid: _Grid, index: int | None) -> SheetCell:
        if index is None:
            return SheetCell()
        card = grid.cards.get(index)
        return SheetCell(CellKind.WAITING) if card is None else cell_of(self._last(card))

    def _last(self, card: CardView) -> CardView:
        """Return the run itself if it succeeded, else its newest repetition."""
        seen = {card.task.prompt_id}
        while card.task.state.is_end and card.task.state is not TaskState.SUCCEEDED:
            repetition = self._repetitions.get(card.task.prompt_id)
            if repetition is None or repetition.task.prompt_id in seen:
                break
            seen.add(repetition.task.prompt_id)
            card = repetition
        return card


def cell_of(card: CardView) -> SheetCell:
    task = card.task
    if not task.state.is_end:
        return SheetCell(_KINDS.get(task.state, CellKind.WAITING), task.prompt_id)
    shown = next((item for item in card.results if _is_picture(item)), None)
    if shown is not None:
        return SheetCell(
            CellKind.PICTURE, task.prompt_id, shown.index, shown.small or shown.url, shown.url or shown.small
        )
    file = next((item for item in card.results if item.is_file or item.output.is_text), None)
    if file is not None:
        return SheetCell(CellKind.FILE, task.prompt_id, file.index, name=file.output.filename)
    if task.state is TaskState.SUCCEEDED:
        return SheetCell(CellKind.COMING if card.results else CellKind.BARE, task.prompt_id)
    return SheetCell(_KINDS[task.state], task.prompt_id)


def _is_picture(item: ResultView) -> bool:
    return bool(item.small) or (bool(item.url) and item.viewer == "image")


def _repetitions(cards: Iterable[CardView]) -> dict[PromptId, CardView]:
    """Return the newest repetition of each run; the cards are the newest first."""
    found: dict[PromptId, CardView] = {}
    for card in cards:
        if card.task.again_of is not None and card.task.part is None:
            found.setdefault(card.task.again_of, card)
    return found
