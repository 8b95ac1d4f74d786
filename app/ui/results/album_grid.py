"""What the grid of the album is told: each result once, and from then on by its number.

Thousands of results are narrowed with each key that is typed. So `static/js/grid.js` keeps what it was told of them, a
search tells it numbers alone, and what is new of a large album is told in parts, one with each drawing.
"""

from __future__ import annotations

from app.core.model import Fleet
from app.ui.kit.colours import ServerTag, tag_of
from app.ui.kit.i18n import PSEUDO, Translator
from app.ui.results.album import AlbumCell
from wire.media import medium_of

PART = 400  # results told with one drawing: in a browser some 8 ms


Told = tuple[str, str, str, float, int, str]


def _is_other(known: AlbumCell, cell: AlbumCell) -> bool:
    return known is not cell and known != cell


class GridNews:
    """What one grid knows. `tell` gives the rest: `{afresh, words, rows, order, picked, favourites}`."""

    def __init__(self) -> None:
        self._begin("")

    def _begin(self, language: str) -> None:
        self._language = language
        self._numbers: dict[str, tuple[AlbumCell, int]] = {}  # by the names of results
        self._count = 0  # of results told
        self._cells: tuple[AlbumCell, ...] | None = None
        self._untold: list[AlbumCell] = []
        self._order: list[int] | None = None
        self._marks: dict[str, frozenset[str]] = {}

    @property
    def is_behind(self) -> bool:
        """Whether there is more to tell."""
        return bool(self._untold)

    def tell(
        self, cells: tuple[AlbumCell, ...], fleet: Fleet, _: Translator, **marks: frozenset[str]
    ) -> dict[str, object]:
        """What is to be told now; `marks` are the names of what is `picked` and of the `favourites`."""
        told: dict[str, object] = {}
        if _.language != self._language:
            self._begin(_.language)
            told |= {"afresh": True, "words": grid_words(_)}
        if cells is not self._cells:
            self._cells = cells
            known = self._numbers
            self._untold = [
                cell for cell in cells if (told_of := known.get(cell.name)) is None or _is_other(told_of[0], cell)
            ]
            told |= self._tell_part(fleet, _) | self._tell_order()
        elif self._untold:
            told |= self._tell_part(fleet, _)
            if not self._untold:
                told |= self._tell_order()
        for name, now in marks.items():
            if self._marks.get(name, frozenset()) != now:
                self._marks[name] = now
                told[name] = sorted(now)
        return told

    def _tell_part(self, fleet: Fleet, _: Translator) -> dict[str, object]:
        part, self._untold = self._untold[:PART], self._untold[PART:]
        rows: list[Told] = []
        for number, cell in enumerate(part, self._count):
            rows.append(word_cell(cell, tag_of(fleet, cell.row.server_id), _))
            self._numbers[cell.name] = cell, number
        self._count += len(rows)
        return {"rows": rows} if rows else {}

    def _tell_order(self) -> dict[str, object]:
        """Of a large album the beginning at once, and the whole when all of it was told."""
        assert self._cells is not None  # there are some, since they were told
        known = self._numbers
        order = [known[cell.name][1] for cell in self._cells if not self._untold or cell.name in known]
        if order == self._order:
            return {}
        self._order = order
        return {"order": order}


def word_cell(cell: AlbumCell, tag: ServerTag, _: Translator) -> Told:
    """A result as `static/js/grid.js` takes it: name, title, server, when it ended (s since the epoch), tone, kind."""
    row, kind = cell.row, medium_of(cell.output.media_type, cell.output.filename)
    return cell.name, _.known(row.title) or _("Untitled"), tag.name, row.ended_at, tag.tone, kind


def grid_words(_: Translator) -> dict[str, str]:
    """The texts that the grid fills in itself, for those cells that are in sight."""
    return {
        "language": "en" if _.language == PSEUDO else _.language,
        "cell": _("{title} on {server}, {time}"),
        "favourite": _("{label}, favourite"),
    }
