"""The panel *Windows* as values: each window with the others of its session, its work and a picture of a result."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from app.core.model import PromptId, ServerId, Task, TaskState, WindowId
from app.core.roster import PICTURES, MooringPeriod, Roster, TaskSummary
from app.core.waiting_runs import own_window_of, window_number
from app.ui.kit.colours import ServerTag, tag_of
from app.ui.kit.session_facts import SessionFacts
from app.ui.kit.state import Dialog
from wire.server_stats import ServerStats


class RosterDialog(Dialog):
    """A dialog that shows the other windows; with `has_stats` also the servers' stats."""

    __slots__ = ()
    has_stats: ClassVar[bool] = False
    has_pictures: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class WindowsDialog(RosterDialog):
    """The windows of this browser; `asked` is the one that was asked to mark its tab."""

    asked: WindowId | None = None

    has_pictures: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class PanelFacts:
    """The data of an open panel; None until it was read. `sight` returns the address of a task's thumbnail."""

    roster: Roster | None = None
    moorings: tuple[MooringPeriod, ...] = ()
    stats: Mapping[ServerId, ServerStats] = field(default_factory=dict)
    is_unreadable: bool = False  # the store could not be read
    sight: Callable[[PromptId], str] = lambda _prompt_id: ""


NOTHING_READ = PanelFacts()


@dataclass(frozen=True, slots=True)
class WindowMark:
    """A window by its number in the list of windows; None if it is closed."""

    number: int | None
    is_mine: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkRow:
    """One window: a session's own, or another one of it. `is_moored` is False if `tag` is only its last server."""

    tag: ServerTag | None = None
    is_moored: bool = False
    running: int = 0
    waiting: int = 0
    ended: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRow:
    """One window. `number` counts from the one that was opened first; `minutes` is its age."""

    window_id: WindowId
    number: int
    is_mine: bool
    own: WorkRow
    others: tuple[WorkRow, ...] = ()
    in_line: int = 0
    minutes: int | None = None
    title: str = ""
    picture_url: str = ""
    is_asked: bool = False


@dataclass(frozen=True, slots=True)
class LeftRow:
    """The work of a closed window."""

    task: Task
    tag: ServerTag
    is_owner_gone: bool
    picture_url: str = ""


@dataclass(frozen=True, slots=True)
class WindowsView:
    rows: tuple[WindowRow, ...] = ()
    left: tuple[LeftRow, ...] = ()
    is_read: bool = False
    is_unreadable: bool = False


def windows_view(
    dialog: WindowsDialog, session: SessionFacts, facts: PanelFacts, glimpse: Callable[[PromptId], str]
) -> WindowsView:
    """Return the open panel."""
    left = tuple(
        LeftRow(item.task, tag_of(session.fleet, item.task.server_id), item.is_owner_gone, glimpse(item.task.prompt_id))
        for item in sorted(session.orphans, key=lambda item: item.task.created_at, reverse=True)
    )
    if facts.roster is None:
        return WindowsView(left=left, is_unreadable=facts.is_unreadable)
    maker = _Maker(facts.roster, session, facts, dialog.asked)
    rows = [maker.row(window_id, number) for window_id, number in numbers(facts.roster).items()]
    rows.sort(key=lambda row: (not row.is_mine, row.number))
    return WindowsView(tuple(rows), left, is_read=True, is_unreadable=facts.is_unreadable)


def numbers(roster: Roster) -> dict[WindowId, int]:
    """Number the living windows, without the others of their sessions, in the order in which they were opened."""
    heads = {own_window_of(window_id) for window_id in roster.present}
    opened_at = {item.window_id: item.created_at for item in roster.windows}
    in_order = sorted(heads, key=lambda head: (opened_at.get(head, roster.read_at), head))
    return {head: number for number, head in enumerate(in_order, 1)}


def pictured(roster: Roster) -> Iterator[tuple[WindowId, tuple[TaskSummary, ...]]]:
    """Yield each window with its latest tasks that have results: the candidates for its picture."""
    made: dict[WindowId, list[TaskSummary]] = {head: [] for head in numbers(roster)}
    for task in roster.tasks:
        if task.may_have_picture and (head := own_window_of(task.owner)) in made:
            made[head].append(task)
    for head, tasks in made.items():
        yield head, tuple(sorted(tasks, key=lambda task: task.created_at, reverse=True)[:PICTURES])


def _joined(sessions: Iterable[WorkRow]) -> list[WorkRow]:
    """Sum the windows of each server, in their order."""
    found: dict[ServerTag | None, WorkRow] = {}
    for session in sessions:
        known = found.get(session.tag)
        found[session.tag] = (
            session
            if known is None
            else WorkRow(
                tag=session.tag,
                is_moored=known.is_moored or session.is_moored,
                running=known.running + session.running,
                waiting=known.waiting + session.waiting,
                ended=known.ended + session.ended,
            )
        )
    return list(found.values())


class _Maker:
    """Makes the rows of one roster."""

    def __init__(self, roster: Roster, session: SessionFacts, facts: PanelFacts, asked: WindowId | None) -> None:
        self._roster, self._session, self._facts, self._asked = roster, session, facts, asked
        self._mine = {own_window_of(item.window_id) for item in session.windows}
        self._opened_at = {item.window_id: item.created_at for item in roster.windows}
        self._by_owner: dict[WindowId, list[TaskSummary]] = {}
        for task in roster.tasks:
            self._by_owner.setdefault(task.owner, []).append(task)
        self._pictured = dict(pictured(roster))

    def row(self, window_id: WindowId, number: int) -> WindowRow:
        """Return a window with the others of its session, as far as these have, or had, something to do."""
        owners = {owner for owner in (*self._by_owner, *self._roster.present) if own_window_of(owner) == window_id}
        in_order = sorted(owners, key=lambda item: window_number(item) or 0)  # the session's own first
        own, *others = _joined([self._server_row(owner) for owner in dict.fromkeys((window_id, *in_order))])
        tasks = [task for owner in owners for task in self._by_owner.get(owner, ())]
        opened_at = self._opened_at.get(window_id)
        latest = max(tasks, key=lambda task: task.created_at, default=None)
        return WindowRow(
            window_id=window_id,
            number=number,
            is_mine=window_id in self._mine,
            own=own,
            others=tuple(item for item in others if item.tag is not None),
            in_line=self._roster.in_line.get(window_id, 0),
            minutes=None if opened_at is None else max(0, int((self._roster.read_at - opened_at) // 60)),
            title=latest.title if latest is not None else "",
            picture_url=self._picture(window_id),
            is_asked=window_id == self._asked,
        )

    def _picture(self, window_id: WindowId) -> str:
        found = (self._facts.sight(task.prompt_id) for task in self._pictured.get(window_id, ()))
        return next(filter(None, found), "")

    def _server_row(self, owner: WindowId) -> WorkRow:
        tasks = self._by_owner.get(owner, [])
        unfinished = [task for task in tasks if not task.state.is_end]
        running = sum(task.state is TaskState.RUNNING for task in unfinished)
        held = self._held(owner, unfinished)
        last = max(tasks, key=lambda task: task.created_at, default=None)
        server_id = held or (last.server_id if last is not None else None)
        return WorkRow(
            tag=tag_of(self._session.fleet, server_id) if server_id is not None else None,
            is_moored=held is not None,
            running=running,
            waiting=len(unfinished) - running,
            ended=self._roster.ended.get(owner, 0),
        )

    def _held(self, owner: WindowId, unfinished: Iterable[TaskSummary]) -> ServerId | None:
        holding = next((task.server_id for task in unfinished if not task.is_ward), None)
        placed = next((item.server_id for item in self._roster.places if item.window_id == owner), None)
        return holding or placed
