"""What the page shows of results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum

from app.core.model import BatchId, PromptId, Task
from app.core.naming import TEMPLATE
from app.ui.kit.file_names import Naming
from app.ui.kit.state import Dialog, Slice, UiState
from app.ui.results.album import AlbumView, AlbumWish
from app.ui.results.differences import Difference
from app.ui.results.sheets import SheetDialog
from app.ui.runs.state import CardView, Marks

RESULTS_AT_FIRST = 20


class FolderState(Enum):
    """Whether the folder can be used."""

    ABSENT = "absent"  # this browser cannot, or not at this address
    NONE = "none"
    ASKING = "asking"  # chosen, but not allowed since the page was loaded
    READY = "ready"


@dataclass(frozen=True, slots=True)
class FolderView:
    """The folder as the page shows it."""

    state: FolderState = FolderState.ABSENT
    name: str = ""
    waiting: int = 0  # results that are not saved yet


NO_FOLDER = FolderView()


@dataclass(frozen=True, slots=True)
class ResultsView:
    """Finished tasks, the newest first; `more` are left out until the user asks for them."""

    cards: tuple[CardView, ...] = ()  # those that are rows stand above those that are pictures
    more: int = 0
    kept_size: int | None = None  # bytes of results and thumbnails in this browser
    album: AlbumView | None = None  # instead of the cards, while it is open
    project: str = ""
    is_private: bool = False
    folder: FolderView = NO_FOLDER
    ended: int = 0  # runs of this window that have ended, whichever list is shown
    has_replaced: bool = False  # the album stood here until the first of these ended

    @property
    def rows(self) -> tuple[CardView, ...]:
        return tuple(card for card in self.cards if card.is_row)

    @property
    def tiles(self) -> tuple[CardView, ...]:
        return tuple(card for card in self.cards if not card.is_row)


@dataclass(frozen=True, slots=True)
class SavingView:
    """How results are saved as files: the template for their names, and the folder."""

    names: str = TEMPLATE
    folder: FolderView = NO_FOLDER


@dataclass(frozen=True, slots=True)
class SavingDialog(Dialog):
    """How results are saved as files."""

    returns_to: Dialog | None = None


@dataclass(frozen=True, slots=True)
class InputDialog(Dialog):
    """The question which workflow takes a result: the ids and titles of those that do."""

    prompt_id: PromptId
    index: int
    workflows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class PictureDialog(Dialog):
    """One result, large."""

    prompt_id: PromptId
    index: int
    sheet: BatchId | None = None  # that it was opened from
    task: Task | None = None  # the whole record, if no window holds it
    was_compared: bool = False  # the comparison has just returned to it

    @property
    def returns_to(self) -> SheetDialog | None:
        return SheetDialog(self.sheet) if self.sheet else None

    @property
    def is_returned_to(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class DeleteDialog(Dialog):
    """The question before results are deleted, with the number of their runs and of all results of those."""

    names: tuple[str, ...]
    runs: int = 0
    results: int = 0
    returns_to: Dialog | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """One of two compared results: the name of its bytes, and what is shown about it."""

    name: str
    title: str
    server: str
    at: float
    seed: str = ""


@dataclass(frozen=True, slots=True)
class CompareDialog(Dialog):
    """Two results, one over the other with a line between them to drag, or side by side."""

    one: Compared
    other: Compared
    is_slider: bool = True
    differences: tuple[Difference, ...] | None = None  # of their inputs; None if a record cannot be read
    returns_to: Dialog | None = None

    def close(self, ui: UiState, /) -> UiState:
        """Return to the results, where neither is picked any more: a press on *Delete* would mean both."""
        closed = replace(ui, dialog=self.returns_to)
        if self.returns_to is not None:
            return closed
        results = ui.of(ResultsState)
        return closed.with_slices(replace(results, album=replace(results.album, picked=frozenset())))


@dataclass(frozen=True, slots=True)
class LastDownload:
    """The download that was started last: its file, and how many results that has. `number` differs each time."""

    name: str = ""
    count: int = 0
    number: int = 0


@dataclass(frozen=True, slots=True)
class ResultsState(Slice):
    """How results are shown, named and saved."""

    results_shown: int = RESULTS_AT_FIRST
    project: str = ""  # of this window
    names: str = TEMPLATE  # of saved files (`core/naming.py`), for all windows
    folder: FolderView = NO_FOLDER  # where each result is saved
    album: AlbumWish = field(default_factory=AlbumWish)  # everything that was made in this browser
    favourites: frozenset[str] = frozenset()  # the names of results
    saved: LastDownload = LastDownload()

    def with_saved(self, name: str, count: int = 1) -> ResultsState:
        """Return the state after a download has started."""
        return replace(self, saved=LastDownload(name, count, self.saved.number + 1))

    def marks(self, word: Callable[[str], str]) -> Marks:
        """What cards show of it."""
        return Marks(self.naming(word), self.favourites)

    def naming(self, word: Callable[[str], str]) -> Naming:
        """How files of results are named."""
        return Naming(self.names, word)
