"""What runs can aim at now, by the fleet's state alone: no server is asked."""

from __future__ import annotations

from collections.abc import Mapping

from app.core.balancer import Leaning
from app.core.model import Fleet, ServerId


def able_servers(fleet: Fleet, leanings: Mapping[ServerId, Leaning]) -> frozenset[ServerId]:
    """Return the servers that can take new work now: those that the window prefers, or else those it does not avoid."""
    able = {item.server_id for item in fleet.servers if not (item.is_drained or item.health.is_silent)}
    preferred = {item for item in able if leanings.get(item) is Leaning.PREFER}
    return frozenset(preferred or {item for item in able if leanings.get(item) is not Leaning.AVOID})
