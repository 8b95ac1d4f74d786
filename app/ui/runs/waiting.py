"""The waiting runs as values: the panel of this window's, and those of closed windows that can be adopted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from app.core.errors import MooringError, StorageError
from app.core.eta import Eta
from app.core.file_runs import TO_COME, FileRuns
from app.core.model import BatchId, PromptId, Task
from app.core.waiting_runs import Pause, WaitingRuns
from app.ui.kit.session_facts import LineFacts
from app.ui.kit.state import Dialog
from app.ui.runs.files import WorkView, work_views
from app.ui.runs.run_labels import run_label
from app.ui.runs.server_picker import ALONE, Spread
from app.ui.runs.state import CardView, RunCard

FEW = 4  # rows, until the user asks for all
SHOWN = 50  # rows; of more only the number is shown
NO_CARDS: Mapping[PromptId, CardView] = {}
NO_RUNS: Mapping[PromptId, RunCard] = {}


@dataclass(frozen=True, slots=True)
class WaitingItem:
    """One waiting run; `is_on_its_way` once it is being sent, so that it can only be removed."""

    prompt_id: PromptId
    title: str
    label: str
    is_on_its_way: bool = False
    is_first: bool = False
    is_last: bool = False
    rank: int = 0  # in the queue
    sent: CardView | None = None  # its card, where the row stays under the pointer after it was sent
    run: RunCard | None = None  # how far it is on its way


@dataclass(frozen=True, slots=True)
class WindowItem:
    """One window of this session, with the server that it uses and its tasks under way."""

    number: int
    name: str
    tone: int
    count: int


@dataclass(frozen=True, slots=True)
class CancelDialog(Dialog):
    """The question which of this window's runs to stop."""


@dataclass(frozen=True, slots=True)
class PlanItem:
    """The unfinished runs of one click; without a `batch_id`, all of this window's."""

    batch_id: BatchId | None
    title: str
    label: str = ""  # of its first run
    waiting: int = 0
    running: int = 0

    @property
    def count(self) -> int:
        return self.waiting + self.running


@dataclass(frozen=True, slots=True)
class CancelView:
    """What can be stopped: each plan of several runs, and everything."""

    plans: tuple[PlanItem, ...] = ()
    everything: PlanItem = PlanItem(None, "")

    def item(self, batch_id: BatchId | None) -> PlanItem:
        """Return a plan, or everything."""
        return next((item for item in self.plans if item.batch_id == batch_id), self.everything)


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnView:
    """The server, what is before the run there, and when its turn should come, if that can be estimated."""

    server: str
    own: int = 0
    earlier: int = 0  # the user's runs that wait in other windows, and come first
    others: int | None = None
    eta: Eta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingView:
    """The panel; empty if nothing waits here.

    `items` may be listed after all runs were sent, as long as the pointer is on them.
    """

    items: tuple[WaitingItem, ...] = ()
    count: int = 0
    pause: Pause | None = None
    refusal: MooringError | None = None
    stalled_by: MooringError | None = None
    turn: TurnView | None = None
    error: StorageError | None = None
    is_unbounded: bool = False
    spread: Spread = ALONE
    windows: tuple[WindowItem, ...] = ()  # empty while there is only one session
    files: tuple[WorkView, ...] = ()
    is_whole: bool = False  # the user has asked for all of them

    @property
    def more(self) -> int:
        """The number of waiting runs that are not listed."""
        return self.count - sum(item.sent is None for item in self.items)

    @property
    def is_all_sent(self) -> bool:
        """Whether nothing waits any more, nor follows from files."""
        return not self.count and not any(work.to_come for work in self.files)

    @property
    def needs_page(self) -> bool:
        """Whether files are still to be read, which a reload would take away."""
        return any(work.unread or work.missing for work in self.files)

    @property
    def under_way(self) -> int:
        """The number of listed runs that servers have."""
        return sum(item.sent is not None and not item.sent.task.state.is_end for item in self.items)


def waiting_view(
    facts: LineFacts,
    windows: tuple[WindowItem, ...] = (),
    servers: int = 1,
    turn: TurnView | None = None,
    *,
    held: Sequence[PromptId] = (),
    cards: Mapping[PromptId, CardView] = NO_CARDS,
    runs: Mapping[PromptId, RunCard] = NO_RUNS,
    is_whole: bool = False,
    before: int = 0,
    counted: BatchId | None = None,
) -> WaitingView:
    """Return the panel as it is shown now.

    The rows of `held` are kept under the pointer; `cards` are those of the tab, `runs` clicks and runs without a task.
    `before` rows wait on servers. The counts of the batch `counted` are at the top of the queue.
    """
    line = facts.line
    items = _items(line, facts.shown_sending, SHOWN if is_whole else FEW, before, runs)
    items = _kept(items, held, cards)
    if line is None or not (line.entries or items):
        at_work = windows if sum(item.count > 0 for item in windows) > 1 else ()
        return WaitingView(error=facts.error, windows=at_work, files=work_views(facts.files, counted))
    return WaitingView(
        items=items,
        count=len(line.entries),
        pause=line.pause,
        refusal=facts.refusal,
        stalled_by=facts.stalled_by if line.pause is None else None,
        turn=turn,
        error=facts.error,
        is_unbounded=line.is_unbounded,
        spread=Spread(line.senders, servers),
        windows=windows if len(windows) > 1 else (),
        is_whole=is_whole,
        files=work_views(facts.files, counted),
    )


def _items(
    line: WaitingRuns | None,
    sending: frozenset[PromptId],
    most: int,
    before: int,
    runs: Mapping[PromptId, RunCard],
) -> tuple[WaitingItem, ...]:
    if line is None:
        return ()
    last = len(line.entries) - 1
    return tuple(
        WaitingItem(
            entry.prompt_id,
            line.batches[entry.batch_id].title,
            entry.part.label or run_label(line.batches[entry.batch_id].workflow),
            is_on_its_way=entry.prompt_id in sending,
            is_first=number == 0,
            is_last=number == last,
            rank=before + number + 1,
            run=runs.get(entry.prompt_id),
        )
        for number, entry in enumerate(line.entries[:most])
    )


def _kept(
    items: tuple[WaitingItem, ...], held: Sequence[PromptId], cards: Mapping[PromptId, CardView]
) -> tuple[WaitingItem, ...]:
    """Keep the rows of sent runs in their places among those that wait, which are in their present order."""
    present = {item.prompt_id for item in items}
    rest, rows = iter(items), []
    for prompt_id in held:
        card = cards.get(prompt_id)
        if prompt_id in present:
            rows.append(next(rest))
        elif card is not None:
            label = (card.task.part.label if card.task.part is not None else "") or run_label(card.task.workflow)
            rows.append(WaitingItem(prompt_id, card.task.title, label, sent=card))
    return (*rows, *rest)


def cancel_view(line: WaitingRuns | None, tasks: Iterable[Task], works: Iterable[FileRuns] = ()) -> CancelView:
    """Return what can be stopped now; `tasks` are this tab's own unfinished ones, `works` its plans of files."""
    plans: dict[BatchId, PlanItem] = {}
    everything = PlanItem(None, "")
    for task in tasks:
        if task.progress.is_cancelling:
            continue
        everything = replace(everything, running=everything.running + 1)
        if task.part is not None:
            label = task.part.label or run_label(task.workflow)
            plan = plans.get(task.part.batch_id, PlanItem(task.part.batch_id, task.title, label))
            plans[task.part.batch_id] = replace(plan, running=plan.running + 1)
    entries, batches = (line.entries, line.batches) if line is not None else ((), {})
    for entry in entries:
        batch = batches[entry.batch_id]
        label = entry.part.label or run_label(batch.workflow)
        plan = plans.get(entry.batch_id, PlanItem(entry.batch_id, batch.title, label))
        plans[entry.batch_id] = replace(plan, waiting=plan.waiting + 1)
        everything = replace(everything, waiting=everything.waiting + 1)
    for work in works:
        batch, count = work.plan.batch, work.count(TO_COME)
        if count:
            plan = plans.get(batch.batch_id, PlanItem(batch.batch_id, batch.title))
            plans[batch.batch_id] = replace(plan, waiting=plan.waiting + count)
            everything = replace(everything, waiting=everything.waiting + count)
    return CancelView(tuple(plans.values()), everything)
