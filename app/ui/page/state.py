"""What the page is made from: one frozen slice per region, and the views of all features together.

A slice holds everything its view needs and nothing else, so that two equal slices mean the same markup and a region is
rendered only when its slice has changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from app.core.errors import MooringError
from app.core.model import Task, Unreadable
from app.session import Noticed
from app.ui.commands.palette import HelpView
from app.ui.fleet.faults import BreakView
from app.ui.fleet.panel import FleetDialog, FleetView
from app.ui.form.mask import CameraView, MaskView
from app.ui.form.models import MarkedModel
from app.ui.form.presets import PresetsView
from app.ui.form.state import FormView, NodesView, OptionList
from app.ui.graph.graphs import GraphDialog, GraphMarks, GraphView
from app.ui.kit.colours import ServerTag
from app.ui.kit.deletions import Deletion
from app.ui.kit.state import Slice
from app.ui.library.state import LibraryView
from app.ui.links.sharing import ShareView
from app.ui.page.releases import Newer
from app.ui.results.album import NO_STRIP, Strip
from app.ui.results.sheets import SheetEntry, SheetView
from app.ui.results.state import (
    CompareDialog,
    DeleteDialog,
    InputDialog,
    PictureDialog,
    ResultsView,
    Saved,
    SavingView,
)
from app.ui.results.storage import KeepingView
from app.ui.runs.downloads import DownloadDialog
from app.ui.runs.edit import EditView
from app.ui.runs.files import FilesView
from app.ui.runs.many import ManyView
from app.ui.runs.server_picker import WhereServer
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
from app.ui.runs.stopping import StopOutcome
from app.ui.runs.waiting import CancelView, WaitingView
from app.ui.settings.account import LogOutView
from app.ui.tray.state import TrayView
from app.ui.windows.orphans import Adopted, OrphansView
from app.ui.windows.panel import WindowsDialog, WindowsView
from app.ui.words.state import Completion

TaskDialog = GiveUpDialog | RunAgainDialog | SameServerDialog | PictureDialog | GraphDialog


PanelDialog = FleetDialog | WindowsDialog


@dataclass(frozen=True, slots=True)
class TabsView:
    """What the tabs show: how much is under way or has ended, and whether something needs the user's attention."""

    busy: int = 0
    has_left: bool = False
    ended: int = 0


@dataclass(frozen=True, slots=True)
class NoticesState(Slice):
    dismissed: frozenset[str] = frozenset()  # `key` of notices
    undeleted: int = 0  # deletions that a reload has undone


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known besides the session: a newer version of the page, and whether the browser is online."""

    newer: Newer | None = None
    is_online: bool = True
    is_private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderView:
    """The header: which server holds the window, with how much work."""

    is_restoring: bool = True
    is_unreadable: bool = False
    is_unsure: bool = False  # a stored task cannot be read, so the server that holds the window is unknown
    tag: ServerTag | None = None
    others: tuple[ServerTag, ...] = ()  # the other servers that this tab's sessions are moored to
    running: int = 0
    waiting: int = 0
    silent: int = 0  # tasks whose progress is unknown, for lack of a clear answer
    ill: int = 0  # servers that are not well
    is_demo: bool = False  # all servers are demo servers
    is_private: bool = False  # its work is deleted with its page
    is_scripting: bool = False
    chosen: WhereServer | None = None  # for the next run, while no server holds the window
    is_patient: bool = False  # the next run waits for a server that has nothing to do

    @property
    def tags(self) -> list[ServerTag]:
        """The servers that work for this window, its own first."""
        return [*([self.tag] if self.tag is not None else []), *self.others]

    @property
    def is_idle(self) -> bool:
        """Whether nothing of this window is under way, as far as known."""
        return not (self.tags or self.is_restoring or self.is_unreadable or self.is_unsure)

    @property
    def server_ids(self) -> str:
        """Their ids in one text."""
        return " ".join(tag.server_id for tag in self.tags)


class NoticeKind(Enum):
    STORE = "store"
    FLEET = "fleet"
    NO_SERVER = "no-server"
    NONE_WELL = "none-well"
    DUPLICATE = "duplicate"
    CHANGED = "changed"  # a server seems to be another one
    QUARANTINE = "quarantine"
    UNREADABLE = "unreadable"
    NEWER = "newer"
    OFFLINE = "offline"
    LOGGED_OUT = "logged-out"
    OTHER_PERSON = "other-person"
    ERROR = "error"
    DELETED = "deleted"
    UNSENT = "unsent"  # a press of Run from before a reload
    UNDELETED = "undeleted"  # deletions from before a reload
    STOPPED = "stopped"  # what the user has asked to stop
    SEARCHED = "searched"  # work of closed windows
    SAVED = "saved"  # a download that has begun


_DISMISSIBLE = {
    NoticeKind.ERROR,
    NoticeKind.NONE_WELL,
    NoticeKind.NEWER,
    NoticeKind.UNSENT,
    NoticeKind.UNDELETED,
    NoticeKind.STOPPED,
}


@dataclass(frozen=True, slots=True)
class Notice:
    """A message above everything else."""

    kind: NoticeKind
    number: int = 0
    error: MooringError | None = None
    tasks: tuple[Task, ...] = ()
    record: Unreadable | None = None
    newer: Newer | None = None
    is_busy: bool = False  # work of this window is under way: do not interrupt the user; or a server is stopping it
    tag: ServerTag | None = None
    noticed: Noticed | None = None
    deletion: Deletion | None = None
    stopped: StopOutcome | None = None
    found: int | None = None  # runs of closed windows; None while they are searched for
    adopted: Adopted | None = None
    saved: Saved | None = None

    @property
    def is_brief(self) -> bool:
        """Whether it repeats what the user has just asked for."""
        return self.kind in {NoticeKind.STOPPED, NoticeKind.SEARCHED, NoticeKind.SAVED}

    @property
    def key(self) -> str:
        """The key of its dismissal: its kind, or the event at one server."""
        if self.kind is NoticeKind.NEWER and self.is_busy:
            return f"{self.kind.value} later"  # it comes back when the work is done
        if self.is_brief:
            return f"{self.kind.value} {self.number}"
        if self.noticed is None or self.tag is None:
            return self.kind.value
        return f"{self.kind.value} {self.tag.server_id} {self.noticed.at}"

    @property
    def leaves(self) -> bool:
        """Whether it only informs, and leaves by itself."""
        is_over = self.is_brief and not (self.kind is NoticeKind.STOPPED and self.is_busy)
        return self.kind in {NoticeKind.DUPLICATE, NoticeKind.CHANGED} or is_over

    @property
    def can_be_dismissed(self) -> bool:
        return self.leaves or self.kind in _DISMISSIBLE

    @property
    def wants_reload(self) -> bool:
        """Whether the user should reload the page."""
        if self.kind is NoticeKind.NEWER:
            return self.newer is not Newer.STORED and not self.is_busy
        return self.kind in {NoticeKind.STORE, NoticeKind.OTHER_PERSON}


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
