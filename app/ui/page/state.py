"""What the page is made from: the person's own part (`UiState`) and one frozen slice per region.

A slice holds everything its view needs and nothing else, so that two equal slices mean the same markup and a region is
rendered only when its slice has changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from app.core.balancer import Leaning
from app.core.errors import MooringError
from app.core.model import ServerId, Task, Unreadable
from app.core.naming import TEMPLATE
from app.session import Noticed
from app.ui.commands.palette import HelpDialog, HelpView
from app.ui.fleet.faults import BreakView, Fault
from app.ui.fleet.panel import FleetDialog, FleetView
from app.ui.form.mask import CameraDialog, CameraView, MaskDialog, MaskView
from app.ui.form.presets import PresetsDialog, PresetsView
from app.ui.form.state import NODES_AT_FIRST, Draft, FormView, Loaded, NodesView, OptionList
from app.ui.graph.graphs import GraphDialog, GraphMarks, GraphView
from app.ui.kit.colours import ServerTag
from app.ui.kit.deletions import Deletion
from app.ui.library.state import LibraryDialog, LibraryView
from app.ui.page.releases import Newer
from app.ui.results.album import AlbumWish
from app.ui.results.sheets import SheetDialog, SheetEntry, SheetView
from app.ui.results.state import (
    NO_FOLDER,
    RESULTS_AT_FIRST,
    CompareDialog,
    DeleteDialog,
    FolderView,
    PictureDialog,
    ResultsView,
)
from app.ui.results.storage import KeepingDialog, KeepingView
from app.ui.runs.edit import EditDialog, EditView
from app.ui.runs.many import ManyDialog, ManyDraft, ManyView
from app.ui.runs.server_picker import SOONEST
from app.ui.runs.state import (
    Blocker,
    CardView,
    GiveUpDialog,
    NowView,
    RunAgainDialog,
    RunnabilityView,
    RunView,
    SameServerDialog,
)
from app.ui.runs.waiting import CancelDialog, CancelView, WaitingView
from app.ui.settings.account import Account, LogOutDialog, LogOutView
from app.ui.settings.settings import Settings
from app.ui.windows.orphans import OrphansView
from app.ui.windows.panel import WindowsDialog, WindowsView

TaskDialog = GiveUpDialog | RunAgainDialog | SameServerDialog | PictureDialog | GraphDialog


PanelDialog = FleetDialog | WindowsDialog


@dataclass(frozen=True, slots=True)
class TabsView:
    """What the tabs tell: how much is under way, whether something there waits for the person, how much has ended."""

    busy: int = 0
    has_left: bool = False
    ended: int = 0


OpenDialog = (
    LibraryDialog
    | TaskDialog
    | KeepingDialog
    | MaskDialog
    | CameraDialog
    | PresetsDialog
    | ManyDialog
    | SheetDialog
    | EditDialog
    | CancelDialog
    | DeleteDialog
    | CompareDialog
    | PanelDialog
    | HelpDialog
    | LogOutDialog
)


@dataclass(frozen=True, slots=True)
class UiState:
    """The person's own part: what is chosen, typed, opened and dismissed in this window."""

    account: Account = field(default_factory=Account)  # whose page this is
    workflow_id: str = ""
    drafts: Mapping[str, Draft] = field(default_factory=dict)
    dialog: OpenDialog | None = None
    unsaved: Mapping[tuple[type, str], OpenDialog] = field(default_factory=dict)  # left dialogs (`unsaved.py`)
    settings: Settings = field(default_factory=Settings)  # of all windows of this browser
    errors: tuple[tuple[int, MooringError], ...] = ()  # of actions, until dismissed; numbered
    dismissed: frozenset[str] = frozenset()  # `key` of notices
    deletions: tuple[Deletion, ...] = ()  # those that can be undone or are under way; latest last
    hidden: frozenset[str] = frozenset()  # ids of the items of these deletions
    known: Loaded = field(default_factory=Loaded)  # what was read for the form
    run_count: int = 1  # how many runs one click asks for
    where: str = SOONEST  # where the next run goes (`server_picker.py`)
    leanings: Mapping[ServerId, Leaning] = field(default_factory=dict)  # what this window holds of servers
    many: ManyDraft = field(default_factory=ManyDraft)  # in the dialog about many runs
    query: str = ""  # in the chosen workflow's form
    nodes_shown: int = NODES_AT_FIRST
    is_arranging: bool = False  # the chosen workflow's form
    results_shown: int = RESULTS_AT_FIRST
    project: str = ""  # what the work of this window is called
    names: str = TEMPLATE  # of saved files (`core/naming.py`), for all windows
    folder: FolderView = NO_FOLDER  # where each result is saved
    album: AlbumWish = field(default_factory=AlbumWish)  # everything that was made in this browser
    is_searching: bool = False  # for what closed windows have left behind
    is_scripting: bool = False  # a script of the person's own runs
    break_server: ServerId | None = None  # chosen under *Break it*
    breaking: frozenset[tuple[ServerId, Fault]] = frozenset()  # asked for there, and not done yet
    break_done: tuple[ServerId, Fault] | None = None  # the last that was done there

    @property
    def draft(self) -> Draft:
        """The draft of the chosen workflow."""
        return self.drafts.get(self.workflow_id, Draft())

    def with_draft(self, draft: Draft, workflow_id: str | None = None) -> UiState:
        """The state with one workflow's draft replaced; the chosen one's if none is named."""
        return replace(self, drafts={**self.drafts, workflow_id or self.workflow_id: draft})

    def with_error(self, error: MooringError) -> UiState:
        """The state with one more error to show. One that says the same takes the place of the older; no other goes."""
        number = self.errors[-1][0] + 1 if self.errors else 1
        others = tuple(item for item in self.errors if str(item[1]) != str(error))
        return replace(self, errors=(*others, (number, error)))


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known around the session: a newer version of the page, and whether the browser sees a network."""

    newer: Newer | None = None
    is_online: bool = True
    is_private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderView:
    """The bar on top: which server holds the window, with how much work."""

    is_restoring: bool = True
    is_unreadable: bool = False
    is_unsure: bool = False  # a stored task cannot be read, so nobody knows which server holds the window
    tag: ServerTag | None = None
    others: tuple[ServerTag, ...] = ()  # the servers that the tab's crew is moored to beside that one
    running: int = 0
    waiting: int = 0
    silent: int = 0  # without a clear answer of its server: how far it is, is not known
    ill: int = 0  # servers that are not well
    is_private: bool = False  # what this window makes goes with its page
    is_scripting: bool = False


class NoticeKind(Enum):
    """What a notice is about."""

    STORE = "store"
    FLEET = "fleet"
    NO_SERVER = "no-server"
    NONE_WELL = "none-well"
    DUPLICATE = "duplicate"
    CHANGED = "changed"  # a server is not as it was
    QUARANTINE = "quarantine"
    UNREADABLE = "unreadable"
    NEWER = "newer"
    OFFLINE = "offline"
    LOGGED_OUT = "logged-out"
    OTHER_PERSON = "other-person"
    ERROR = "error"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that the person should know, above everything else."""

    kind: NoticeKind
    number: int = 0
    error: MooringError | None = None
    tasks: tuple[Task, ...] = ()
    record: Unreadable | None = None
    newer: Newer | None = None
    is_busy: bool = False  # work of this window is under way: nothing is asked of the person now
    tag: ServerTag | None = None
    noticed: Noticed | None = None
    deletion: Deletion | None = None

    @property
    def key(self) -> str:
        """What a dismissal is about: the kind, or what was noticed of one server once."""
        if self.noticed is None or self.tag is None:
            return self.kind.value
        return f"{self.kind.value} {self.tag.server_id} {self.noticed.at}"


@dataclass(frozen=True, slots=True)
class DialogView:
    """The open dialog with what it is about; None if there is none."""

    dialog: (
        TaskDialog
        | KeepingView
        | LibraryView
        | GraphView
        | MaskView
        | CameraView
        | PresetsView
        | ManyView
        | SheetView
        | EditView
        | CancelView
        | DeleteDialog
        | CompareDialog
        | FleetView
        | WindowsView
        | HelpView
        | LogOutView
        | None
    ) = None
    card: CardView | None = None
    record: Unreadable | None = None
    present_address: str = ""  # where the fleet has the card's server now
    tag: ServerTag | None = None  # of an open graph's task
    blocker: Blocker | None = None  # why nothing can be run now, where runs are planned


@dataclass(frozen=True, slots=True, kw_only=True)
class PageView:
    """The whole page as values."""

    header: HeaderView
    notices: tuple[Notice, ...]
    errors: tuple[Notice, ...]  # of actions: above everything, each until it is dismissed
    form: FormView
    standing: RunnabilityView | None
    nodes: NodesView
    lists: tuple[OptionList, ...]
    run: RunView
    now: NowView
    waiting: WaitingView
    sheets: tuple[SheetEntry, ...]
    left: OrphansView
    results: ResultsView
    breaking: BreakView
    dialog: DialogView
    marks: GraphMarks | None = None  # of the open graph: no region, they are set on what is drawn

    @property
    def tabs(self) -> TabsView:
        """What a phone's tabs tell of its parts."""
        is_left = bool(self.left.orphans or self.left.records)
        ended = len(self.results.cards) + self.results.more
        return TabsView(len(self.now.runs) + len(self.now.cards), has_left=is_left, ended=ended)
