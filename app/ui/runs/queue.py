"""The queue: which tasks are rows in it, in which order, and which of them are large. Pure.

The order is that of the work: what runs or has failed, then what waits, each by the time it was sent. While the pointer
or the focus is on the queue (`Hold`), its rows keep their places and sizes, also those that have ended; a new one comes
below them.

A failure stays in the queue until it is dismissed or the user starts another run; then it is a row of the results.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from app.core.ends import EndCause, end_cause
from app.core.model import BatchId, PromptId, ServerId, Task, TaskState
from app.ui.runs.state import CardPlace, CardView, Hold, RunCard, RunsState

MOST_LARGE = 2  # rows
MOST_FAILURES = 3
SHOWN = 12  # rows, until the user asks for all

NOTHING_HELD = Hold()


def is_failure(task: Task) -> bool:
    """Whether a task has ended without what the user wanted, and not by the user."""
    if task.state is TaskState.CANCELLED:
        return end_cause(task) is not EndCause.CANCELLED
    return task.state in {TaskState.FAILED, TaskState.LOST}


def sign_of(task: Task) -> str:
    """Return the icon of what a task does or how it ended."""
    if is_failure(task):
        return "warning"
    match task.state:
        case TaskState.SUCCEEDED:
            return "check"
        case TaskState.RUNNING:
            return "run"
    return "stop" if task.state.is_end else "clock"


def new_failures(
    cards: Iterable[CardView], runs: Iterable[RunCard], dismissed: frozenset[PromptId | BatchId]
) -> list[CardView]:
    """Return the latest failures since the user has started a run last; `cards` are newest first."""
    known = list(cards)
    begun = max((*_begins(card.task for card in known), *(item.run.started_at for item in runs)), default=0.0)
    found = (
        card
        for card in known
        if (card.task.end.ended_at or card.task.created_at) >= begun  # asked first: few are as late
        and is_failure(card.task)
        and card.task.prompt_id not in dismissed
    )
    return sorted(found, key=_end, reverse=True)[:MOST_FAILURES]


def _begins(tasks: Iterable[Task]) -> list[float]:
    """Return when the user has started each run, or the first one of many."""
    first: dict[BatchId | PromptId, float] = {}
    for task in tasks:
        if not task.is_ward:
            key = task.part.batch_id if task.part is not None else task.prompt_id
            first[key] = min(first.get(key, task.created_at), task.created_at)
    return list(first.values())


def _end(card: CardView) -> float:
    return card.task.end.ended_at or card.task.created_at


def queue_cards(cards: Sequence[CardView], runs: Sequence[RunCard], state: RunsState) -> tuple[CardView, ...]:
    """Return the rows of the tasks in their order; `cards` are all tasks of the tab, newest first."""
    hold = state.hold or NOTHING_HELD
    failures = {card.task.prompt_id for card in new_failures(cards, runs, state.dismissed)}
    below = set(hold.waiting)
    shown = [
        card
        for card in cards
        if card.task.prompt_id not in below
        and (not card.task.state.is_end or card.task.prompt_id in failures or card.task.prompt_id in hold.rows)
    ]
    large = _large(shown)
    places = {prompt_id: place for place, prompt_id in enumerate(hold.rows)}
    last = len(places)

    def key(card: CardView) -> tuple[int, bool, float]:
        task = card.task
        is_waiting = not task.state.is_end and task.state is not TaskState.RUNNING and task.prompt_id not in large
        return (places.get(task.prompt_id, last), is_waiting, task.created_at)

    placed, rank = [], 0
    for card in sorted(shown, key=key):
        prompt_id = card.task.prompt_id
        is_large = prompt_id in (hold.large if prompt_id in places else large)
        is_waiting = card.task.state in {TaskState.REGISTERED, TaskState.QUEUED} and not is_large
        rank += is_waiting
        place = CardPlace.LARGE if is_large else CardPlace.ROW
        if card.task.state.is_end and prompt_id not in failures:
            place = CardPlace.STAYING
        placed.append(replace(card, place=place, is_large=is_large, rank=rank if is_waiting else 0))
    return tuple(placed)


def shown_rows(state: RunsState) -> int:
    """Return how many rows are shown at first; under the pointer none goes."""
    return max(SHOWN, len((state.hold or NOTHING_HELD).rows))


def _large(cards: Iterable[CardView]) -> frozenset[PromptId]:
    """Return the tasks with a large row: those that run, and the one that begins where no other work is before it."""
    found: list[PromptId] = []
    seen: set[ServerId] = set()
    for card in sorted(cards, key=lambda card: (card.task.state is not TaskState.RUNNING, card.task.created_at)):
        task = card.task
        if task.state.is_end or card.offers:
            continue
        begins = task.state in {TaskState.REGISTERED, TaskState.QUEUED} and (task.progress.place or 0) <= 1
        if task.state is TaskState.RUNNING or (begins and task.server_id not in seen):
            found.append(task.prompt_id)
        seen.add(task.server_id)
    return frozenset(found[:MOST_LARGE])
