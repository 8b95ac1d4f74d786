"""A server's colour: that of the fleet file, otherwise one that follows from its id.

The order of the list does not matter, so a server keeps its colour when others come and go. If two ids want the same
one, the later in the list gets another colour for as long as the earlier is there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from app.core.model import Fleet, ServerId

# The order is that of `static/css/tones.css`; the fleet file names them (`gateway/fleet/fleet.py`).
COLOURS = ("teal", "rust", "violet", "green", "rose", "blue", "ochre", "slate")
FREE = len(COLOURS) - 1  # slate is grey: it is used when no other colour is free


@dataclass(frozen=True, slots=True)
class ServerTag:
    """A server as named on the page: its own name, and its colour."""

    server_id: ServerId
    name: str
    tone: int


def tag_of(fleet: Fleet, server_id: ServerId) -> ServerTag:
    """Return the server's name and colour; a server that has left the fleet keeps its id and the colour of that id."""
    server = fleet.get(server_id)
    if server is None:
        return ServerTag(server_id, server_id, _wish(server_id))
    tones = _tones(tuple((item.server_id, item.colour) for item in fleet.servers))
    return ServerTag(server_id, server.name, tones[server_id])


@lru_cache(maxsize=8)
def _tones(servers: Sequence[tuple[ServerId, str]]) -> Mapping[ServerId, int]:
    tones = {server_id: COLOURS.index(colour) for server_id, colour in servers if colour in COLOURS}
    for server_id, _colour in servers:
        if server_id not in tones:
            tones[server_id] = _nearest(_wish(server_id), frozenset(tones.values()))
    return tones


def _wish(server_id: ServerId) -> int:
    return hashlib.sha256(server_id.encode()).digest()[0] % FREE


def _nearest(wanted: int, taken: frozenset[int]) -> int:
    """Return the next free colour; if none is free, the wanted one."""
    around = [(wanted + step) % FREE for step in range(FREE)]
    return next((tone for tone in (*around, FREE) if tone not in taken), wanted)
