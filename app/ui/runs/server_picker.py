"""Where the user sends the next run: to the soonest server, to a free one, or to a certain one.

A server that takes no new work, does not answer or lacks what the workflow needs is shown with the cause and cannot be
chosen. While the window is moored there is no choice.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from app.core.balancer import ANY, Leaning, Wish
from app.core.model import Fleet, Server, ServerId
from app.core.waiting_runs import EVERY, MOST_SENDERS

SOONEST, FREE = "", ":free"  # `free` is no server: their ids have no colon
NO_LEANINGS: Mapping[ServerId, Leaning] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class WhereServer:
    """One server of the fleet; with a `cause` it cannot be chosen."""

    server_id: ServerId
    name: str
    cause: str = ""
    queue: int = 0  # prompts that run or wait there


@dataclass(frozen=True, slots=True)
class WhereView:
    """The control: what is chosen, and the server that holds the window, if any."""

    chosen: str = SOONEST
    servers: tuple[WhereServer, ...] = ()
    moored_to: str = ""
    preferred: tuple[str, ...] = ()  # by this window, among those that can take the run
    avoided: tuple[str, ...] = ()

    @property
    def server(self) -> WhereServer | None:
        """The chosen server; None if none is chosen, or another one holds the window."""
        if self.moored_to:
            return None
        return next((item for item in self.servers if item.server_id == self.chosen), None)

    @property
    def is_patient(self) -> bool:
        """Whether the run waits for a server that has nothing to do."""
        return self.chosen == FREE and not self.moored_to

    @property
    def cause(self) -> str:
        """Say why the chosen server cannot take the run, if it cannot."""
        return self.server.cause if self.server is not None else ""

    @property
    def able(self) -> int:
        """How many servers can take the run."""
        return sum(not item.cause for item in self.servers)

    @property
    def name(self) -> str:
        """The chosen server's name; empty if none is chosen."""
        return next((item.name for item in self.servers if item.server_id == self.chosen), "")


def where_view(
    fleet: Fleet,
    chosen: str,
    locked: ServerId | None,
    lacking: Collection[ServerId],
    leanings: Mapping[ServerId, Leaning] = NO_LEANINGS,
) -> WhereView:
    """Return the control as it is shown now; a choice that has left the fleet is dropped."""
    servers = tuple(
        WhereServer(item.server_id, item.name, _cause(item, lacking), item.running + item.pending)
        for item in fleet.servers
    )
    is_there = chosen in (SOONEST, FREE) or fleet.get(chosen) is not None
    held = fleet.get(locked) if locked is not None else None
    moored_to = held.name if held is not None else str(locked or "")
    able = [item for item in servers if not item.cause]
    preferred = tuple(item.name for item in able if leanings.get(item.server_id) is Leaning.PREFER)
    avoided = tuple(item.name for item in able if leanings.get(item.server_id) is Leaning.AVOID)
    return WhereView(chosen if is_there else SOONEST, servers, moored_to, preferred, avoided)


def wish_of(view: WhereView) -> Wish:
    """Return the user's wish for the choice of a server."""
    if view.chosen == FREE:
        return Wish(is_patient=True)
    return ANY if view.chosen == SOONEST or view.moored_to else Wish(asked=ServerId(view.chosen))


@dataclass(frozen=True, slots=True)
class Spread:
    """Over how many servers runs are spread, or EVERY; of all `servers`, so many are `able` to take them now."""

    senders: int = 1
    servers: int = 1
    able: int = 1

    @property
    def used(self) -> int:
        """The number of servers that would be used now."""
        return self.able if self.senders == EVERY else self.senders


ALONE = Spread()


def senders_for(view: WhereView) -> int:
    """Return how runs are spread by default: to the chosen server, or over all that can take them at each send."""
    return EVERY if view.chosen in (SOONEST, FREE) else 1


def servers_now(view: WhereView, senders: int, runs: int) -> int:
    """Return the number of servers that so many runs would use now."""
    able = len(view.preferred) or view.able - len(view.avoided)
    return max(1, min(runs, able if senders == EVERY else senders, MOST_SENDERS))


def _cause(server: Server, lacking: Collection[ServerId]) -> str:
    if server.is_drained:
        return "drained"
    if server.health.is_silent:
        return server.health.value
    return "lacks" if server.server_id in lacking else ""
