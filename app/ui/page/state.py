"""What the page is made from: one frozen slice per region, and the views of all features together.

A slice holds everything its view needs and nothing else, so that two equal slices mean the same markup and a region is
rendered only when its slice has changed.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.core.model import Unreadable
from app.ui.commands.palette import HelpView
from app.ui.fleet.faults import BreakView
from app.ui.fleet.panel import FleetDialog, FleetView
from app.ui.form.mask import CameraView, MaskView
from app.ui.form.models import MarkedModel
from app.ui.form.presets import PresetsView
from app.ui.form.state import FormView, NodesView, OptionList
from app.ui.graph.graphs import GraphDialog, GraphMarks, GraphView
from app.ui.header.state import HeaderView, TabsView
from app.ui.kit.colours import ServerTag
from app.ui.library.state import LibraryView
from app.ui.links.sharing import ShareView
from app.ui.notices.releases import Newer
from app.ui.notices.state import Notice
from app.ui.results.album import NO_STRIP, Strip
from app.ui.results.sheets import SheetEntry, SheetView
from app.ui.results.state import (
    CompareDialog,
    DeleteDialog,
    InputDialog,
    PictureDialog,
    ResultsView,
    SavingView,
)
from app.ui.results.storage import KeepingView
from app.ui.runs.downloads import DownloadDialog
from app.ui.runs.edit import EditView
from app.ui.runs.files import FilesView
from app.ui.runs.many import ManyView
from app.ui.runs.state import (
    Blocker,
    CardView,
    CreditsDialog,
    GiveUpDialog,
    NowView,
    RunAgainDialog,
    RunnabilityView,
    RunView,
    SameServerDialog,
)
from app.ui.runs.waiting import CancelView, WaitingView
from app.ui.settings.account import LogOutView
from app.ui.tray.state import TrayView
from app.ui.windows.orphans import OrphansView
from app.ui.windows.panel import WindowsDialog, WindowsView
from app.ui.words.state import Completion

TaskDialog = GiveUpDialog | RunAgainDialog | SameServerDialog | PictureDialog | GraphDialog


PanelDialog = FleetDialog | WindowsDialog


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known besides the session: a newer version of the page, and whether the browser is online."""

    newer: Newer | None = None
    is_online: bool = True
    is_private: bool = False


@dataclass(frozen=True, slots=True)
class DialogView:
    """The open dialog with its subject; empty if there is none."""

    dialog: (
        TaskDialog
        | CreditsDialog
        | DownloadDialog
        | KeepingView
        | LibraryView
        | GraphView
        | MaskView
        | CameraView
        | PresetsView
        | ShareView
        | ManyView
        | SheetView
        | EditView
        | CancelView
        | DeleteDialog
        | FilesView
        | CompareDialog
        | InputDialog
        | SavingView
        | FleetView
        | WindowsView
        | HelpView
        | LogOutView
        | None
    ) = None
    card: CardView | None = None
    record: Unreadable | None = None
    present_address: str = ""  # where the fleet has the card's server now
    tag: ServerTag | None = None  # of the open graph's task
    blocker: Blocker | None = None  # why nothing can run now, for the dialog that plans runs
    strip: Strip = NO_STRIP  # the results around the one that is shown large


@dataclass(frozen=True, slots=True, kw_only=True)
class PageView:
    """The whole page as values."""

    header: HeaderView
    notices: tuple[Notice, ...]
    errors: tuple[Notice, ...]  # of actions, each until it is dismissed
    form: FormView
    tray: TrayView
    standing: RunnabilityView | None
    nodes: NodesView
    lists: tuple[OptionList, ...]
    marked: MarkedModel
    words: Completion
    run: RunView
    now: NowView
    waiting: WaitingView
    sheets: tuple[SheetEntry, ...]
    left: OrphansView
    results: ResultsView
    breaking: BreakView
    dialog: DialogView
    marks: GraphMarks | None = None  # of the open graph: set on its drawing, so no region
    cards: tuple[CardView, ...] = ()  # of all tasks, newest first: their changes are announced

    @property
    def tabs(self) -> TabsView:
        """What a phone's tabs show of its parts."""
        is_left = self.left.sign is not None and self.left.is_new
        return TabsView(self.now.busy + self.now.waits, has_left=is_left, ended=self.results.ended)
