"""What the page is made from: the person's own part (`UiState`) and one frozen slice per region.

A slice holds everything its view needs and nothing else, so that two equal slices mean the same markup and a region is
rendered only when its slice has changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from app.core.errors import MooringError
from app.core.model import Fleet, Output, PromptId, Server, ServerId, Task, Unreadable
from app.core.progress import Progress
from app.session import Noticed, Orphan, OrphanRecord, Run
from app.ui.form_state import Draft, FormView, NodesView, OptionList
from app.ui.graphs import GraphMarks, GraphView
from app.ui.keeping import KeepingDialog, KeepingView
from app.ui.mishaps import Mishap
from app.ui.offers import Offer
from app.ui.questions import TaskDialog
from app.ui.releases import Newer
from app.ui.waiting import WaitingView

TONES = 8  # colours of `static/css/tones.css`, by a server's place in the fleet
RESULTS_AT_FIRST = 20
NODES_AT_FIRST = 40
MOST_COUNT = 1000  # runs that one click may ask for


@dataclass(frozen=True, slots=True)
class UiState:
    """The person's own part: what is chosen, typed, opened and dismissed in this window."""

    workflow_id: str = ""
    drafts: Mapping[str, Draft] = field(default_factory=dict)
    dialog: TaskDialog | KeepingDialog | None = None
    errors: tuple[tuple[int, MooringError], ...] = ()  # of actions, until dismissed; numbered
    dismissed: frozenset[str] = frozenset()  # `key` of notices
    run_count: int = 1  # how many runs one click asks for
    query: str = ""  # in the chosen workflow's form
    nodes_shown: int = NODES_AT_FIRST
    is_arranging: bool = False  # the chosen workflow's form
    results_shown: int = RESULTS_AT_FIRST
    is_searching: bool = False  # for what closed windows have left behind
    break_server: ServerId | None = None  # chosen under *Break it*
    breaking: frozenset[tuple[ServerId, Mishap]] = frozenset()  # asked for there, and not done yet
    break_done: tuple[ServerId, Mishap] | None = None  # the last that was done there

    @property
    def draft(self) -> Draft:
        """The draft of the chosen workflow."""
        return self.drafts.get(self.workflow_id, Draft())

    def with_draft(self, draft: Draft, workflow_id: str | None = None) -> UiState:
        """The state with one workflow's draft replaced; the chosen one's if none is named."""
        return replace(self, drafts={**self.drafts, workflow_id or self.workflow_id: draft})

    def with_error(self, error: MooringError) -> UiState:
        """The state with one more error to show."""
        number = self.errors[-1][0] + 1 if self.errors else 1
        return replace(self, errors=(*self.errors[-2:], (number, error)))


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known around the session: a newer version of the page, and whether the browser sees a network."""

    newer: Newer | None = None
    is_online: bool = True


@dataclass(frozen=True, slots=True)
class ServerTag:
    """A server as named on the page: its own name, and its colour."""

    server_id: ServerId
    name: str
    tone: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderView:
    """The bar on top: which server holds the window, with how much work."""

    language: str
    is_restoring: bool = True
    is_unreadable: bool = False
    is_unsure: bool = False  # a stored task cannot be read, so nobody knows which server holds the window
    tag: ServerTag | None = None
    running: int = 0
    waiting: int = 0


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
    ERROR = "error"


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

    @property
    def key(self) -> str:
        """What a dismissal is about: the kind, or what was noticed of one server once."""
        if self.noticed is None or self.tag is None:
            return self.kind.value
        return f"{self.kind.value} {self.tag.server_id} {self.noticed.at}"


class Blocker(Enum):
    """Why Run is not possible now."""

    RESTORING = "restoring"
    STORE = "store"
    UNREADABLE = "unreadable"
    NO_FLEET = "no-fleet"
    NO_SERVER = "no-server"
    NO_WORKFLOW = "no-workflow"
    NEEDS_DEMO = "needs-demo"
    MOORED_WITHOUT_DEMO = "moored-without-demo"
    CHECKING = "checking"
    NO_PICTURE = "no-picture"
    NO_FILE = "no-file"
    BAD_VALUE = "bad-value"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """The Run bar: whether a click would do something, where it would go, and what Cancel would stop."""

    blocker: Blocker | None = Blocker.RESTORING
    tag: ServerTag | None = None
    cancels: PromptId | None = None
    count: int = 1


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


@dataclass(frozen=True, slots=True)
class FleetView:
    """The servers, which of them holds this window, and how many of its tasks each has."""

    fleet: Fleet = field(default_factory=Fleet)
    servers: tuple[tuple[Server, ServerTag, int], ...] = ()
    moored_to: ServerId | None = None
    error: MooringError | None = None


@dataclass(frozen=True, slots=True)
class Suffering:
    """One demo server with what is broken on purpose there, and what is being done to it now."""

    tag: ServerTag
    broken: tuple[Mishap, ...] = ()
    is_mooring: bool = False
    doing: frozenset[Mishap] = frozenset()
    done: Mishap | None = None  # the last that was done, if it was here


@dataclass(frozen=True, slots=True)
class BreakView:
    """The panel *Break it*: empty where nothing may be broken, else one server is chosen."""

    servers: tuple[Suffering, ...] = ()
    chosen: Suffering | None = None


@dataclass(frozen=True, slots=True)
class DialogView:
    """The open dialog with what it is about; None if there is none."""

    dialog: TaskDialog | KeepingView | GraphView | None = None
    card: CardView | None = None
    record: Unreadable | None = None
    present_address: str = ""  # where the fleet has the card's server now
    tag: ServerTag | None = None  # of an open graph's task


@dataclass(frozen=True, slots=True, kw_only=True)
class PageView:
    """The whole page as values."""

    header: HeaderView
    notices: tuple[Notice, ...]
    form: FormView
    nodes: NodesView
    lists: tuple[OptionList, ...]
    run: RunView
    now: NowView
    waiting: WaitingView
    left: LeftView
    results: ResultsView
    fleet: FleetView
    breaking: BreakView
    dialog: DialogView
    marks: GraphMarks | None = None  # of the open graph: no region, they are set on what is drawn
