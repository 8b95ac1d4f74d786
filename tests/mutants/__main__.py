"""Mutants of what decides, each given to the tests that run its line, then to simulated lives.

python -m tests.mutants                                    all of them
python -m tests.mutants --files app/core/truth.py --jobs 2
python -m tests.mutants --files app/core/truth.py:41       those of a line
python -m tests.mutants --sample 60                        so many, chosen evenly
python -m tests.mutants --named                            the named ones alone
python -m tests.mutants --files app/session/watching/watch.py --tests 'tests/unit/session/*.py'     those tests, then li
"""

from __future__ import annotations

import argparse
import math
import os
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from gateway.platforms import system
from tests.mutants.bench import FAILED, ROOT, Bench
from tests.mutants.docket import try_each
from tests.mutants.judged import reason_for
from tests.mutants.named import NAMED
from tests.mutants.operators import Mutant, mutants_of
from tests.mutants.tally import JUDGED, Tally
from tests.mutants.trial import SURVIVED

MUTATED = ("app/core/window.py", "app/core/truth.py", "app/session/**/*.py")
HASH_SEED = "0"  # the simulation's
LIVES = 20


def main(arguments: list[str]) -> int:
    """Try them; 0 if none survives."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.splitlines()[0])
    parser.add_argument("--files", nargs="+", default=list(MUTATED), help="what to change, as paths or patterns")
    parser.add_argument("--sample", type=int, help="only so many of all mutants, chosen evenly")
    parser.add_argument("--lives", type=int, default=LIVES, help="simulated lives for those that the tests let pass")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--tests", nargs="+", help="only the judges in these files, as paths or patterns")
    parser.add_argument("--longest", type=float, default=math.inf, help="only tests that take no longer, in seconds")
    parser.add_argument("--traces", type=Path, help="where to keep which test runs what, for further runs")
    parser.add_argument("--judged", action="store_true", help="try the judged ones too")
    parser.add_argument("--named", action="store_true", help="only those with a name")
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was forked is ended, and the bench cleared away
    with tempfile.TemporaryDirectory(prefix="mooring-mutants-") as folder:
        bench = Bench.set_up(Path(folder).resolve())
        if given.tests:
            bench = bench.with_judges(given.tests)
        if given.named:
            return _try_named(bench)
        mutants = _chosen(given.files, given.sample)
        how = {"jobs": given.jobs, "lives": given.lives, "longest": given.longest, "with_judged": given.judged}
        return try_all(mutants, bench, kept=given.traces, **how)


def _chosen(patterns: list[str], sample: int | None) -> list[Mutant]:
    found = [mutant for pattern in patterns for mutant in _matching(pattern)]
    if sample is None or sample >= len(found):
        return found
    return [found[place * len(found) // sample] for place in range(sample)]


def _matching(pattern: str) -> Iterator[Mutant]:
    files, _, line = pattern.partition(":")
    for path in sorted(ROOT.glob(files)):
        for mutant in mutants_of(path.relative_to(ROOT).as_posix(), path.read_text("utf-8")):
            if not line or mutant.line == int(line):
                yield mutant


def try_all(
    mutants: list[Mutant],
    bench: Bench,
    *,
    jobs: int,
    lives: int,
    longest: float = math.inf,
    kept: Path | None = None,
    with_judged: bool = False,
) -> int:
    """Try these on the bench, and print what becomes of them; 0 if none survives."""
    tally = Tally(Counter(mutant.file for mutant in mutants))
    judged = [mutant for mutant in mutants if reason_for(mutant) and not with_judged]
    for mutant in judged:
        tally.add(mutant, JUDGED)
    tried = [mutant for mutant in mutants if mutant not in judged]
    print(f"{len(mutants)} mutants, {len(tried)} of them to be tried", flush=True)
    for mutant, code in try_each(tried, bench, jobs=jobs, lives=lives, longest=longest, kept=kept):
        for line in tally.add(mutant, JUDGED if code == SURVIVED and reason_for(mutant) else code):
            print(line, flush=True)
    print(tally.table)
    return 0 if tally.is_good else 1


def _try_named(bench: Bench) -> int:
    missed = 0
    for named in NAMED:
        named.apply(bench.root)
        is_caught = bench.test(named.caught_by) == FAILED
        bench.restore(named.file)
        missed += not is_caught
        print(f"{'caught' if is_caught else 'MISSED':<8} {named.name}: {named.caught_by}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != HASH_SEED:
        os.environ["PYTHONHASHSEED"] = HASH_SEED
        system.become([sys.executable, "-m", "tests.mutants", *sys.argv[1:]], os.environ)
    sys.exit(main(sys.argv[1:]))
