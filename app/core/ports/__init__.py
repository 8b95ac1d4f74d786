"""The session's ports, as protocols: one module for each family.

The browser's adapters are in `app/browser/`, the store in memory in `app/session/memory/`, the simulation's other ports
in `tests/simulation/`. One port suite runs against all of them. Adapters raise only errors of `app.core.errors`;
everything else is a bug.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.core.ports.clock import Clock, Random
from app.core.ports.fleet import Catalogues, FleetSource
from app.core.ports.http import Http
from app.core.ports.presses import PressMemory
from app.core.ports.sockets import Sockets
from app.core.ports.store import JournalStore, PastStore, TaskStore
from app.core.ports.transfers import Transfers
from app.core.ports.windows import Windows


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """All ports of one session."""

    http: Http
    transfers: Transfers
    sockets: Sockets
    store: TaskStore
    windows: Windows
    fleet: FleetSource
    clock: Clock
    random: Random
    journal: JournalStore | None = None  # without one, a reload begins a new journal
    past: PastStore | None = None  # without it, a window keeps all of its tasks
    presses: PressMemory | None = None  # without it, a press of Run is kept from the store's transaction on
    catalogues: Catalogues | None = None  # without them, every server is assumed to run every workflow
