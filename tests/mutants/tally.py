"""What became of the mutants, by file."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

from tests.mutants.forks import BROKE_OFF
from tests.mutants.operators import Place
from tests.mutants.trial import BY_A_LIFE, SURVIVED

COLUMNS = ("mutants", "by tests", "by lives", "hung", "judged", "survived")
JUDGED = 97  # beside the exit codes of a trial: it survived, or was not tried, for a reason that is written down
_EACH = 50  # mutants between two lines of progress


@dataclass
class Tally:
    """Counts outcomes as they come; `expected` says how many mutants each file has."""

    expected: Counter[str]
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)
    last_life: int = -1  # the last that was needed

    def add(self, mutant: Place, code: int) -> list[str]:
        """One more, and the lines to be printed of it."""
        outcome = outcome_of(code)
        counts = self.counts.setdefault(mutant.file, Counter())
        counts.update((outcome, "mutants"))
        if code >= BY_A_LIFE:
            self.last_life = max(self.last_life, code - BY_A_LIFE)
        lines = []
        if outcome != "by tests":
            life = f" (life {code - BY_A_LIFE})" if outcome == "by lives" else ""
            lines.append(f"{outcome + life:<18} {mutant.file}:{mutant.line}  {mutant.where}  {mutant.what}")
        if counts["mutants"] == self.expected[mutant.file]:
            lines.append(self._row(mutant.file, counts))
        done = sum(item["mutants"] for item in self.counts.values())
        if done % _EACH == 0:
            lines.append(f"{done} of {self.expected.total()} in {time.monotonic() - self.began:.0f} s")
        return lines

    @property
    def is_good(self) -> bool:
        """Whether none survived without a reason."""
        return not any(counts["survived"] for counts in self.counts.values())

    @property
    def table(self) -> str:
        """All of it."""
        whole = sum(self.counts.values(), Counter[str]())
        head = f"{'file':<32}" + "".join(f"{name:>10}" for name in COLUMNS)
        rows = [self._row(file, counts) for file, counts in sorted(self.counts.items())]
        end = f"in {time.monotonic() - self.began:.0f} s; the last life that was needed: {self.last_life}"
        return "\n".join((head, *rows, self._row("all", whole), end))

    @staticmethod
    def _row(name: str, counts: Counter[str]) -> str:
        return f"{name:<32}" + "".join(f"{counts[column]:>10}" for column in COLUMNS)


def outcome_of(code: int) -> str:
    """The column of an exit code."""
    if code == BROKE_OFF:
        raise RuntimeError("a trial broke off: what it printed says why")
    if code < 0:
        return "hung"
    if code >= BY_A_LIFE:
        return "by lives"
    return {SURVIVED: "survived", JUDGED: "judged"}.get(code, "by tests")
