"""One mutant before its judges: in a process of its own, the tests that run it, then simulated lives.

Nothing is written: the changed source takes the module's place when it is imported.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

import pytest

from tests.mutants.forks import be_silent, have_bounds, let_itself_be_ended
from tests.mutants.operators import Mutant
from tests.mutants.traces import QUICKLY

SURVIVED, BY_A_TEST, BY_A_LIFE = 0, 1, 100  # exit codes; the number of the life is added to the last
_FIRST = 25  # tests of the first run of pytest: most mutants need no more, and it collects few files for them
_PATIENCE = 4.0  # times as long as it took, a test may take; and two seconds
_LIFE = 30.0  # seconds of the processor that a life may take; one takes half a second


@dataclass(frozen=True)
class Trial:
    """What one process has to do: nothing is changed if there is no mutant."""

    mutant: Mutant | None
    judges: Sequence[str]
    lives: int


class _Changed(SourceFileLoader):
    """Loads another source than its file has."""

    source = ""

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.source, self.path, "exec", dont_inherit=True)


@dataclass(frozen=True)
class _Finder(MetaPathFinder):
    """Finds the mutant where its module is asked for."""

    root: Path
    mutant: Mutant

    def find_spec(self, fullname: str, path: object, target: ModuleType | None = None) -> ModuleSpec | None:
        if f"{fullname.replace('.', '/')}.py" != self.mutant.file:
            return None
        loader = _Changed(fullname, str(self.root / self.mutant.file))
        loader.source = self.mutant.source
        return importlib.util.spec_from_file_location(fullname, loader.path, loader=loader)


class _Limits:
    """The plugin that gives each test its time."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self._seconds = seconds

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        limit_test(self._seconds[item.nodeid])
        yield
        let_itself_be_ended(60.0, 600.0)


def limit_test(seconds: float) -> None:
    """What takes much longer from now on than it took when it was traced hangs, and the system ends the process."""
    limit = 2.0 + _PATIENCE * seconds
    let_itself_be_ended(limit, 20.0 * limit)


def hold(root: Path, trial: Trial, seconds: dict[str, float]) -> int:
    """Try it, in this process, which is good for nothing else afterwards; one of the codes above."""
    be_silent()
    have_bounds()
    let_itself_be_ended(60.0, 600.0)
    work_in(root)
    if trial.mutant is not None:
        sys.meta_path.insert(0, _Finder(root, trial.mutant))
    limits = _Limits(seconds)
    for judges in (trial.judges[:_FIRST], trial.judges[_FIRST:]):
        if judges and pytest.main([*QUICKLY, "-x", *judges], plugins=[limits]) != 0:
            return BY_A_TEST
    return live(trial.lives)


def work_in(root: Path) -> None:
    """Let imports come from there, and not from the folder that this process has begun in."""
    here = os.getcwd()
    os.chdir(root)
    sys.path[:] = [str(root), *(path for path in sys.path if path not in ("", here, str(root)))]
    for name in [name for name in sys.modules if name.split(".")[0] in ("tests", "app", "wire")]:
        del sys.modules[name]


def live(lives: int) -> int:
    """Simulated lives, up to the first that breaks a promise."""
    for seed in range(lives):
        from tests.simulation.life import try_living  # of the bench: it imports the mutant

        let_itself_be_ended(_LIFE, 10 * _LIFE)
        try:
            is_broken = bool(try_living(seed).broken)
        except Exception:  # noqa: BLE001 - a life that cannot be lived is broken too
            is_broken = True
        if is_broken:
            return BY_A_LIFE + seed
    return SURVIVED
