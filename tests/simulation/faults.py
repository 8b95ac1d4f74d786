"""The registry of faults: a name, the effect, how often it happens at random, and where it cannot.

A fault is aimed at a piece of work, its server and its page. It returns the work that it met, so that the table
*fault × phase* counts what was really tried, or None if it cannot happen at present.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.core.model import ServerId
from tests.simulation.network import home_of
from tests.simulation.phases import Phase, all_work, is_of_another_window, owner_of, phase_of
from tests.simulation.server import SimServer

if TYPE_CHECKING:
    from tests.simulation.world import Page, World


@dataclass(frozen=True)
class Aim:
    """The target of a fault: a piece of work if there is any, a server, and the page that owns the work."""

    server_id: ServerId
    address: str
    page: Page | None
    prompt_id: str = ""


@dataclass(frozen=True)
class Fault:
    """A fault. `unreachable` gives the reason for each phase in which it cannot meet any work."""

    name: str
    apply: Callable[[World, Aim], Iterable[str] | None]
    weight: int = 1
    unreachable: dict[Phase, str] = field(default_factory=dict)
    is_mishap: bool = False  # armed first, counted when it happens


FAULTS: dict[str, Fault] = {}

Apply = Callable[["World", Aim], Iterable[str] | None]


def fault(name: str, weight: int = 1, unreachable: dict[Phase, str] | None = None) -> Callable[[Apply], Apply]:
    """Add a function to the registry."""

    def register(apply: Apply) -> Apply:
        FAULTS[name] = Fault(name, apply, weight, unreachable or {})
        return apply

    return register


def reachable() -> list[tuple[Fault, Phase]]:
    """Return the cells of the table that must not stay empty."""
    return [(item, phase) for item in FAULTS.values() for phase in Phase if phase not in item.unreachable]


def strike(world: World, item: Fault, aim: Aim) -> bool:
    """Apply a fault and count it; return whether it could happen."""
    before = {prompt_id: phase_of(world, prompt_id) for prompt_id in all_work(world)}
    met = item.apply(world, aim)
    if met is None:
        return False
    if not item.is_mishap:
        world.note(f"FAULT {item.name} at {aim.server_id} {aim.prompt_id[:8]}")
        meet(world, item.name, [(key, phase) for key in met if (phase := before.get(key)) is not None])
    return True


def meet(world: World, name: str, work: list[tuple[str, Phase]]) -> None:
    """Count a fault for the work that it met."""
    world.tally.meet(name, work, is_in_others=any(is_of_another_window(world, key) for key, _ in work))


# Aiming


def aim_at(world: World, prompt_id: str) -> Aim:
    """Aim at a piece of work."""
    record = world.database.tasks.get(prompt_id) or world.database.reservations[prompt_id]
    return Aim(ServerId(record["server_id"]), record["address"], world.page_of(owner_of(world, prompt_id)), prompt_id)


def aim_somewhere(world: World) -> Aim:
    """Aim at some work, or at some server and page if there is none."""
    work = [key for key in all_work(world) if phase_of(world, key) is not Phase.SETTLED]
    if work and world.chance.random() < 0.8:
        return aim_at(world, world.chance.choice(work))
    server_id = world.chance.choice(list(world.sims))
    page = world.chance.choice(world.pages) if world.pages else None
    return Aim(server_id, home_of(server_id), page)


def machine_at(world: World, aim: Aim) -> SimServer | None:
    """Return the machine at the target address, if it is up."""
    machine = world.network.machines.get(aim.address)
    return None if machine is None or machine.is_down else machine
