"""The faults that *Break it* can inject into a demo server, and how the panel offers them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.core.model import Fleet, ServerId
from app.ui.kit.colours import ServerTag
from app.ui.kit.state import Slice
from wire.faults import OFFERED, Fault, FaultPart

# The faults of each part of a server, with what ends each; in the order of the list.
PARTS: dict[FaultPart, tuple[tuple[Fault, Fault | None], ...]] = {
    part: tuple((item.fault, item.end) for item in OFFERED if item.part is part) for part in FaultPart
}


def read_faults(names: tuple[str, ...]) -> tuple[Fault, ...]:
    """Read names from the gateway; unknown ones are left out."""
    known = {fault.value: fault for fault in Fault}
    return tuple(known[name] for name in names if name in known)


@dataclass(frozen=True, slots=True)
class FaultyServer:
    """One demo server with its active faults, and those under way."""

    tag: ServerTag
    broken: tuple[Fault, ...] = ()
    is_mooring: bool = False
    doing: frozenset[Fault] = frozenset()
    done: Fault | None = None  # the latest one, if it was injected here


@dataclass(frozen=True, slots=True)
class BreakView:
    """The panel *Break it*: empty if nothing may be broken, otherwise with one chosen server."""

    servers: tuple[FaultyServer, ...] = ()
    chosen: FaultyServer | None = None

    @property
    def broken(self) -> list[FaultyServer]:
        """The servers with active faults."""
        return [server for server in self.servers if server.broken]


@dataclass(frozen=True, slots=True)
class FaultsState(Slice):
    """The choices and results of *Break it*."""

    break_server: ServerId | None = None
    breaking: frozenset[tuple[ServerId, Fault]] = frozenset()  # requested, and not done yet
    break_done: tuple[ServerId, Fault] | None = None  # the latest one


def break_view(
    fleet: Fleet, state: FaultsState, tag_of: Callable[[Fleet, ServerId], ServerTag], moored_to: ServerId | None
) -> BreakView:
    """Return the panel; empty unless the gateway allows faults in its demo servers.

    Until the user chooses a server, it is the one that holds the window, where a fault has visible effects.
    """
    if not fleet.is_breakable:
        return BreakView()
    servers = tuple(
        FaultyServer(
            tag_of(fleet, server.server_id),
            read_faults(server.broken),
            is_mooring=server.server_id == moored_to,
            doing=frozenset(fault for server_id, fault in state.breaking if server_id == server.server_id),
            done=state.break_done[1] if state.break_done and state.break_done[0] == server.server_id else None,
        )
        for server in fleet.servers
    )
    known = [item for item in servers if item.tag.server_id == state.break_server]
    return BreakView(servers, next((item for item in (*known, *_moored(servers), *servers)), None))


def _moored(servers: tuple[FaultyServer, ...]) -> tuple[FaultyServer, ...]:
    return tuple(item for item in servers if item.is_mooring)
