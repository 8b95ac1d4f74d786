"""What is before the next waiting run on its server, as the waiting panel shows it."""

from __future__ import annotations

from app.core.errors import NotYourTurn
from app.core.eta import LATE, Eta
from app.core.model import TaskState
from app.core.stopwatch import SLACK
from app.core.waiting_runs import EVERY
from app.ui.kit.colours import tag_of
from app.ui.kit.session_facts import SessionFacts
from app.ui.runs.waiting import TurnView
from wire.turns import AHEAD


def turn_view(session: SessionFacts) -> TurnView | None:
    """Return what the next waiting run waits for; None if nothing waits for its turn."""
    line = session.line.line
    if line is None or not line.entries or line.pause is not None or line.is_unbounded:
        return None
    if session.line.turn is not None:
        return _asked(session, session.line.turn)
    return _own(session, line.senders)


def _asked(session: SessionFacts, turn: NotYourTurn) -> TurnView | None:
    """Return what the store and the servers have answered."""
    if turn.server_id is None:
        return None
    eta = None
    if turn.starts_at is not None:
        eta = Eta(turn.starts_at, turn.starts_at + turn.left * (LATE - 1) + SLACK, turn.left)
    server = tag_of(session.fleet, turn.server_id).name
    return TurnView(server=server, own=turn.own, earlier=turn.earlier, others=turn.others, eta=eta)


def _own(session: SessionFacts, senders: int) -> TurnView | None:
    """Return what is ahead of the sending sessions, if each has enough; the first to end decides."""
    windows = session.windows if senders == EVERY else session.windows[:senders]
    held = [[task for task in window.unfinished if task.holds_window] for window in windows]
    if not held or any(len(tasks) < AHEAD for tasks in held):
        return None
    running = [task for tasks in held for task in tasks if task.state is TaskState.RUNNING]
    etas = [(session.outlook(task).eta, task) for task in running if len(held[0]) == AHEAD]
    known = [(eta, task) for eta, task in etas if eta is not None]
    if not known:
        return TurnView(server=tag_of(session.fleet, held[0][0].server_id).name, own=len(held[0]))
    eta, first = min(known, key=lambda item: item[0].ends_at)
    own = next(len(tasks) for tasks in held if first in tasks)
    return TurnView(server=tag_of(session.fleet, first.server_id).name, own=own, eta=eta)
