"""Mishaps of single exchanges: the work that an exchange concerns, and arming and counting of mishaps."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from tests.simulation.faults import FAULTS, Aim, Apply, Fault, meet
from tests.simulation.network import MISHAPS, Exchange, Mishap
from tests.simulation.phases import Phase, phase_of, work_of

if TYPE_CHECKING:
    from tests.simulation.world import World

_QUIET = frozenset({Phase.RESERVED, Phase.SETTLED})


def watch_mishaps(world: World) -> None:
    """Count every mishap for the work that it meets."""

    def note(kind: str, exchange: Exchange) -> None:
        world.note(f"FAULT {kind}: {exchange.request.method} {exchange.server_id}{exchange.path}")
        meet(world, kind, concerned(world, exchange))

    world.weather.on_mishap.append(note)


def arm(world: World, kind: str, prompt_id: str) -> None:
    """Let the next exchange about this work meet this mishap."""
    world.weather.armed.append(Mishap(kind, lambda exchange: prompt_id in dict(concerned(world, exchange))))


def concerned(world: World, exchange: Exchange) -> list[tuple[str, Phase]]:
    """Return the work that an exchange concerns, with its phases."""
    found = [(key, phase_of(world, key)) for key in _ids(world, exchange)]
    is_upload = exchange.route == ("POST", "upload")
    if is_upload:  # of a run or of a script
        return [(key, Phase.UPLOADING) for key, phase in found if phase]
    return [(key, phase) for key, phase in found if phase and phase not in _QUIET]


def _ids(world: World, exchange: Exchange) -> list[str]:
    page = next((page for page in world.pages if page.life is exchange.life), None)
    address = exchange.address or world.network.address_of(exchange.server_id)
    message = json.loads(exchange.body) if exchange.body else {}
    match exchange.route:
        case ("POST", "prompt" | "interrupt"):
            return [str(message.get("prompt_id"))]
        case ("POST", "queue"):
            return [str(prompt_id) for prompt_id in message.get("delete", [])]
        case ("GET", "history"):
            return [exchange.path.rsplit("/", 1)[-1]]
        case ("GET", "view"):
            return [exchange.query.get("mooring", "")]
        case ("GET", "queue") if page and address:
            unfinished = [key for key in work_of(world, page, address) if key in world.database.tasks]
            return [key for key in unfinished if phase_of(world, key) is not Phase.UNDELIVERED]
        case ("POST", "upload") if page and address:
            return [key for key in work_of(world, page, address) if key in world.database.reservations]
        case _:
            return []


_UNASKED = {
    Phase.RESERVED: "nothing is asked about a place before its upload",
    Phase.SETTLED: "nothing is asked about what is settled, but by hand",
}


def _arm(kind: str) -> Apply:
    def apply(world: World, aim: Aim) -> Iterable[str] | None:
        if not aim.prompt_id or len(world.weather.armed) > 3:
            return None
        arm(world, kind, aim.prompt_id)
        return ()

    return apply


def _only_posted(phase: Phase) -> str:
    return _UNASKED.get(phase, "only an answer to POST /prompt can be that")


def _register_mishaps() -> None:
    for kind in MISHAPS:
        unreachable = dict(_UNASKED)
        if kind in {"500 though queued", "502 though queued"}:
            unreachable = {phase: _only_posted(phase) for phase in Phase if phase is not Phase.POSTED}
        FAULTS[kind] = Fault(kind, _arm(kind), 2, unreachable, is_mishap=True)


_register_mishaps()
