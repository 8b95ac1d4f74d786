"""The phases of a task's life, by our record and by what its server really does."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from app.core.model import ENDS, PromptId, WindowId
from app.core.waiting_runs import window_number
from app.session import RunStage

if TYPE_CHECKING:
    from tests.simulation.world import Page, World


class Phase(Enum):
    """The phase of a piece of work."""

    RESERVED = "reserved"
    UPLOADING = "uploading"
    REGISTERED = "registered"  # stored, its POST not yet under way
    POSTED = "posted"  # the POST is under way
    UNCLEAR = "unclear"
    QUEUED = "queued"
    RUNNING = "running"
    UNSEEN = "ended unseen"  # ended or vanished on the server, and not known here
    UNDELIVERED = "undelivered"  # known to have ended, with results still to fetch
    SETTLED = "settled"


_ENDS = frozenset(state.value for state in ENDS)
_BY_STATE = {
    "registered": (Phase.REGISTERED, Phase.POSTED),
    "unclear": (Phase.UNCLEAR,),
}
_UNDER_WAY = (Phase.QUEUED, Phase.RUNNING, Phase.UNSEEN)


def phase_of(world: World, prompt_id: str) -> Phase | None:
    """Return the phase of a piece of work, or None if there is none with that id."""
    record = world.database.tasks.get(prompt_id)
    if record is not None:
        return _phase_of_task(world, prompt_id, record)
    held = world.database.reservations.get(prompt_id)
    if held is None:
        return None
    page = world.page_of(held["window_id"])
    stages = {run.prompt_id: run.stage for run in page.session.runs} if page else {}
    is_uploading = stages.get(PromptId(prompt_id)) is RunStage.UPLOADING
    return Phase.UPLOADING if is_uploading else Phase.RESERVED


def _phase_of_task(world: World, prompt_id: str, record: dict[str, Any]) -> Phase:
    state = record["state"]
    if state in _ENDS:
        is_pending = any(output["delivery"] == "pending" for output in record["outputs"])
        return Phase.UNDELIVERED if is_pending else Phase.SETTLED
    if state == "unclear":
        return Phase.UNCLEAR
    if state == "registered":
        return Phase.POSTED if prompt_id in world.promises.sent else Phase.REGISTERED
    machine = world.network.machines.get(record["address"])
    if machine is None:
        return Phase.UNSEEN
    if machine.running is not None and machine.running[1] == prompt_id:
        return Phase.RUNNING
    return Phase.QUEUED if any(item[1] == prompt_id for item in machine.heap) else Phase.UNSEEN


def everything_in(world: World, phase: Phase) -> list[str]:
    """Return all work in a phase."""
    if phase in (Phase.RESERVED, Phase.UPLOADING):
        ids = list(world.database.reservations)
    else:
        ids = [key for key, record in world.database.tasks.items() if phase in _may_be(record["state"])]
    return [prompt_id for prompt_id in ids if phase_of(world, prompt_id) is phase]


def _may_be(state: str) -> tuple[Phase, ...]:
    if state in _ENDS:
        return (Phase.UNDELIVERED, Phase.SETTLED)
    return _BY_STATE.get(state, _UNDER_WAY)


# Whose work


def work_at(world: World, address: str) -> list[str]:
    """Return all work that is bound to an address."""
    parts = (world.database.reservations, world.database.tasks)
    return [key for part in parts for key, record in part.items() if record["address"] == address]


def work_of(world: World, page: Page, address: str = "") -> list[str]:
    """Return all work of a page's windows, at one address or anywhere."""
    ids = page.tab.ids
    held = [key for key, item in world.database.reservations.items() if item["window_id"] in ids]
    owned = [key for key, item in world.database.tasks.items() if item["owner"] in ids]
    at = set(work_at(world, address)) if address else None
    return [key for key in (*held, *owned) if at is None or key in at]


def work_of_window(world: World, window_id: str) -> list[str]:
    """Return all work of one window of a session."""
    held = [key for key, item in world.database.reservations.items() if item["window_id"] == window_id]
    return held + [key for key, item in world.database.tasks.items() if item["owner"] == window_id]


def owner_of(world: World, prompt_id: str) -> WindowId:
    """Return the window that has a piece of work; empty if there is none."""
    task, held = world.database.tasks.get(prompt_id), world.database.reservations.get(prompt_id)
    return WindowId(task["owner"] if task is not None else held["window_id"] if held is not None else "")


def is_of_another_window(world: World, prompt_id: str) -> bool:
    """Return whether it is the work of another window than a session's own."""
    return window_number(owner_of(world, prompt_id)) is not None


def all_work(world: World) -> list[str]:
    """Return all work."""
    return [*world.database.reservations, *world.database.tasks]
