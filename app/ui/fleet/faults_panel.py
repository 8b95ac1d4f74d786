"""The panel *Break it* as values: the servers, what is broken on each, and which one is chosen."""

from __future__ import annotations

from collections.abc import Callable

from app.core.model import Fleet, ServerId
from app.ui.fleet.faults import BreakView, FaultsState, Suffering, read_mishaps
from app.ui.kit.colours import ServerTag


def break_view(
    fleet: Fleet, ui: FaultsState, tag_of: Callable[[Fleet, ServerId], ServerTag], moored_to: ServerId | None
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
            doing=frozenset(mishap for server_id, mishap in ui.breaking if server_id == server.server_id),
            done=ui.break_done[1] if ui.break_done and ui.break_done[0] == server.server_id else None,
        )
        for server in fleet.servers
    )
    known = [item for item in servers if item.tag.server_id == ui.break_server]
    return BreakView(servers, next((item for item in (*known, *_moored(servers), *servers)), None))


def _moored(servers: tuple[Suffering, ...]) -> tuple[Suffering, ...]:
    return tuple(item for item in servers if item.is_mooring)
