"""The panel *Fleet* as values: each server with its condition, and which window was moored to which server when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from app.core.balancer import Leaning
from app.core.errors import MooringError
from app.core.model import Fleet, Server, ServerChoice, ServerId, WindowId
from app.core.roster import MooringPeriod, Roster
from app.core.waiting_runs import own_window_of
from app.core.window import Window
from app.ui.fleet.adding import AddingView, NewServer, adding_view
from app.ui.fleet.admin import AdminState, ServerAdmin, admin_at
from app.ui.kit.colours import ServerTag, tag_of
from app.ui.kit.session_facts import SessionFacts
from app.ui.runs.server_picker import NO_LEANINGS
from app.ui.windows.panel import PanelFacts, RosterDialog, WindowMark, numbers
from wire.server_stats import ServerStats

ONLY = "only"  # beside the leanings: use this server only, and wait for it
SPAN = 24 * 3600.0  # longest timeline in seconds
SHORTEST = 600.0  # shortest timeline in seconds
MOST_MOORINGS = 12  # in the list
LANES = 10  # windows in the timeline
_WITHOUT_FILE = frozenset({"demo", "found"})  # sources of a fleet without a file or flags
WIDTH = 1000  # of the timeline, in its own units


@dataclass(frozen=True, slots=True)
class FleetDialog(RosterDialog):
    """The servers, and which window was moored to which; `admin` and `new` are for users who administer the fleet."""

    admin: AdminState = field(default_factory=AdminState)
    new: NewServer = field(default_factory=NewServer)

    has_stats: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerRow:
    """One server. `leaning` is the window's preference: empty, prefer, avoid or only."""

    server: Server
    tag: ServerTag
    mine: int = 0  # unfinished tasks of this tab there
    is_mooring: bool = False
    windows: tuple[WindowMark, ...] = ()
    stats: ServerStats = field(default_factory=ServerStats)
    leaning: str = ""
    is_stand_in: bool = False  # a demo server that stands in for real ones, and ends with Mooring
    admin: ServerAdmin | None = None  # None for users who do not administer the fleet


@dataclass(frozen=True, slots=True)
class Bar:
    """One mooring in the timeline, in its own units."""

    tag: ServerTag
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """One session's line in the timeline; `session` is above 1 for the other windows of a session."""

    mark: WindowMark
    bars: tuple[Bar, ...]
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MooringRow:
    """One mooring in the list, with the choice of its server."""

    mark: WindowMark
    tag: ServerTag
    began_at: float
    ended_at: float | None
    count: int
    choice: ServerChoice | None = None
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetView:
    fleet: Fleet = field(default_factory=Fleet)
    servers: tuple[ServerRow, ...] = ()
    adding: AddingView | None = None  # None for users who do not administer the fleet
    error: MooringError | None = None
    is_moored: bool = False
    lanes: tuple[TimelineRow, ...] = ()
    mooring_rows: tuple[MooringRow, ...] = ()
    span: tuple[float, float] = (0.0, 0.0)
    is_read: bool = False
    is_unreadable: bool = False

    @property
    def is_demo(self) -> bool:
        """Whether all servers are demo servers."""
        return bool(self.servers) and all(row.server.is_demo for row in self.servers)


def fleet_view(
    session: SessionFacts,
    facts: PanelFacts,
    where: str,
    leanings: Mapping[ServerId, Leaning] = NO_LEANINGS,
    administered: FleetDialog | None = None,
) -> FleetView:
    """Return the open panel. `where` is chosen for the next run; `administered` is None for users who may not."""
    moored_to = {item.window_locked_server for item in session.windows if item.window_locked_server}
    moorings = facts.moorings
    marks = _Marks(facts.roster, session.windows)
    tasks = [task for item in session.windows for task in item.unfinished]
    own = frozenset(prompt_id for item in session.windows for prompt_id in item.tasks)
    ours = frozenset(task.prompt_id for task in facts.roster.tasks) if facts.roster is not None else frozenset()
    lanes, span = _timeline(moorings, marks, session.fleet, facts.roster)
    return FleetView(
        fleet=session.fleet,
        servers=tuple(
            ServerRow(
                server=server,
                tag=tag_of(session.fleet, server.server_id),
                mine=sum(task.server_id == server.server_id for task in tasks),
                is_mooring=server.server_id in moored_to,
                windows=marks.at(server.server_id, moorings),
                stats=facts.stats.get(server.server_id, ServerStats()),
                leaning=leaning_of(server.server_id, leanings, where),
                is_stand_in=server.is_demo and session.fleet.source in _WITHOUT_FILE,
                admin=None if administered is None else admin_at(administered.admin, server.server_id, own, ours),
            )
            for server in session.fleet.servers
        ),
        adding=None if administered is None else adding_view(administered.new, session.fleet),
        error=session.fleet_error,
        is_moored=bool(moored_to),
        lanes=lanes,
        mooring_rows=tuple(_row(item, marks, session.fleet) for item in moorings[:MOST_MOORINGS]),
        span=span,
        is_read=facts.roster is not None,
        is_unreadable=facts.is_unreadable,
    )


def leaning_of(server_id: ServerId, leanings: Mapping[ServerId, Leaning], where: str) -> str:
    """Return the window's preference for a server."""
    if where == server_id:
        return ONLY
    found = leanings.get(server_id)
    return found.value if found is not None else ""


class _Marks:
    """The numbers of the windows on this page."""

    def __init__(self, roster: Roster | None, mine: tuple[Window, ...]) -> None:
        self._numbers = numbers(roster) if roster is not None else {}
        self._mine = {own_window_of(item.window_id) for item in mine}

    def of(self, window_id: WindowId) -> WindowMark:
        """Return the mark of a session's window."""
        head = own_window_of(window_id)
        return WindowMark(self._numbers.get(head), head in self._mine)

    def at(self, server_id: ServerId, moorings: tuple[MooringPeriod, ...]) -> tuple[WindowMark, ...]:
        """Return the living windows that are moored to a server now."""
        there = {self.of(item.window_id) for item in moorings if item.server_id == server_id and item.ended_at is None}
        living = [mark for mark in there if mark.number is not None]
        return tuple(sorted(living, key=lambda mark: (not mark.is_mine, mark.number or 0)))


def _row(item: MooringPeriod, marks: _Marks, fleet: Fleet) -> MooringRow:
    return MooringRow(
        mark=marks.of(item.window_id),
        tag=tag_of(fleet, item.server_id),
        began_at=item.began_at,
        ended_at=item.ended_at,
        count=item.count,
        choice=item.choice,
        key=f"{item.window_id}-{item.began_at:.0f}",
    )


def _timeline(
    moorings: tuple[MooringPeriod, ...], marks: _Marks, fleet: Fleet, roster: Roster | None
) -> tuple[tuple[TimelineRow, ...], tuple[float, float]]:
    """Return a lane for each session that was moored within the span, those of living windows first."""
    if roster is None:
        return (), (0.0, 0.0)
    end = roster.read_at
    recent = [item for item in moorings if (item.ended_at or end) > end - SPAN]
    start = max(end - SPAN, min([*(item.began_at for item in recent), end - SHORTEST]))
    by_session: dict[WindowId, list[Bar]] = {}
    for item in recent:
        bar = Bar(tag_of(fleet, item.server_id), _at(item.began_at, start, end), _at(item.ended_at or end, start, end))
        by_session.setdefault(item.window_id, []).append(bar)
    ordered = sorted(by_session, key=lambda item: _order(marks.of(item), item))[:LANES]
    lanes = (TimelineRow(marks.of(item), tuple(reversed(by_session[item])), str(item)) for item in ordered)
    return tuple(lanes), (start, end)


def _order(mark: WindowMark, window_id: WindowId) -> tuple[bool, bool, int, str]:
    return not mark.is_mine, mark.number is None, mark.number or 0, str(window_id)


def _at(time: float, start: float, end: float) -> int:
    return round(WIDTH * min(1.0, max(0.0, (time - start) / (end - start))))
