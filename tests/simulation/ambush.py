"""Faults that wait for work in a phase, so that short phases meet faults as often as long ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.simulation.faults import Fault, aim_at, reachable, strike
from tests.simulation.network import Exchange, Mishap
from tests.simulation.phases import Phase, everything_in

if TYPE_CHECKING:
    from tests.simulation.world import World

PATIENCE = 20.0  # virtual seconds until an ambush is replaced
MOST_LAID = 2  # ambushes that wait together
RARE = 8  # times as often: work that must end before the window knows of its acceptance, or after it was given up
OVER = 2  # times as often: short phases, and those that need an existing result
_LATE_FAULTS = frozenset(
    {
        "file deleted",
        "file overwritten",
        "history evicted",
        "history cleared",
        "interrupted by another",
        "queue cleared",
    }
)
_BEFORE = frozenset({Phase.POSTED, Phase.UNCLEAR})
_GIVEN_UP = frozenset({("queue cleared", Phase.SETTLED), ("interrupted by another", Phase.SETTLED)})
_SHORT = frozenset({Phase.RESERVED, Phase.UPLOADING, Phase.REGISTERED, Phase.POSTED, Phase.UNCLEAR})


@dataclass
class Ambush:
    """A fault that waits for a phase."""

    fault: Fault
    phase: Phase
    until: float
    is_springing: bool = False


class Ambushes:
    """Keeps a few ambushes, chosen evenly among all cells of the table."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._cells = reachable()
        self._weights = [_weight(fault, phase) for fault, phase in self._cells]
        self._laid: list[Ambush] = []
        self.is_on = True
        world.network.on_sent.append(self._sent)
        world.database.watchers.append(self.check)

    def keep(self) -> None:
        """Replace ambushes that have waited too long."""
        world, now = self._world, self._world.loop.time()
        self._laid = [item for item in self._laid if item.until > now]
        while len(self._laid) < MOST_LAID and self.is_on:
            fault, phase = world.chance.choices(self._cells, self._weights)[0]
            self._laid.append(Ambush(fault, phase, now + PATIENCE))
            is_late = fault.name in _LATE_FAULTS
            if phase is Phase.UNCLEAR and (is_late or world.chance.random() < 0.7):
                world.weather.armed.append(Mishap("answer lost", _is_submit))
                if is_late:  # no poll before the server has finished it
                    world.weather.armed += [Mishap("answer lost", _is_poll) for _ in range(3)]
            elif phase is Phase.POSTED and (is_late or world.chance.random() < 0.5):
                world.weather.armed.append(Mishap("answer late", _is_submit))

    def _sent(self, _: Exchange) -> None:
        self.check()

    def check(self) -> None:
        """Check whether a change has triggered an ambush, which is then the next event."""
        for ambush in self._laid:
            if not ambush.is_springing and self.is_on and everything_in(self._world, ambush.phase):
                ambush.is_springing = True
                delay = self._world.chance.choice([0.0, 0.0, 0.002]) if ambush.phase in _SHORT else 0.0
                self._world.later(delay, lambda ambush=ambush: self._trigger(ambush))

    def _trigger(self, ambush: Ambush) -> None:
        ambush.is_springing = False
        if not self.is_on or ambush not in self._laid:
            return
        world, work = self._world, everything_in(self._world, ambush.phase)
        world.chance.shuffle(work)
        if any(strike(world, ambush.fault, aim_at(world, prompt_id)) for prompt_id in work):
            self._laid.remove(ambush)
            self.keep()


def _weight(fault: Fault, phase: Phase) -> int:
    if (fault.name, phase) in _GIVEN_UP or (fault.name in _LATE_FAULTS and phase in _BEFORE):
        return RARE
    return OVER if fault.name in _LATE_FAULTS or phase is Phase.UNDELIVERED else 1


def _is_submit(exchange: Exchange) -> bool:
    return exchange.route == ("POST", "prompt")


def _is_poll(exchange: Exchange) -> bool:
    return exchange.route == ("GET", "queue")
