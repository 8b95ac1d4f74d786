"""A server's colour: the one that the fleet file gives it, else one that hangs on its id.

The place in the list plays no part: a server keeps its colour when others come and go. Two ids may want the same one:
then the later of the list gives way, and has another colour only as long as the earlier is there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from app.core.model import Fleet, ServerId

# Each stands in `static/css/tones.css` by its place here; the fleet file names them (`gateway/fleet/fleet.py`).
COLOURS = ("teal", "rust", "violet", "green", "rose", "blue", "ochre", "slate")
FREE = len(COLOURS) - 1  # slate is grey: it is given when no other is left


@dataclass(frozen=True, slots=True)
class ServerTag:
    """A server as named on the page: its own name, and its colour."""

    server_id: ServerId
    name: str
    tone: int


def tag_of(fleet: Fleet, server_id: ServerId) -> ServerTag:
    """The server's name and colour; one that the fleet has lost keeps its id, and the colour that this wants."""
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
    """The next colour that nobody has; where each has somebody, the one that was wanted."""
    around = [(wanted + step) % FREE for step in range(FREE)]
    return next((tone for tone in (*around, FREE) if tone not in taken), wanted)
