"""The page as values, as tests read it: projected from plain values, its parts by name, and the markup of a region."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.ui.fleet.faults import BreakView
from app.ui.form.context import OpenWorkflows
from app.ui.form.models import MarkedModel
from app.ui.form.open_workflow import OpenWorkflow
from app.ui.form.picker import LibraryEntries
from app.ui.form.state import FormView, NodesView, OptionList, OptionLists
from app.ui.graph.feature import GraphDrawings, OpenGraph
from app.ui.graph.graphs import GraphMarks, Graphs
from app.ui.header.state import HeaderView, TabsView
from app.ui.kit.feature import OpenDialog
from app.ui.kit.i18n import Translator
from app.ui.kit.projection import PageView, Surroundings
from app.ui.kit.session_facts import Pictures, SessionFacts
from app.ui.kit.state import Dialog, UiState
from app.ui.library.listing import NO_SHELVES, stock_of
from app.ui.notices.releases import Newer, Release
from app.ui.notices.state import Messages, Notice, Notices
from app.ui.page import projection, regions
from app.ui.page.projection import DIALOGS
from app.ui.page.regions import REGIONS
from app.ui.results.album import NO_STRIP, AlbumView, Strip
from app.ui.results.feature import AlbumNow
from app.ui.results.sheets import SheetEntry, SheetList
from app.ui.results.state import ResultsView
from app.ui.runs.feature import StandingShown
from app.ui.runs.now import Cards
from app.ui.runs.state import BatchNow, BatchView, CardView, NowView, RunnabilityView, RunView
from app.ui.runs.waiting import WaitingView
from app.ui.tray.feature import TrayPictures
from app.ui.tray.state import TrayView
from app.ui.windows.orphans import OrphansView
from app.ui.windows.panel import NOTHING_READ, PanelFacts
from app.ui.words.state import Completion
from tests.kit.page.stills import ENGLISH


class Seen:
    """A projected page, its parts by name."""

    def __init__(self, view: PageView) -> None:
        self.view = view

    def __eq__(self, other: object) -> bool:
        """Whether both show the same."""
        kinds = [item.kind for item in REGIONS.values()]
        return isinstance(other, Seen) and all(self.view.of(kind) == other.view.of(kind) for kind in kinds)

    __hash__ = None  # type: ignore[assignment]

    def with_part(self, part: object) -> Seen:
        """Return the page with this part replaced."""
        return Seen(self.view.with_parts(part))

    @property
    def header(self) -> HeaderView:
        return self.view.of(HeaderView)

    @property
    def tabs(self) -> TabsView:
        return self.view.of(TabsView)

    @property
    def notices(self) -> tuple[Notice, ...]:
        return self.view.of(Notices).items

    @property
    def errors(self) -> tuple[Notice, ...]:
        return self.view.of(Messages).items

    @property
    def form(self) -> FormView:
        return self.view.of(FormView)

    @property
    def nodes(self) -> NodesView:
        return self.view.of(NodesView)

    @property
    def lists(self) -> tuple[OptionList, ...]:
        return self.view.of(OptionLists).lists

    @property
    def marked(self) -> MarkedModel:
        return self.view.of(MarkedModel)

    @property
    def words(self) -> Completion:
        return self.view.of(Completion)

    @property
    def tray(self) -> TrayView:
        return self.view.of(TrayView)

    @property
    def standing(self) -> RunnabilityView | None:
        return self.view.of(StandingShown).view

    @property
    def run(self) -> RunView:
        return self.view.of(RunView)

    @property
    def now(self) -> NowView:
        return self.view.of(NowView)

    @property
    def waiting(self) -> WaitingView:
        return self.view.of(WaitingView)

    @property
    def cards(self) -> tuple[CardView, ...]:
        return self.view.of(Cards).items

    @property
    def sheets(self) -> tuple[SheetEntry, ...]:
        return self.view.of(SheetList).entries

    @property
    def results(self) -> ResultsView:
        return self.view.of(ResultsView)

    @property
    def left(self) -> OrphansView:
        return self.view.of(OrphansView)

    @property
    def breaking(self) -> BreakView:
        return self.view.of(BreakView)

    @property
    def marks(self) -> GraphMarks | None:
        return self.view.of(OpenGraph).marks

    @property
    def dialog(self) -> Any:
        """What the open dialog shows, None if there is none."""
        return self.view.of(OpenDialog).view


def project(
    session: SessionFacts,
    ui: UiState,
    *,
    workflows: tuple[OpenWorkflow, ...],
    pictures: Pictures,
    language: str = "en",
    drawings: Graphs | None = None,
    surroundings: Surroundings | None = None,
    newer: Newer | None = None,
    word: Callable[[str], str] = str,
    stock: LibraryEntries | None = None,
    album: AlbumView | None = None,
    has_replaced: bool = False,
    batch: BatchView | None = None,
    panels: PanelFacts = NOTHING_READ,
    strip: Strip = NO_STRIP,
    shared: Callable[[str], str] = lambda _name: "",
) -> Seen:
    """Return the page as it is drawn with these values."""
    return Seen(
        projection.project(
            session,
            ui.with_slices(OpenWorkflows(workflows)),
            pictures,
            stock or stock_of(workflows, NO_SHELVES, session.fleet),
            BatchNow(batch),
            AlbumNow(album, has_replaced, strip),
            GraphDrawings(drawings),
            TrayPictures(shared),
            panels,
            surroundings or Surroundings(),
            Release(newer),
            language=language,
            word=word,
        )
    )


def markup(page: Seen, region: str, _: Translator = ENGLISH) -> str:
    """Return the markup of a region."""
    item = REGIONS[region]
    return str(item.draw(page.view.of(item.kind), _))


def changed_regions(before: Seen | None, after: Seen, _: Translator) -> dict[str, str]:
    """Return the markup of what has changed."""
    return regions.changed_regions(before.view if before is not None else None, after.view, _)


def dialog_markup(kind: type[Dialog], shown: object, _: Translator = ENGLISH) -> str:
    """Return the markup of a dialog of a kind that shows these values."""
    return str(DIALOGS[kind].draw(shown, _))
