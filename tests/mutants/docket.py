"""All trials, one after the other: those of functions in a court, the rest each on its own (see `court` and `trial`).

for mutant, code in try_each(mutants, bench, jobs=2, lives=20): ...
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.mutants.bench import Bench
from tests.mutants.court import NOT_HERE, Court, hear
from tests.mutants.forks import be_silent, each_in_a_fork, fork
from tests.mutants.operators import Mutant
from tests.mutants.traces import Traces, trace
from tests.mutants.trial import SURVIVED, Trial, hold, work_in


def try_each(
    mutants: Sequence[Mutant], bench: Bench, *, jobs: int, lives: int, longest: float, kept: Path | None = None
) -> Iterator[tuple[Mutant, int]]:
    """Each mutant with its exit code, by the tests that took no longer; none before the unchanged source has passed."""
    traces = traced(mutants, bench, kept or bench.root / "traces.json").of(bench.judges).without_longer(longest)
    left = [mutant for mutant in mutants if not mutant.where]
    here = [mutant for mutant in mutants if mutant.where]
    trials = [Trial(mutant, traces.judges_of(mutant), lives) for mutant in here]
    unchanged = Trial(None, sorted(traces.seconds, key=lambda test: traces.seconds[test]), lives)
    for number, code in _in_court([unchanged, *trials], bench, traces, jobs):
        if number == 0:
            if code != SURVIVED:
                raise SystemExit("the judges find fault with the unchanged source")
        elif code == NOT_HERE:
            left.append(here[number - 1])
        else:
            yield here[number - 1], code
    alone = [(mutant, Trial(mutant, traces.judges_of(mutant), lives)) for mutant in left]
    for (mutant, _), code in each_in_a_fork(alone, lambda item: hold(bench.root, item[1], traces.seconds), jobs=jobs):
        yield mutant, code


def traced(mutants: Sequence[Mutant], bench: Bench, into: Path) -> Traces:
    """Which tests run what of the mutants' files, and of those beside them; as it is kept there, if it is."""
    if into.exists():
        return Traces.read(into)
    folders = {(bench.root / mutant.file).parent for mutant in mutants}
    files = sorted(path.relative_to(bench.root).as_posix() for folder in folders for path in folder.glob("*.py"))

    def act(_: None) -> int:
        be_silent()
        work_in(bench.root)
        return trace(bench.root, bench.judges, files, into)

    if [code for _, code in each_in_a_fork([None], act)] != [0]:
        raise SystemExit("the judges fail on the unchanged source")
    return Traces.read(into)


def _in_court(trials: Sequence[Trial], bench: Bench, traces: Traces, jobs: int) -> Iterator[tuple[int, int]]:
    """Each trial's place and code, as reported by a process of its own; the first ends before the others."""
    reader, writer = os.pipe()

    def sit(court: Court) -> None:
        numbered = list(enumerate(trials))
        for some in (numbered[:1], numbered[1:]):
            for (number, _), code in each_in_a_fork(some, lambda item: court.hold(item[1]), jobs=jobs):
                os.write(writer, f"{number} {code}\n".encode())
                court.learn()

    def act(_: None) -> int:
        be_silent()
        hear(bench.root, bench.judges, traces.seconds, sit)
        return 0

    court = fork(None, act)
    os.close(writer)
    try:
        with os.fdopen(reader) as reports:
            for line in reports:
                number, code = line.split()
                yield int(number), int(code)
    finally:
        os.kill(court, signal.SIGTERM)
        status = os.waitpid(court, 0)[1]
    if status != 0:
        raise SystemExit("the court broke off")
