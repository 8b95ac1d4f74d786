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
from app.core.eta import Outlook
from app.core.model import Output, PromptId, ServerId, Task, Unreadable
from app.core.naming import TEMPLATE
from app.core.progress import Progress
from app.session import Noticed, Orphan, OrphanRecord, Run
from app.ui.commands.palette import HelpDialog, HelpView
from app.ui.fleet.faults import BreakView, Fault
from app.ui.fleet.panel import FleetView
from app.ui.form.loaded import Loaded
from app.ui.form.mask import CameraDialog, CameraView, MaskDialog, MaskView
from app.ui.form.presets import PresetsDialog, PresetsView
from app.ui.form.state import Draft, FormView, NodesView, OptionList
from app.ui.graph.graphs import GraphMarks, GraphView
from app.ui.kit.colours import ServerTag
from app.ui.kit.deletions import Deletion
from app.ui.library.state import LibraryDialog, LibraryView
from app.ui.page.panels import PanelDialog
from app.ui.page.phone_tabs import TabsView
from app.ui.page.questions import CompareDialog, DeleteDialog, TaskDialog
from app.ui.page.releases import Newer
from app.ui.results.album import AlbumView, AlbumWish
from app.ui.results.folder import NO_FOLDER, FolderView
from app.ui.results.sheets import SheetDialog, SheetEntry, SheetView
from app.ui.results.storage import KeepingDialog, KeepingView
from app.ui.runs.edit import EditDialog, EditView
from app.ui.runs.many import ManyDialog, ManyDraft, ManyView
from app.ui.runs.offers import Offer
from app.ui.runs.server_picker import SOONEST, WhereView
from app.ui.runs.waiting import CancelDialog, CancelView, WaitingView
from app.ui.settings.account import Account, LogOutDialog, LogOutView
from app.ui.settings.settings import Settings
from app.ui.windows.panel import WindowsView
from app.workflows.graph import Key
from app.workflows.needs import Lacks

RESULTS_AT_FIRST = 20
NODES_AT_FIRST = 40
MOST_COUNT = 1000  # runs that one click may ask for

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
class RunnabilityGroup:
    """Servers that lack the same."""

    tags: tuple[ServerTag, ...]
    lacks: Lacks


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnabilityView:
    """Where the chosen workflow can run, and what the other servers lack for it.

    `unable` is the server that holds this window, if that is one of them. `labels` are those of inputs in the form.
    """

    workflow_id: str
    runs_on: tuple[ServerTag, ...] = ()
    groups: tuple[RunnabilityGroup, ...] = ()
    unknown: tuple[ServerTag, ...] = ()
    labels: tuple[tuple[Key, str], ...] = ()
    unable: ServerTag | None = None
    is_looking: bool = False


class Blocker(Enum):
    """Why Run is not possible now."""

    RESTORING = "restoring"
    LOGGED_OUT = "logged-out"
    OTHER_PERSON = "other-person"
    STORE = "store"
    UNREADABLE = "unreadable"
    NO_FLEET = "no-fleet"
    NO_SERVER = "no-server"
    NO_WORKFLOW = "no-workflow"
    NEEDS_DEMO = "needs-demo"
    MOORED_WITHOUT_DEMO = "moored-without-demo"
    UNABLE = "unable"  # no server has what it needs
    MOORED_UNABLE = "moored-unable"  # the server that holds this window has not
    OPENING = "opening"  # the rest of its form is being made
    CHECKING = "checking"
    NO_PICTURE = "no-picture"
    NO_FILE = "no-file"
    PICTURE_GONE = "picture-gone"  # the workflow names one that no server has
    FILE_GONE = "file-gone"
    BAD_VALUE = "bad-value"
    WHERE = "where"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """The Run bar: whether a click would do something, where it would go, and what Cancel would stop."""

    blocker: Blocker | None = Blocker.RESTORING
    tag: ServerTag | None = None
    cancels: PromptId | None = None
    count: int = 1
    where: WhereView = field(default_factory=WhereView)


@dataclass(frozen=True, slots=True)
class ResultView:
    """One output and where it can be shown from: `url` has its own bytes, `small` its thumbnail; empty is nowhere.

    `is_coming` while its bytes are fetched from its server once more, `error` is why they were not.
    """

    index: int
    output: Output
    url: str
    download_name: str
    small: str = ""
    is_coming: bool = False
    error: MooringError | None = None


@dataclass(frozen=True, slots=True)
class LinkView:
    """Another run of the same work; `is_shown` if its card is on the page."""

    prompt_id: PromptId
    at: float
    tag: ServerTag
    is_shown: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CardView:
    """One task with everything shown of it. `node_title` is the running node's.

    `still_minutes` is set while it is stalled; `is_first_offer` on the one card whose offers are open from the start.
    """

    task: Task
    tag: ServerTag
    progress: Progress | None = None
    node_title: str = ""
    outlook: Outlook = field(default_factory=Outlook)
    preview_url: str = ""
    results: tuple[ResultView, ...] = ()
    still_minutes: int | None = None
    offers: tuple[Offer, ...] = ()
    is_first_offer: bool = False
    again_of: LinkView | None = None
    repeats: tuple[LinkView, ...] = ()


@dataclass(frozen=True, slots=True)
class RunCard:
    """One click on Run before its task shows."""

    run: Run
    tag: ServerTag | None


@dataclass(frozen=True, slots=True)
class NowView:
    """What is under way."""

    runs: tuple[RunCard, ...] = ()
    cards: tuple[CardView, ...] = ()
    is_ready: bool = False
    is_unreadable: bool = False
    is_many: bool = False  # more than one piece of work of this window's own, to be stopped together
    has_line: bool = False  # what waits in this window is told below, with what stops all of it
    is_brief: bool = False  # there is something else to see: no words about how to begin
    blocker: Blocker | None = Blocker.RESTORING  # of a run: where nothing is under way, the way to the next is shown


@dataclass(frozen=True, slots=True)
class OrphanView:
    """One orphan with its server and its picture; without one, `picture_url` is empty."""

    orphan: Orphan
    tag: ServerTag
    picture_url: str = ""


@dataclass(frozen=True, slots=True)
class LeftView:
    """What closed windows have left: to be adopted, or only to be given up. Whether it is looked for now."""

    orphans: tuple[OrphanView, ...] = ()
    records: tuple[OrphanRecord, ...] = ()
    is_searching: bool = False


@dataclass(frozen=True, slots=True)
class ResultsView:
    """What has ended, newest first; `more` are left out until asked for."""

    cards: tuple[CardView, ...] = ()
    more: int = 0
    kept_size: int | None = None  # bytes of results and thumbnails in this browser
    album: AlbumView | None = None  # instead of the cards, while it is open
    project: str = ""
    is_private: bool = False
    folder: FolderView = NO_FOLDER


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
    left: LeftView
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
