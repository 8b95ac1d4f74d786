"""What the user can do about a task that does not advance, and which of it is possible now. Pure.

offers_for(task, fleet, is_stalled=False)     # (Offer.WAIT, Offer.LOOK_AGAIN, …), or nothing for healthy work
"""

from __future__ import annotations

from enum import Enum

from app.core.model import Contact, Fleet, Task, TaskState
from wire.health import Health


class Offer(Enum):
    """One choice of the user, in the order of the page."""

    SAME_SERVER = "same-server"  # the server at the fleet's new address is the one that has it
    WAIT = "wait"
    LOOK_AGAIN = "look-again"
    RUN_ELSEWHERE = "run-elsewhere"
    RUN_AGAIN = "run-again"
    WINDOW = "window"
    CANCEL = "cancel"
    GIVE_UP = "give-up"


def is_doubtful(task: Task, *, is_stalled: bool) -> bool:
    """Whether it is uncertain that this unfinished task advances."""
    return not task.state.is_end and (is_stalled or task.is_silent)


def may_run_twice(task: Task) -> bool:
    """Whether its server may still run it, so that another run may run it twice."""
    return not task.state.is_end or task.state is TaskState.GIVEN_UP


def offers_for(task: Task, fleet: Fleet, *, is_stalled: bool) -> tuple[Offer, ...]:
    """Return what can be done about a doubtful task; nothing for one that is well or has ended."""
    if not is_doubtful(task, is_stalled=is_stalled):
        return ()
    is_moved = task.progress.contact is Contact.MOVED
    is_settled_here = task.state is TaskState.UNCLEAR and task.progress.is_reachable
    found = {
        Offer.SAME_SERVER: is_moved and fleet.get(task.server_id) is not None,
        Offer.WAIT: not is_settled_here,
        Offer.LOOK_AGAIN: True,
        Offer.RUN_ELSEWHERE: not is_settled_here and bool(task.workflow) and _has_elsewhere(task, fleet),
        Offer.RUN_AGAIN: bool(task.workflow) and not is_moved and not is_stalled,
        Offer.WINDOW: not is_settled_here,
        Offer.CANCEL: not is_moved and not task.progress.is_cancelling,
        Offer.GIVE_UP: True,
    }
    return tuple(offer for offer, is_possible in found.items() if is_possible)


def _has_elsewhere(task: Task, fleet: Fleet) -> bool:
    """Whether another server may take it. The task is given up first, so servers that are down do not count."""
    others = (server for server in fleet.servers if server.server_id != task.server_id)
    return any(server.health in {Health.WELL, Health.UNKNOWN} for server in others)
