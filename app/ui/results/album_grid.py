"""What changed in the album's grid: each result is sent once, and then known by its number.

Thousands of results are filtered with each key typed. So `static/js/grid.js` keeps what it received, a search sends
only numbers, and the new results of a large album are sent in parts, so that keys are handled in between.
"""

from __future__ import annotations

from collections.abc import Callable

from app.core.model import Fleet
from app.ui.kit.colours import ServerTag, tag_of
from app.ui.kit.i18n import PSEUDO, Translator
from app.ui.results.album import AlbumCell
from wire.media import medium_of

PART = 100  # results sent together: in a browser some 2 ms


GridCell = tuple[str, str, str, float, int, str, str, bool, str]


def _has_changed(known: AlbumCell, cell: AlbumCell) -> bool:
    return known is not cell and known != cell


class GridUpdates:
    """Tracks what one grid has received. `changes` returns `{reset, words, rows, order, picked, favourites}`."""

    def __init__(self) -> None:
        self._begin("")

    def _begin(self, language: str) -> None:
        self._language = language
        self._numbers: dict[str, tuple[AlbumCell, int]] = {}  # by the names of results
        self._count = 0  # of results sent
        self._cells: tuple[AlbumCell, ...] | None = None
        self._unsent: list[AlbumCell] = []
        self._word: Callable[[AlbumCell], GridCell]  # for those, in the last language
        self._order: list[int] | None = None
        self._marks: dict[str, frozenset[str]] = {}

    @property
    def is_behind(self) -> bool:
        """Whether some results are not sent yet."""
        return bool(self._unsent)

    def changes(
        self, cells: tuple[AlbumCell, ...], fleet: Fleet, _: Translator, **marks: frozenset[str]
    ) -> dict[str, object]:
        """Return what to send now; `marks` are the names of what is `picked` and of the `favourites`."""
        changed: dict[str, object] = {}
        if _.language != self._language:
            self._begin(_.language)
            changed |= {"reset": True, "words": grid_words(_)}
        if cells is not self._cells:
            self._cells = cells
            known = self._numbers
            self._unsent = [
                cell for cell in cells if (sent := known.get(cell.name)) is None or _has_changed(sent[0], cell)
            ]
            self._word = lambda cell: word_cell(cell, tag_of(fleet, cell.row.server_id), _)
            changed |= self._next_part() | self._new_order()
        for name, now in marks.items():
            if self._marks.get(name, frozenset()) != now:
                self._marks[name] = now
                changed[name] = sorted(now)
        return changed

    def further(self) -> dict[str, object]:
        """Return the next part of what `changes` left unsent; with the last one, the order of all."""
        return self._next_part() | ({} if self.is_behind else self._new_order())

    def _next_part(self) -> dict[str, object]:
        part, self._unsent = self._unsent[:PART], self._unsent[PART:]
        rows: list[GridCell] = []
        for number, cell in enumerate(part, self._count):
            rows.append(self._word(cell))
            self._numbers[cell.name] = cell, number
        self._count += len(rows)
        return {"rows": rows} if rows else {}

    def _new_order(self) -> dict[str, object]:
        """Return the numbers of the cells in their order: of a large album those sent, then all."""
        assert self._cells is not None  # set before the first order
        known = self._numbers
        order = [known[cell.name][1] for cell in self._cells if not self._unsent or cell.name in known]
        if order == self._order:
            return {}
        self._order = order
        return {"order": order}


def word_cell(cell: AlbumCell, tag: ServerTag, _: Translator) -> GridCell:
    """Return a result as `static/js/grid.js` takes it.

    That is: name, title, server, end (seconds), tone, kind, ending, whether it has a seed, for a variation, and the
    label of a run of a plan.
    """
    row, kind = cell.row, medium_of(cell.output.media_type, cell.output.filename)
    title, has_seed = _.known(row.title) or _("Untitled"), bool(row.seed)
    return cell.name, title, tag.name, row.ended_at, tag.tone, kind, cell.ending, has_seed, row.label


def grid_words(_: Translator) -> dict[str, str]:
    """Return the texts that the grid puts into the visible cells."""
    return {
        "language": "en" if _.language == PSEUDO else _.language,
        "cell": _("{title} on {server}, {time}"),
        "favourite": _("{label}, favourite"),
    }
