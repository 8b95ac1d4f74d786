"""What *Break it* can do to a demo server, and how the panel offers it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from app.core.model import Fleet, ServerId
from app.ui.kit.colours import ServerTag
from app.ui.kit.state import Slice
from wire.faults import Fault


class Part(Enum):
    """What of a server a fault is about; faults are listed by it."""

    PROCESS = "process"
    SUBMIT = "submit"
    SOCKET = "socket"
    OTHERS = "others"


# In the order in which they are offered, and what ends each; without one it is over as soon as it is done.
PARTS: dict[Part, tuple[tuple[Fault, Fault | None], ...]] = {
    Part.PROCESS: (
        (Fault.KILL, Fault.START),
        (Fault.RESTART, None),
        (Fault.HANG, Fault.WAKE),
        (Fault.DEAD_WORKER, Fault.REVIVE_WORKER),
    ),
    Part.SUBMIT: (
        (Fault.LOSE_REQUEST, Fault.RELEASE),
        (Fault.LOSE_ANSWER, Fault.RELEASE),
        (Fault.SILENT_ANSWER, Fault.RELEASE),
        (Fault.QUEUED_500, Fault.RELEASE),
        (Fault.REFUSE_NEXT, Fault.RELEASE),
        (Fault.HOLD_NEXT, Fault.RELEASE),
    ),
    Part.SOCKET: (
        (Fault.DROP_SOCKETS, None),
        (Fault.REFUSE_SOCKETS, Fault.ADMIT_SOCKETS),
        (Fault.DEAF, Fault.SPEAK),
    ),
    Part.OTHERS: (
        (Fault.CLEAR_HISTORY, None),
        (Fault.OVERWRITE_FILE, None),
    ),
}


def read_mishaps(names: tuple[str, ...]) -> tuple[Fault, ...]:
    """Names as the gateway tells them; one that is not known here is left out."""
    known = {mishap.value: mishap for mishap in Fault}
    return tuple(known[name] for name in names if name in known)


@dataclass(frozen=True, slots=True)
class Suffering:
    """One demo server with what is broken on purpose there, and what is being done to it now."""

    tag: ServerTag
    broken: tuple[Fault, ...] = ()
    is_mooring: bool = False
    doing: frozenset[Fault] = frozenset()
    done: Fault | None = None  # the last that was done, if it was here


@dataclass(frozen=True, slots=True)
class BreakView:
    """The panel *Break it*: empty where nothing may be broken, else one server is chosen."""

    servers: tuple[Suffering, ...] = ()
    chosen: Suffering | None = None

    @property
    def broken(self) -> list[Suffering]:
        """The servers on which something is broken now."""
        return [server for server in self.servers if server.broken]


@dataclass(frozen=True, slots=True)
class FaultsState(Slice):
    """What was chosen and done under *Break it*."""

    break_server: ServerId | None = None  # chosen there
    breaking: frozenset[tuple[ServerId, Fault]] = frozenset()  # asked for there, and not done yet
    break_done: tuple[ServerId, Fault] | None = None  # the last that was done there


def break_view(
    fleet: Fleet, state: FaultsState, tag_of: Callable[[Fleet, ServerId], ServerTag], moored_to: ServerId | None
) -> BreakView:
    """The panel; empty unless the gateway lets its demo servers be broken.

    Until the person chooses a server, it is the one that holds the window: there is something to see.
    """
    if not fleet.is_breakable:
        return BreakView()
    servers = tuple(
        Suffering(
            tag_of(fleet, server.server_id),
            read_mishaps(server.broken),
            is_mooring=server.server_id == moored_to,
            doing=frozenset(mishap for server_id, mishap in state.breaking if server_id == server.server_id),
            done=state.break_done[1] if state.break_done and state.break_done[0] == server.server_id else None,
        )
        for server in fleet.servers
    )
    known = [item for item in servers if item.tag.server_id == state.break_server]
    return BreakView(servers, next((item for item in (*known, *_moored(servers), *servers)), None))


def _moored(servers: tuple[Suffering, ...]) -> tuple[Suffering, ...]:
    return tuple(item for item in servers if item.is_mooring)
