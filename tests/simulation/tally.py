"""Counts of what was tried: how often each fault met work in each phase, and how much was done."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.simulation.phases import Phase

Cell = tuple[str, Phase]


@dataclass
class Tally:
    """Counts of one life or of many. `came` and `met` are of one life only: the faults that happened, and those that a
    piece of work has met."""

    cells: Counter[Cell] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    in_others: Counter[str] = field(default_factory=Counter)  # faults that met work of a session's other windows
    came: set[str] = field(default_factory=set)
    met: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def meet(self, fault: str, work: Iterable[tuple[str, Phase]], *, is_in_others: bool) -> None:
        """Count a fault for this work. A cell counts once each time the fault happens."""
        known = list(work)
        for prompt_id, _ in known:
            self.met[prompt_id].add(fault)
        self.cells.update({(fault, phase) for _, phase in known})
        self.in_others[fault] += is_in_others
        self.came.add(fault)
        self.counts["faults"] += 1

    def excuse(self, fault: str, prompt_ids: Iterable[str]) -> None:
        """Do not count a lasting fault twice for later work."""
        for prompt_id in prompt_ids:
            self.met[prompt_id].add(fault)

    def add(self, other: Tally) -> None:
        """Add the counts of another life."""
        self.cells.update(other.cells)
        self.counts.update(other.counts)
        self.in_others.update(other.in_others)

    def plain(self) -> Tally:
        """Return the counts alone, for another process."""
        return Tally(Counter(self.cells), Counter(self.counts), Counter(self.in_others))
