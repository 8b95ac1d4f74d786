"""A summary of all windows of this browser, read from the store while a panel shows it.

    roster = digest(await source.read(server_ids))
    moorings(roster)                      # which window used which server, from when to when, and why

The windows continue to change while it is read, so no decision depends on it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from app.core.model import Delivery, PromptId, ServerChoice, ServerId, TaskState, WindowId

LISTED = 300  # ended tasks that are listed; of the others only the number is known
PICTURES = 3  # of a session's results, the latest first: not every result is a picture
_PICTURED = frozenset({Delivery.KEPT, Delivery.THUMBNAIL, Delivery.DROPPED})


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSummary:
    """One output of a summarised task: only its delivery matters here."""

    delivery: Delivery = Delivery.PENDING


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSummary:
    """A task's record without the fields that only its own window needs. Field names are those of the record."""

    prompt_id: PromptId
    owner: WindowId
    server_id: ServerId
    created_at: float
    state: TaskState
    title: str = ""
    ended_at: float | None = None
    is_ward: bool = False
    outputs: tuple[OutputSummary, ...] = ()
    choice: ServerChoice | None = None

    @property
    def may_have_picture(self) -> bool:
        """Whether this browser may have a thumbnail of it."""
        return any(item.delivery in _PICTURED for item in self.outputs)

    @property
    def is_settled(self) -> bool:
        """Whether its end and all deliveries are final."""
        return self.state.is_end and all(item.delivery is not Delivery.PENDING for item in self.outputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownWindow:
    """A window in the store, which may be closed."""

    window_id: WindowId
    created_at: float
    seen_at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservedPlace:
    """A server on which a window has reserved a place, without a task yet."""

    window_id: WindowId
    server_id: ServerId
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """Windows, tasks and reservations as read at `read_at`. `present` are the windows that answered.

    `ended` counts each session's ended tasks, including those that `digest` has left out of `tasks`.
    """

    read_at: float
    windows: tuple[KnownWindow, ...] = ()
    tasks: tuple[TaskSummary, ...] = ()
    places: tuple[ReservedPlace, ...] = ()
    in_line: Mapping[WindowId, int] = field(default_factory=dict)
    present: frozenset[WindowId] = frozenset()
    ended: Mapping[WindowId, int] = field(default_factory=dict)


def digest(roster: Roster) -> Roster:
    """Return a shorter roster: of thousands of ended tasks, the latest are listed.

    Each session keeps its latest task, and its latest tasks that may have a picture.
    """
    kept: list[TaskSummary] = []
    ended, pictured = Counter[WindowId](), Counter[WindowId]()
    for task in sorted(roster.tasks, key=lambda item: item.created_at, reverse=True):
        if task.state.is_end:
            ended[task.owner] += 1
        is_pictured = pictured[task.owner] < PICTURES and task.may_have_picture
        if is_pictured:
            pictured[task.owner] += 1
        if is_pictured or not task.state.is_end or ended[task.owner] == 1 or len(kept) < LISTED:
            kept.append(task)
    return replace(roster, tasks=tuple(reversed(kept)), ended=ended)


@dataclass(frozen=True, slots=True, kw_only=True)
class MooringPeriod:
    """One mooring of one window: on one server, from its first work to the end of the last."""

    window_id: WindowId
    server_id: ServerId
    began_at: float
    ended_at: float | None  # None: not ended
    count: int
    choice: ServerChoice | None = None  # of the work that began it


def moorings(roster: Roster) -> tuple[MooringPeriod, ...]:
    """Every mooring found in the records, the latest first. Wards hold no server."""
    by_owner: dict[WindowId, list[TaskSummary]] = {}
    for task in roster.tasks:
        if not task.is_ward:
            by_owner.setdefault(task.owner, []).append(task)
    found = [item for tasks in by_owner.values() for item in _moorings_of(tasks)]
    held = {(item.window_id, item.server_id) for item in found if item.ended_at is None}
    found += [
        MooringPeriod(window_id=place.window_id, server_id=place.server_id, began_at=place.at, ended_at=None, count=0)
        for place in roster.places
        if (place.window_id, place.server_id) not in held
    ]
    return tuple(sorted(found, key=lambda item: item.began_at, reverse=True))


def _moorings_of(tasks: Iterable[TaskSummary]) -> list[MooringPeriod]:
    """Those of one window: tasks that overlap in time belong to one mooring; between two moorings it was free."""
    found: list[MooringPeriod] = []
    for task in sorted(tasks, key=lambda item: item.created_at):
        ended_at = (task.ended_at if task.ended_at is not None else task.created_at) if task.state.is_end else None
        last = found[-1] if found else None
        if last is None or not _belongs_to(last, task):
            found.append(
                MooringPeriod(
                    window_id=task.owner,
                    server_id=task.server_id,
                    began_at=task.created_at,
                    ended_at=ended_at,
                    count=1,
                    choice=task.choice,
                )
            )
            continue
        later = None if last.ended_at is None or ended_at is None else max(last.ended_at, ended_at)
        found[-1] = MooringPeriod(
            window_id=last.window_id,
            server_id=last.server_id,
            began_at=last.began_at,
            ended_at=later,
            count=last.count + 1,
            choice=last.choice,
        )
    return found


def _belongs_to(last: MooringPeriod, task: TaskSummary) -> bool:
    """Whether a task belongs to that mooring: its record says so, or it began before the mooring had ended."""
    if task.server_id != last.server_id:
        return False
    is_moored = task.choice is not None and task.choice.reason == "moored"
    return is_moored or last.ended_at is None or task.created_at <= last.ended_at
