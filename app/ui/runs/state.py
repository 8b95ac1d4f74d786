"""What the page shows of runs: the run bar, where a workflow can run, and a card for each task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from app.core.balancer import Leaning
from app.core.errors import BadInput, MooringError
from app.core.eta import NO_OUTLOOK, Outlook
from app.core.model import BatchId, Output, PromptId, ServerId, Task, TaskState
from app.core.progress import Progress
from app.session import Run
from app.ui.kit.colours import ServerTag
from app.ui.kit.file_names import DEFAULT_NAMING, Naming, task_file
from app.ui.kit.image_addresses import NO_PREVIEW, ShownPreview
from app.ui.kit.state import Dialog, Slice
from app.ui.runs.downloads import Download
from app.ui.runs.files import FilesDraft
from app.ui.runs.many import ManyDraft
from app.ui.runs.offers import Offer
from app.ui.runs.server_picker import SOONEST, WhereView
from app.workflows.graph import Key
from app.workflows.needs import Lacks, MissingClass, MissingValue
from wire.downloads import SourceFault
from wire.media import Medium, is_picture, viewer_of

MOST_LACKS = 20  # of each kind; another installation's workflow may lack hundreds
MOST_COUNT = 1000  # runs that one click may ask for


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingModel:
    """How servers that lack a model can get it: a server in `offers` can download it, the user copies it to the others.

    `folder` is the server's folder of models. No download is offered if the source has a `fault` or `is_renamed`: the
    file at the address does not have the name that the workflow needs.
    """

    place: str  # unique on the page
    name: str
    folder: str = ""
    url: str = ""
    size: int = 0
    offers: tuple[ServerTag, ...] = ()
    by_hand: tuple[ServerTag, ...] = ()
    downloads: tuple[tuple[ServerTag, Download], ...] = ()
    fault: SourceFault | None = None
    is_renamed: bool = False


@dataclass(frozen=True, slots=True)
class RunnabilityGroup:
    """Servers that lack the same; of each kind of lack, the first `MOST_LACKS` are listed."""

    tags: tuple[ServerTag, ...]
    lacks: Lacks
    models: Mapping[Key, MissingModel] = field(default_factory=dict)  # by the first input that names each

    @property
    def classes(self) -> tuple[MissingClass, ...]:
        """The missing nodes that are listed."""
        return self.lacks.classes[:MOST_LACKS]

    @property
    def values(self) -> tuple[MissingValue, ...]:
        """The missing values that are listed."""
        return self.lacks.values[:MOST_LACKS]

    @property
    def more(self) -> int:
        """The number of those not listed."""
        return len(self.lacks.classes) - len(self.classes) + len(self.lacks.values) - len(self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnabilityView:
    """Where the chosen workflow can run, and what the other servers lack for it.

    The server that holds this window is `unable` if it is one of those. `held` are the able ones that runs of this tab
    are on: several while runs are spread. `labels` are those of the form's inputs.
    """

    workflow_id: str
    runs_on: tuple[ServerTag, ...] = ()
    groups: tuple[RunnabilityGroup, ...] = ()
    unknown: tuple[ServerTag, ...] = ()
    labels: tuple[tuple[Key, str], ...] = ()
    unable: ServerTag | None = None
    silent: ServerTag | None = None  # the server that holds this window, if it does not answer
    held: tuple[ServerTag, ...] = ()
    is_looking: bool = False

    @property
    def tone(self) -> str:
        """The tone of the line."""
        if self.unable is not None or not self.runs_on:
            return "is-bad"
        return "is-warn" if self.groups or self.silent is not None else "is-good"

    @property
    def names(self) -> dict[Key, str]:
        """The inputs' labels by key."""
        return dict(self.labels)


class Blocker(Enum):
    """Why Run is not possible now."""

    RESTORING = "restoring"
    LOGGED_OUT = "logged-out"
    OTHER_USER = "other-person"
    STORE = "store"
    UNREADABLE = "unreadable"
    NO_FLEET = "no-fleet"
    NO_SERVER = "no-server"
    NO_WORKFLOW = "no-workflow"
    NEEDS_DEMO = "needs-demo"
    MOORED_WITHOUT_DEMO = "moored-without-demo"
    UNABLE = "unable"  # no server has what it needs
    MOORED_UNABLE = "moored-unable"  # the server that holds this window lacks it
    OPENING = "opening"  # its form is not complete yet
    CHECKING = "checking"
    NO_PICTURE = "no-picture"
    NO_FILE = "no-file"
    PICTURE_GONE = "picture-gone"  # no server has the one that the workflow names
    FILE_GONE = "file-gone"
    BAD_VALUE = "bad-value"
    WHERE = "where"


_BOUND = (Blocker.MOORED_UNABLE, Blocker.MOORED_WITHOUT_DEMO)


class Sameness(Enum):
    """Whether several runs of the form as it is would differ in nothing."""

    NONE = "none"
    VARIED = "varied"  # they would, so new seeds are drawn after the first
    WHOLE = "whole"  # they do: there is no seed


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """The run bar: whether Run is possible, where it would go, and what Stop would stop."""

    blocker: Blocker | None = Blocker.RESTORING
    tag: ServerTag | None = None
    cancels: PromptId | None = None
    stops: int = 0  # runs under way and waiting
    count: int = 1
    where: WhereView = field(default_factory=WhereView)
    senders: int = 1  # servers over which several runs are spread
    sameness: Sameness = Sameness.NONE
    others: int = 0  # servers that work for this window besides the one that holds it
    is_silent: bool = False  # the one that holds it does not answer
    instead: ServerTag | None = None  # the server that one run is offered then

    @property
    def is_bound(self) -> bool:
        """Whether the next run goes to the server that holds the window, whatever is chosen."""
        return self.tag is not None and self.senders == 1

    @property
    def can_leave(self) -> bool:
        """Whether another window could send the run elsewhere now: here no server can be chosen."""
        is_fixed = bool(self.where.moored_to) and (self.is_bound or self.count > 1)  # else it waits with the others
        return self.blocker in _BOUND or (self.blocker is None and is_fixed)

    @property
    def is_notable(self) -> bool:
        """Whether the bar must say in a sentence of its own where a run would go, or why none is possible."""
        is_leaning = bool(self.where.preferred or self.where.avoided)
        return self.blocker is not None or self.tag is not None or self.sameness is not Sameness.NONE or is_leaning


@dataclass(frozen=True, slots=True)
class Marks:
    """What the user has said about results: how their files are named, and which are favourites, by name."""

    naming: Naming = DEFAULT_NAMING
    favourites: frozenset[str] = frozenset()


NO_MARKS = Marks()


@dataclass(frozen=True, slots=True)
class ShownMarks:
    """The marks on the page's cards, and how many ended ones are listed."""

    marks: Marks = NO_MARKS
    results_shown: int = 0


@dataclass(frozen=True, slots=True)
class ResultView:
    """One output and its addresses: `url` has its own bytes, `small` its thumbnail; empty means none.

    `is_coming` while its bytes are fetched from its server, `error` is why that failed.
    """

    index: int
    output: Output
    url: str
    small: str = ""
    is_coming: bool = False
    error: MooringError | None = None
    is_favourite: bool = False

    @property
    def viewer(self) -> Medium | None:
        """As what its bytes can be shown; None if the page has no viewer for them."""
        return viewer_of(self.output.media_type, self.output.filename)

    @property
    def is_picture(self) -> bool:
        """Whether it has pixels that can be copied and used as an input."""
        return is_picture(self.output.media_type, self.output.filename)

    @property
    def is_file(self) -> bool:
        """Whether it is shown by its name, as what is no picture, film or sound."""
        return self.viewer not in {"image", "video", "audio"} and not self.output.is_text


@dataclass(frozen=True, slots=True)
class LinkView:
    """Another run of the same work; `is_shown` if its card is on the page."""

    prompt_id: PromptId
    at: float
    tag: ServerTag
    is_shown: bool = True


class CardPlace(Enum):
    """Where a task is shown: in the queue, large or as a row, there until the pointer leaves, or in the results."""

    LARGE = "large"
    ROW = "row"
    STAYING = "staying"
    RESULTS = "results"


@dataclass(frozen=True, slots=True, kw_only=True)
class CardView:
    """One task with everything shown about it. `node_title` is the running node's.

    `still_minutes` is set while it is stalled; `is_first_offer` on the one card whose offers are open from the start.
    `rank` is the number of a waiting row in the queue.
    """

    task: Task
    tag: ServerTag
    naming: Naming = DEFAULT_NAMING  # of saved results
    progress: Progress | None = None
    node_title: str = ""
    outlook: Outlook = NO_OUTLOOK
    preview: ShownPreview = NO_PREVIEW
    results: tuple[ResultView, ...] = ()
    still_minutes: int | None = None
    offers: tuple[Offer, ...] = ()
    is_first_offer: bool = False
    origin: LinkView | None = None
    repeats: tuple[LinkView, ...] = ()
    place: CardPlace = CardPlace.RESULTS
    is_large: bool = False  # of one that stays: how it was
    rank: int = 0
    instead: ServerTag | None = None  # where it can be repeated while the server of its window does not answer

    def download_name(self, item: ResultView) -> str:
        """Return the name of the file that a result is saved as."""
        return task_file(self.task, item.index, self.tag.name, self.naming)

    @property
    def is_row(self) -> bool:
        """Whether an ended task is a row with words: it has no results, or not all that it should have made."""
        task = self.task
        is_partial = bool(task.end.missing or task.progress.warnings)
        return not self.results or task.state is not TaskState.SUCCEEDED or is_partial


@dataclass(frozen=True, slots=True)
class RunCard:
    """One click on Run before its task exists."""

    run: Run
    tag: ServerTag | None
    is_large: bool = False

    @property
    def can_retry(self) -> bool:
        """Whether it may be sent later as it is: it was refused for a reason that passes, and is recorded."""
        return self.run.is_kept and not isinstance(self.run.error, BadInput)


@dataclass(frozen=True, slots=True)
class Hold:
    """The rows of the queue while the pointer or the focus is on it, in their order: none of them moves."""

    rows: tuple[PromptId, ...] = ()
    large: frozenset[PromptId] = frozenset()
    waiting: tuple[PromptId, ...] = ()  # in this window, below the rows


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchView:
    """The runs of one plan, by what became of them; the others of `total` run or wait."""

    batch_id: BatchId
    done: int = 0
    failed: int = 0
    stopped: int = 0
    total: int = 0
    was_stopped: bool = False  # none of its runs has started since some were stopped

    @property
    def is_over(self) -> bool:
        return self.done + self.failed + self.stopped == self.total


@dataclass(frozen=True, slots=True)
class LeftSign:
    """The button for the work of closed windows, in the heading of *Now*."""

    count: int
    is_open: bool = False
    is_new: bool = False  # the user has not seen all of it


@dataclass(frozen=True, slots=True)
class BatchNow:
    """The batch under way, or over, if there is one."""

    view: BatchView | None = None


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """The work of closed windows: its button, and whether it is listed."""

    sign: LeftSign | None = None
    is_listed: bool = False


@dataclass(frozen=True, slots=True)
class PastShown:
    """Whether every result in this browser is shown."""

    is_shown: bool = False


@dataclass(frozen=True, slots=True)
class NowView:
    """The queue: unfinished tasks, failures that are new, and what has ended under the pointer; then clicks on Run."""

    runs: tuple[RunCard, ...] = ()
    cards: tuple[CardView, ...] = ()
    is_ready: bool = False
    is_unreadable: bool = False
    is_many: bool = False  # more than one run of this window, which can be stopped together
    waits: int = 0  # runs that are not sent; the panel below lists them, and can stop everything
    is_brief: bool = False  # the page has other content, so no text about how to begin
    more: int = 0  # tasks that are not listed
    below: int = 0  # tasks in rows of the line, which stay there under the pointer
    sending: int = 0  # runs of the line that are on their way
    is_whole: bool = False  # the user has asked for all of them
    batch: BatchView | None = None  # the one under way; also when it is over, until another run starts
    blocker: Blocker | None = Blocker.RESTORING  # of the next run; shown if nothing is under way
    left: LeftSign | None = None  # work of closed windows

    @property
    def unfinished(self) -> tuple[CardView, ...]:
        """The tasks under way."""
        return tuple(card for card in self.cards if not card.task.state.is_end)

    @property
    def has_line(self) -> bool:
        return self.waits > 0

    @property
    def listed(self) -> tuple[CardView, ...]:
        """The tasks that are listed here and nowhere else."""
        return tuple(card for card in self.cards if card.place is not CardPlace.STAYING)

    @property
    def busy(self) -> int:
        """The number of tasks and clicks under way; runs that are not sent are not among them."""
        return len(self.unfinished) + self.more + len(self.runs) + self.below


@dataclass(frozen=True, slots=True)
class GiveUpDialog(Dialog):
    """The question before a task is given up."""

    prompt_id: PromptId


@dataclass(frozen=True, slots=True)
class RunAgainDialog(Dialog):
    """The question before a task that may still be running is run a second time."""

    prompt_id: PromptId
    is_elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class CreditsDialog(Dialog):
    """The question before several runs, or a repeated one, of a workflow that costs credits.

    `action` continues: `run`, `many-add`, or about a task `run-again` or `run-variation`.
    """

    action: str
    count: int = 1
    prompt_id: PromptId | None = None
    elsewhere: bool = False
    server: str = ""  # that it is repeated on, if the button named one


@dataclass(frozen=True, slots=True)
class SameServerDialog(Dialog):
    """The question whether the fleet's new address is the server that has a task."""

    prompt_id: PromptId


@dataclass(frozen=True, slots=True)
class Stopped:
    """The runs that the user has stopped last. `number` differs each time."""

    entries: tuple[PromptId, ...] = ()  # those that waited in this browser
    tasks: tuple[PromptId, ...] = ()  # those on servers
    to_come: int = 0  # runs of files that did not wait yet
    number: int = 0
    is_asked: bool = False  # each server was asked


@dataclass(frozen=True, slots=True)
class RunsState(Slice):
    """How the next runs are started: how many, where, and the plan of many runs."""

    run_count: int = 1  # how many runs the next click asks for
    count_of: str = ""  # the workflow that they were asked for
    where: str = SOONEST  # where the next run goes (`server_picker.py`)
    leanings: Mapping[ServerId, Leaning] = field(default_factory=dict)  # which servers this window prefers or avoids
    many: ManyDraft = field(default_factory=ManyDraft)  # in the dialog about many runs
    hold: Hold | None = None  # of the queue
    dismissed: frozenset[PromptId | BatchId] = frozenset()  # failures and ends of batches that the user has seen
    is_whole: bool = False  # every row of the queue is shown
    files: FilesDraft = field(default_factory=FilesDraft)  # in the dialog about many files
    stopped: Stopped = Stopped()
    unsent: int = 0  # presses of Run from before a reload that came to nothing

    def count_for(self, workflow_id: str) -> int:
        """Return how many runs of a workflow the next click asks for: a number holds for one click on one workflow."""
        return self.run_count if self.count_of == workflow_id else 1
