"""What runs can aim at now, by the fleet's state alone, and whether one without a server may find one later."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from app.core.balancer import Leaning
from app.core.errors import MooringError, NoServerAvailable, TransportError
from app.core.model import Fleet, Server, ServerId
from wire.health import Health

# Why a server was not chosen, where that ends by itself.
PASSING = frozenset({Health.DOWN.value, Health.TIMEOUT.value, "busy"})


def able_servers(fleet: Fleet, leanings: Mapping[ServerId, Leaning]) -> frozenset[ServerId]:
    """Return the servers that can take new work now: those that the window prefers, or else those it does not avoid."""
    able = {item.server_id for item in fleet.servers if not (item.is_drained or item.health.is_silent)}
    preferred = {item for item in able if leanings.get(item) is Leaning.PREFER}
    return frozenset(preferred or {item for item in able if leanings.get(item) is not Leaning.AVOID})


def is_silent(fleet: Fleet, server_id: ServerId) -> bool:
    """Whether that server is known to take no work now."""
    server = fleet.get(server_id)
    return server is not None and server.health.is_silent


def stand_in(
    fleet: Fleet, held: ServerId, leanings: Mapping[ServerId, Leaning], lacking: Collection[ServerId] = ()
) -> Server | None:
    """Return the server to offer if the one that holds a window does not answer: that with the shortest queue.

    None if it answers, or no other can take the work. Demo servers stand in for demo servers only.
    """
    silent = fleet.get(held)
    if silent is None or not is_silent(fleet, held):
        return None
    able = able_servers(fleet, leanings) - set(lacking)
    others = [item for item in fleet.servers if item.server_id in able and item.is_demo == silent.is_demo]
    return min(others, key=lambda item: (item.running + item.pending) / item.weight, default=None)


def may_pass(error: MooringError) -> bool:
    """Return whether a run that could not be sent waits and is tried again: some server may take it as it is."""
    if isinstance(error, NoServerAvailable):
        return not PASSING.isdisjoint(error.causes.values())
    return isinstance(error, TransportError)
