"""Which tests run which line: all the judges run once, under coverage.py, with a context for each test.

traces = Traces.read(path)                  # what `trace` wrote
traces.judges_of(mutant)                    # node ids, the quickest first
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import coverage
import pytest

from tests.mutants.bench import is_within
from tests.mutants.operators import Mutant

QUICKLY = ("-q", "-p", "no:cacheprovider", "--assert=plain")  # the comparison of a failed assertion is not read


class _Contexts:
    """A plugin that reports to coverage.py which test runs, and measures its time."""

    def __init__(self, tracer: coverage.Coverage) -> None:
        self._tracer = tracer
        self.seconds: dict[str, float] = {}

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        began = time.process_time()
        self._tracer.switch_context(item.nodeid)
        yield
        self._tracer.switch_context("")
        self.seconds[item.nodeid] = time.process_time() - began


@dataclass(frozen=True)
class Traces:
    """For each file and line the tests that ran it, and for each test its seconds."""

    lines: dict[str, dict[int, list[str]]]
    seconds: dict[str, float]

    @classmethod
    def read(cls, path: Path) -> Traces:
        """What was traced."""
        tests, seconds, lines = json.loads(path.read_text("utf-8"))
        named = {
            file: {int(line): [tests[number] for number in ran] for line, ran in by_line.items()}
            for file, by_line in lines.items()
        }
        return cls(named, dict(zip(tests, seconds, strict=True)))

    def without_longer(self, longest: float) -> Traces:
        """Without the tests that took longer, in seconds."""
        return self._only(test for test, seconds in self.seconds.items() if seconds <= longest)

    def of(self, judges: Sequence[str]) -> Traces:
        """Those of these files and folders alone."""
        return self._only(test for test in self.seconds if any(is_within(test, judge) for judge in judges))

    def _only(self, tests: Iterable[str]) -> Traces:
        seconds = {test: self.seconds[test] for test in tests}
        lines = {
            file: {line: [test for test in ran if test in seconds] for line, ran in by_line.items()}
            for file, by_line in self.lines.items()
        }
        return Traces(lines, seconds)

    def judges_of(self, mutant: Mutant) -> list[str]:
        """The tests that run its statement; if only an import runs it, or nothing, all that run something beside it."""
        by_line = self.lines.get(mutant.file, {})
        found = {test for line in mutant.lines for test in by_line.get(line, ())} or self._around(mutant.file)
        return sorted(found, key=lambda test: (self.seconds[test], test))

    def _around(self, file: str) -> set[str]:
        """The tests that run anything of that file's folder: a name may be used where it was imported."""
        folder = Path(file).parent
        return {
            test
            for name, by_line in self.lines.items()
            if Path(name).parent == folder
            for tests in by_line.values()
            for test in tests
        }


def trace(root: Path, tests: Iterable[str], traced: list[str], into: Path) -> int:
    """Run these tests below `root`, in this process, and write which run what of the traced files; pytest's code."""
    tracer = coverage.Coverage(data_file=None, config_file=False, include=[str(root / file) for file in traced])
    contexts = _Contexts(tracer)
    tracer.start()
    code = pytest.main([*QUICKLY, *tests], plugins=[contexts])
    tracer.stop()
    data = tracer.get_data()
    ran = {file: data.contexts_by_lineno(str(root / file)) for file in traced}
    judges = sorted({test for by_line in ran.values() for tests in by_line.values() for test in tests if test})
    number = {test: place for place, test in enumerate(judges)}
    lines = {
        file: {line: [number[test] for test in tests if test] for line, tests in by_line.items()}
        for file, by_line in ran.items()
    }
    into.write_text(json.dumps((judges, [contexts.seconds[test] for test in judges], lines)), "utf-8")
    return int(code)
