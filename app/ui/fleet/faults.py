"""What *Break it* can do to a demo server, by the names that the gateway knows (`gateway/fleet/faults.py`)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from app.ui.kit.colours import ServerTag


class Mishap(Enum):
    """A fault, or the end of one."""

    KILL = "kill"
    START = "start"
    RESTART = "restart"
    LOSE_REQUEST = "lose-request"
    LOSE_ANSWER = "lose-answer"
    SILENT_ANSWER = "silent-answer"
    QUEUED_500 = "queued-500"
    REFUSE_NEXT = "refuse-next"
    HOLD_NEXT = "hold-next"
    RELEASE = "release"
    HANG = "hang"
    WAKE = "wake"
    DEAD_WORKER = "dead-worker"
    REVIVE_WORKER = "revive-worker"
    DEAF = "deaf"
    SPEAK = "speak"
    REFUSE_SOCKETS = "refuse-sockets"
    ADMIT_SOCKETS = "admit-sockets"
    DROP_SOCKETS = "drop-sockets"
    CLEAR_HISTORY = "clear-history"
    OVERWRITE_FILE = "overwrite-file"
    RESET = "reset"


class Part(Enum):
    """What of a server a fault is about; faults are listed by it."""

    PROCESS = "process"
    SUBMIT = "submit"
    SOCKET = "socket"
    OTHERS = "others"


# In the order in which they are offered, and what ends each; without one it is over as soon as it is done.
PARTS: dict[Part, tuple[tuple[Mishap, Mishap | None], ...]] = {
    Part.PROCESS: (
        (Mishap.KILL, Mishap.START),
        (Mishap.RESTART, None),
        (Mishap.HANG, Mishap.WAKE),
        (Mishap.DEAD_WORKER, Mishap.REVIVE_WORKER),
    ),
    Part.SUBMIT: (
        (Mishap.LOSE_REQUEST, Mishap.RELEASE),
        (Mishap.LOSE_ANSWER, Mishap.RELEASE),
        (Mishap.SILENT_ANSWER, Mishap.RELEASE),
        (Mishap.QUEUED_500, Mishap.RELEASE),
        (Mishap.REFUSE_NEXT, Mishap.RELEASE),
        (Mishap.HOLD_NEXT, Mishap.RELEASE),
    ),
    Part.SOCKET: (
        (Mishap.DROP_SOCKETS, None),
        (Mishap.REFUSE_SOCKETS, Mishap.ADMIT_SOCKETS),
        (Mishap.DEAF, Mishap.SPEAK),
    ),
    Part.OTHERS: (
        (Mishap.CLEAR_HISTORY, None),
        (Mishap.OVERWRITE_FILE, None),
    ),
}


def read_mishaps(names: tuple[str, ...]) -> tuple[Mishap, ...]:
    """Names as the gateway tells them; one that is not known here is left out."""
    known = {mishap.value: mishap for mishap in Mishap}
    return tuple(known[name] for name in names if name in known)


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
