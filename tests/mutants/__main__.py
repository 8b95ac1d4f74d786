"""Mutants of what decides: each is given to the unit tests of its module, then to a short simulation.

python -m tests.mutants                                    all of them: hours
python -m tests.mutants --files app/core/truth.py --jobs 2
python -m tests.mutants --sample 60                        so many, chosen evenly
python -m tests.mutants --named                            the named ones alone
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from tests.mutants.bench import FAILED, ROOT, Bench
from tests.mutants.judged import reason_for
from tests.mutants.named import NAMED
from tests.mutants.operators import Mutant, mutants_of

MUTATED = ("app/core/window.py", "app/core/truth.py", "app/session/*.py")
CORE, SESSION = "tests/unit/core", "tests/unit/session"
JUDGES = {  # the unit tests of a module; the session's stories are those of all its modules
    "app/core/window.py": (f"{CORE}/test_window.py", f"{CORE}/test_window_machine.py"),
    "app/core/truth.py": (
        f"{CORE}/test_truth.py",
        f"{CORE}/test_truth_outputs.py",
        f"{CORE}/test_truth_properties.py",
    ),
}
NOT_MUTATED = frozenset(
    {"sandbox.py", "selfcheck.py", "checks.py", "__init__.py", "facts.py"}
)  # no rules of the session


def main(arguments: list[str]) -> int:
    """Try them; 0 if none survives."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.splitlines()[0])
    parser.add_argument("--files", nargs="+", default=list(MUTATED), help="what to change, as paths or patterns")
    parser.add_argument("--sample", type=int, help="only so many of all mutants, chosen evenly")
    parser.add_argument("--lives", type=int, default=40, help="simulated lives for those that the unit tests let pass")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--named", action="store_true", help="only those with a name")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="mooring-mutants-") as folder:
        benches: SimpleQueue[Bench] = SimpleQueue()
        for number in range(given.jobs):
            benches.put(Bench.set_up(Path(folder) / str(number)))
        if given.named:
            return _try_named(benches.get())
        return _try_all(_chosen(given.files, given.sample), benches, given.jobs, given.lives)


def _chosen(patterns: list[str], sample: int | None) -> list[Mutant]:
    files = [path for pattern in patterns for path in sorted(ROOT.glob(pattern)) if path.name not in NOT_MUTATED]
    found = [mutant for path in files for mutant in _of(path)]
    if sample is None or sample >= len(found):
        return found
    return [found[place * len(found) // sample] for place in range(sample)]


def _of(path: Path) -> Iterator[Mutant]:
    return mutants_of(path.relative_to(ROOT).as_posix(), path.read_text("utf-8"))


def _try_all(mutants: list[Mutant], benches: SimpleQueue[Bench], jobs: int, lives: int) -> int:
    print(f"{len(mutants)} mutants", flush=True)
    outcomes: dict[str, Counter[str]] = {}
    with ThreadPoolExecutor(jobs) as pool:
        for done, (mutant, outcome) in enumerate(pool.map(lambda item: _try(item, benches, lives), mutants), 1):
            outcomes.setdefault(mutant.file, Counter())[outcome] += 1
            if outcome == "survived":
                print(f"{mutant.file}:{mutant.line}  {mutant.what}", flush=True)
            if done % 50 == 0:
                print(f"{done} of {len(mutants)}", flush=True)
    for file, counts in outcomes.items():
        print(f"{file}: " + ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common()))
    return 1 if any(counts["survived"] for counts in outcomes.values()) else 0


def _try(mutant: Mutant, benches: SimpleQueue[Bench], lives: int) -> tuple[Mutant, str]:
    bench = benches.get()
    try:
        (bench.root / mutant.file).write_text(mutant.source, "utf-8")
        return mutant, _outcome(bench, mutant, lives)
    finally:
        bench.restore(mutant.file)
        benches.put(bench)


def _outcome(bench: Bench, mutant: Mutant, lives: int) -> str:
    code = bench.test(*JUDGES.get(mutant.file, (SESSION,)))
    if code is None or code != 0:
        return "hung" if code is None else "caught by a unit test"
    code = bench.simulate(lives)
    if code == 0:
        return "judged" if reason_for(mutant.file, mutant.what) else "survived"
    return "hung" if code is None else "caught by the simulation"


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
    sys.exit(main(sys.argv[1:]))
