"""The report of many lives: what was done, the table *fault × phase*, and broken promises."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.simulation.faults import FAULTS, reachable
from tests.simulation.phases import Phase
from tests.simulation.tally import Tally

WANTED = 100  # the desired count of each reachable cell in a long run
LONG = 2000  # lives from which on no reachable cell may be empty
_RAREST = 12  # cells
_SHOWN = 3  # lines of each broken life


@dataclass
class Report:
    """Adds up lives as they end."""

    tally: Tally = field(default_factory=Tally)
    broken: dict[int, list[str]] = field(default_factory=dict)  # by seed
    began: float = field(default_factory=time.monotonic)

    def add(self, seed: int, tally: Tally, broken: list[str]) -> None:
        """Add a life."""
        self.tally.add(tally)
        if broken:
            self.broken[seed] = broken

    @property
    def empty(self) -> list[str]:
        """Return the reachable cells that no fault has met, and the faults that met no other window of a session."""
        cells, in_others = self.tally.cells, self.tally.in_others
        empty = [f"{fault.name} × {phase.value}" for fault, phase in reachable() if not cells[fault.name, phase]]
        return empty + [f"{name} × another window" for name in FAULTS if not in_others[name]]

    @property
    def is_good(self) -> bool:
        """Return whether no promise was broken and, in a long run, no cell left untried."""
        return not self.broken and (self.tally.counts["lives"] < LONG or not self.empty)

    @property
    def text(self) -> str:
        """Return the whole report."""
        return "\n".join((*self._steps(), "", *self._table(), "", *self._rare(), *self._violations()))

    def _steps(self) -> Iterator[str]:
        counts = self.tally.counts
        kinds = (
            "acts",
            "faults",
            "requests",
            "commits",
            "editor's files",
            "early presses",
            "early presses offered",
            "interrupted presses",
            "runs on another server",
            "sockets of other windows of a session",
            "sessions seen on several servers",
            "refused presses",
        )
        steps = sum(counts[kind] for kind in kinds)
        yield f"{counts['lives']} lives, {steps} steps in {time.monotonic() - self.began:.0f} s"
        yield "  " + ", ".join(f"{counts[kind]} {kind}" for kind in kinds)

    def _table(self) -> Iterator[str]:
        width = max(len(name) for name in FAULTS)
        phases = " ".join(f"{item.value:>12}" for item in Phase)
        yield f"{'fault × phase of the work that it met':<{width}} {phases} {'in others':>12}"
        for name in FAULTS:
            cells = " ".join(f"{self._cell(name, phase):>12}" for phase in Phase)
            yield f"{name:<{width}} {cells} {self.tally.in_others[name]:>12}"
        yield "  -  cannot be: the reason is in the registry"
        yield "  in others: how often it met work of another window than a session's own"

    def _cell(self, name: str, phase: Phase) -> str:
        count = self.tally.cells[name, phase]
        is_unreachable = phase in FAULTS[name].unreachable
        return "-" if is_unreachable and not count else f"{count}!" if is_unreachable else str(count)

    def _rare(self) -> Iterator[str]:
        counted = [(self.tally.cells[item.name, phase], f"{item.name} × {phase.value}") for item, phase in reachable()]
        rare = sorted(cell for cell in counted if 0 < cell[0] < WANTED)
        yield f"{len(counted)} reachable cells, {len(rare)} of them met fewer than {WANTED} times"
        if rare:
            yield "  the rarest: " + "; ".join(f"{name} {count}" for count, name in rare[:_RAREST])
        yield f"{len(self.empty)} empty: {'; '.join(self.empty) or 'none'}"

    def _violations(self) -> Iterator[str]:
        yield f"{len(self.broken)} lives with a broken promise"
        for seed, broken in sorted(self.broken.items()):
            yield f"  seed {seed}"
            yield from (f"    {line[:300]}" for line in broken[:_SHOWN])
        if self.broken:
            yield "  replay one with: python -m tests.simulation --seed N"
