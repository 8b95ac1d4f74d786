"""The album: a grid of thumbnails of everything made in this browser, with its filters.

The pictures never reach Python: `static/js/grid.js` reads the visible thumbnails from the store.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import chain
from operator import attrgetter

from app.core.model import Fleet, PromptId, ServerId
from app.core.past import PastOutput, PastQuery, PastTask, matches, words_of
from app.ui.kit.colours import tag_of
from wire.media import is_picture, medium_of


class DateSpan(Enum):
    """How far back the album goes; the values are those of the menu's options."""

    ALL = "all"
    TODAY = "today"
    YESTERDAY = "yesterday"
    WEEK = "week"
    TWO_WEEKS = "two-weeks"  # the calendar's last week is within them, on whichever day it begins
    MONTH = "month"
    EARLIER = "earlier"


_SPANS: Mapping[
    DateSpan, tuple[int | None, int | None]
] = {  # the days ago of the first day, and of the day after the last
    DateSpan.TODAY: (0, None),
    DateSpan.YESTERDAY: (1, 0),
    DateSpan.WEEK: (7, None),
    DateSpan.TWO_WEEKS: (14, None),
    DateSpan.MONTH: (30, None),
    DateSpan.EARLIER: (None, 30),
}


def day_began(now: float, days_ago: int) -> float:
    """Return when a day began: a browser's Python has the user's time zone."""
    local = time.localtime(now)
    return time.mktime((local.tm_year, local.tm_mon, local.tm_mday - days_ago, 0, 0, 0, 0, 0, -1))


@dataclass(frozen=True, slots=True)
class AlbumWish:
    """What the album shows; an empty text filters nothing. `picked` holds the names of results, in no order."""

    is_open: bool = False
    is_left: bool = False  # the user wants only this window's results, even if there are none
    text: str = ""
    server: str = ""
    title: str = ""
    project: str = ""
    media: str = ""
    span: DateSpan = DateSpan.ALL
    is_favourites: bool = False
    picked: frozenset[str] = frozenset()
    shown_from: float = 0.0  # seconds since the epoch; when a span was chosen, so that the list does not move

    @property
    def is_narrow(self) -> bool:
        """Whether a filter is set."""
        return self != AlbumWish(self.is_open, self.is_left, picked=self.picked, shown_from=self.shown_from)

    def wide(self) -> AlbumWish:
        """Return it without filters."""
        return AlbumWish(self.is_open)

    def closed(self) -> AlbumWish:
        """Return it closed."""
        return replace(self, is_open=False, is_left=True)

    def query(self) -> PastQuery:
        """Return the filters as a query of the core."""
        first, after = _SPANS.get(self.span, (None, None))
        return PastQuery(
            text=self.text,
            servers=frozenset({ServerId(self.server)} if self.server else ()),
            titles=frozenset({self.title} if self.title else ()),
            projects=frozenset({self.project} if self.project else ()),
            media=self.media,
            since=None if first is None else day_began(self.shown_from, first),
            until=None if after is None else day_began(self.shown_from, after),
        )


@dataclass(frozen=True, slots=True)
class AlbumCell:
    """One result in the grid; `name` is the key of its bytes in the store."""

    row: PastTask
    output: PastOutput
    name: str

    @property
    def is_picture(self) -> bool:
        return is_picture(self.output.media_type, self.output.filename)

    @property
    def ending(self) -> str:
        """What stands for a result without a picture: the ending of its name."""
        return "" if self.is_picture else self.output.filename.rpartition(".")[2].upper()


@dataclass(frozen=True, slots=True)
class AlbumRow:
    """One task with its results, its searchable words, and its place in the order."""

    row: PastTask
    cells: tuple[AlbumCell, ...]
    words: str
    at: tuple[float, PromptId]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlbumView:
    """The grid's frame: counts, the choices of each filter, and what is picked."""

    wish: AlbumWish
    found: int = 0
    total: int = 0
    is_reading: bool = False
    servers: tuple[tuple[ServerId, str], ...] = ()  # with their names
    titles: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    picked: tuple[str, ...] = ()  # of those found, in their order
    can_compare: bool = False  # two pictures are picked
    unshown: int = 0  # results of this window that came since a filter was set, and do not pass it
    stands_in: bool = False  # this window has no results of its own


@dataclass(frozen=True, slots=True)
class StripItem:
    """A result in the strip below the one that is shown large; `ending` stands for what has no picture."""

    name: str
    title: str
    tone: int
    ending: str


@dataclass(frozen=True, slots=True)
class Strip:
    """The listed results around the one that is shown large, which is at `place` of `total`."""

    items: tuple[StripItem, ...] = ()
    name: str = ""
    place: int = -1
    total: int = 0

    @property
    def has_previous(self) -> bool:
        return self.place > 0

    @property
    def has_next(self) -> bool:
        return 0 <= self.place < self.total - 1


NO_STRIP = Strip()
STRIP_SIDE = 12  # results in the strip before and after the shown one


@dataclass(frozen=True, slots=True)
class Facets:
    """The values that each filter offers."""

    servers: tuple[ServerId, ...] = ()
    titles: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rows:
    """All rows, the latest first, with all their results and the choices of each filter."""

    rows: tuple[AlbumRow, ...] = ()
    favourites: frozenset[str] = frozenset()
    is_reading: bool = False
    facets: Facets = field(default_factory=Facets)
    cells: tuple[AlbumCell, ...] = ()


def name_of(prompt_id: PromptId, index: int) -> str:
    """Return the key of a result's bytes in the store."""
    return f"{prompt_id}/{index}"


def parted(name: str) -> tuple[PromptId, int]:
    """Split the name of a result into task and index."""
    prompt_id, _, index = name.rpartition("/")
    return PromptId(prompt_id), int(index)


def album_row(row: PastTask) -> AlbumRow:
    """Prepare a task for the album."""
    cells = (AlbumCell(row, output, name_of(row.prompt_id, output.index)) for output in row.outputs)
    return AlbumRow(row, tuple(cells), words_of(row), (row.ended_at, row.prompt_id))


def merged(*parts: Mapping[PromptId, AlbumRow]) -> tuple[AlbumRow, ...]:
    """Merge the rows of several sources, the latest first; of a task in several, the first source's row."""
    found: dict[PromptId, AlbumRow] = {}
    for part in reversed(parts):
        found.update(part)
    return tuple(sorted(found.values(), key=attrgetter("at"), reverse=True))


def rows_of(rows: tuple[AlbumRow, ...], favourites: frozenset[str], *, is_reading: bool = False) -> Rows:
    """Collect cells and filter choices of these rows."""
    cells = tuple(chain.from_iterable(item.cells for item in rows))
    return Rows(rows, favourites, is_reading, facets_of(rows), cells)


def facets_of(rows: Iterable[AlbumRow]) -> Facets:
    """Return the choices of each filter, the most frequent first."""
    made = [item.row for item in rows if item.cells]
    return Facets(
        tuple(ServerId(item) for item in _by_count(row.server_id for row in made)),
        tuple(_by_count(row.title for row in made)),
        tuple(_by_count(row.project for row in made)),
    )


def _by_count(items: Iterable[str]) -> Sequence[str]:
    counts = Counter(items)
    counts.pop("", None)
    return sorted(counts, key=lambda item: (-counts[item], item))


def cells_of(rows: Rows, wish: AlbumWish, word: Callable[[str], str] = str) -> tuple[AlbumCell, ...]:
    """Return the results that pass the filters; those of one task in the task's order.

    A search finds a workflow's name as the page shows it too: `word` returns that.
    """
    if not wish.is_narrow:
        return rows.cells
    query = wish.query()
    return tuple(
        cell
        for item in rows.rows
        if item.cells and matches(item.row, query, f"{item.words}\n{word(item.row.title).casefold()}")
        for cell in item.cells
        if not wish.media or medium_of(cell.output.media_type, cell.output.filename) == wish.media
        if not wish.is_favourites or cell.name in rows.favourites
    )


def album_view(
    rows: Rows,
    cells: Sequence[AlbumCell],
    wish: AlbumWish,
    fleet: Fleet,
    *,
    stands_in: bool = False,
    fresh: Collection[PromptId] = frozenset(),
) -> AlbumView:
    """Return the frame; `fresh` are the tasks of this window that have ended since a filter was set."""
    passed = {cell.name for cell in cells} if fresh else set()

    picked = [cell for cell in cells if cell.name in wish.picked] if wish.picked else []
    pictures = [cell for cell in picked if cell.is_picture]
    return AlbumView(
        wish=wish,
        found=len(cells),
        total=len(rows.cells),
        is_reading=rows.is_reading,
        servers=tuple((item, server.name if (server := fleet.get(item)) else item) for item in rows.facets.servers),
        titles=rows.facets.titles,
        projects=rows.facets.projects,
        picked=tuple(cell.name for cell in picked),
        can_compare=len(pictures) > 1,
        unshown=sum(cell.row.prompt_id in fresh and cell.name not in passed for cell in rows.cells) if fresh else 0,
        stands_in=stands_in,
    )


def strip_of(cells: Sequence[AlbumCell], name: str, fleet: Fleet) -> Strip:
    """Return the results around the one with that name."""
    place = next((at for at, cell in enumerate(cells) if cell.name == name), -1)
    around = cells[max(0, place - STRIP_SIDE) : place + STRIP_SIDE + 1] if place >= 0 else ()
    items = tuple(
        StripItem(cell.name, cell.row.title, tag_of(fleet, cell.row.server_id).tone, cell.ending) for cell in around
    )
    return Strip(items, name, place, len(cells))


def toggled(wish: AlbumWish, name: str) -> AlbumWish:
    """Pick a result, or unpick it."""
    return replace(wish, picked=wish.picked ^ {name})
