"""Random mutants by cosmic-ray, each judged by the unit tests of its part.

python -m tests.mutants                                              100 of all parts together
python -m tests.mutants gateway/people --sample 30 --seed 7
python -m tests.mutants app/core/truth.py --sample 0                 all of it
python -m tests.mutants app/session --longest 0.5                    first without the tests that take longer
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shlex
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cosmic_ray.commands import init as list_mutants
from cosmic_ray.modules import find_modules
from cosmic_ray.mutating import mutate_and_test
from cosmic_ray.work_db import use_db
from cosmic_ray.work_item import MutationSpec, TestOutcome

from tests.mutants.copies import ENVIRONMENT, PYTEST, Copy

JUDGES = {
    "app/core/truth.py": ("tests/unit/core",),
    "app/core/window.py": ("tests/unit/core",),
    "app/session": ("tests/unit/session", "tests/unit/test_selfcheck.py"),
    "gateway/people": ("tests/unit/gateway/people",),
}
ANNOTATIONS = "core/ReplaceBinaryOperator_BitOr_"  # `int | None`, which nothing evaluates
TEST_SECONDS = 30  # a test that takes longer counts as failed: the mutant loops, or waits for what never comes
PATIENCE = 4  # times as long as all unchanged tests, for what no signal ends
SLOW = re.compile(r"^([\d.]+)s (?:call|setup) +(\S.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Judges:
    """The tests of one part, as commands: its quick tests, then its slow ones."""

    commands: tuple[str, ...]
    seconds: float

    @classmethod
    def measured(cls, tests: Sequence[str], longest: float | None) -> Judges:
        """Run the unchanged tests once, to see that they pass and how long each takes."""
        started = time.monotonic()
        durations = ("--durations", "0", "--durations-min", str(longest or 60))
        ended = subprocess.run([*PYTEST, *durations, *tests], capture_output=True, text=True, check=False)
        if ended.returncode:
            raise SystemExit(f"the unchanged tests fail:\n{ended.stdout[-4000:]}")
        slow = [name for took, name in SLOW.findall(ended.stdout) if longest and float(took) > longest]
        judging = [*PYTEST, "--assert=plain", "--timeout", str(TEST_SECONDS)]
        quick = shlex.join([*judging, *tests, *(word for name in slow for word in ("--deselect", name))])
        commands = (quick, shlex.join([*judging, *slow])) if slow else (quick,)
        return cls(commands, PATIENCE * (time.monotonic() - started))

    def outcome(self, mutant: MutationSpec) -> tuple[str, str]:
        """Say what becomes of that mutant, and show its change."""
        for command in self.commands:
            result = mutate_and_test([mutant], command, self.seconds)
            if result.test_outcome is not TestOutcome.SURVIVED:
                break
        if result.output and (result.output == "timeout" or "Failed: Timeout" in result.output):
            return "hung", result.diff or ""
        return str((result.test_outcome or result.worker_outcome).value), result.diff or ""


def mutants_of(part: str) -> list[MutationSpec]:
    """All that cosmic-ray can change there, in an order that does not depend on its random ids."""
    with tempfile.TemporaryDirectory() as folder, use_db(Path(folder) / "session.sqlite") as database:
        list_mutants(find_modules([Path(part)]), database, {})
        found = [mutation for item in database.work_items for mutation in item.mutations]
    return sorted(
        (mutation for mutation in found if not mutation.operator_name.startswith(ANNOTATIONS)),
        key=lambda mutation: (str(mutation.module_path), mutation.operator_name, mutation.occurrence),
    )


def drawn(parts: Sequence[str], sample: int, seed: int) -> Iterator[tuple[str, list[MutationSpec]]]:
    """A sample of all parts together, by part."""
    everything = [(part, mutant) for part in parts for mutant in mutants_of(part)]
    chosen = random.Random(seed).sample(everything, min(sample, len(everything)) or len(everything))
    print(f"{len(chosen)} of {len(everything)} mutants", flush=True)
    for part in parts:
        yield part, [mutant for of, mutant in chosen if of == part]


def main() -> int:
    """Judge them in a copy of the repository; 0 if none survives."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("parts", nargs="*", default=list(JUDGES), help=f"of {', '.join(JUDGES)}, or files in them")
    parser.add_argument("--sample", type=int, default=100, help="how many of all; 0 for all of them")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--longest", type=float, help="seconds; only survivors are tried with tests that take longer")
    given = parser.parse_args()
    if unknown := [part for part in given.parts if not _judges_of(part)]:
        parser.error(f"no tests are known to judge {', '.join(unknown)}")
    os.environ.update(ENVIRONMENT)
    tally: Counter[tuple[str, str]] = Counter()
    with tempfile.TemporaryDirectory(prefix="mooring-mutants-") as folder:
        os.chdir(Copy.of_repository(Path(folder)).root)
        for part, mutants in drawn(given.parts, given.sample, given.seed):
            judges = Judges.measured(_judges_of(part), given.longest)
            for mutant in mutants:
                outcome, change = judges.outcome(mutant)
                tally[part, outcome] += 1
                print(f"{outcome:<9} {mutant.module_path}:{mutant.start_pos[0]} {mutant.operator_name}", flush=True)
                if outcome == TestOutcome.SURVIVED.value:
                    print(change, flush=True)
        os.chdir("/")
    for (part, outcome), count in sorted(tally.items()):
        print(f"{part:<24} {outcome:<12} {count:>5}")
    return 1 if any(outcome == TestOutcome.SURVIVED.value for _, outcome in tally) else 0


def _judges_of(part: str) -> tuple[str, ...]:
    return next((tests for judged, tests in JUDGES.items() if part == judged or part.startswith(f"{judged}/")), ())


if __name__ == "__main__":
    raise SystemExit(main())
