"""Where mutants of functions are tried: a process that has collected the judges once, and forks for each mutant.

In the fork the changed code takes the function's place. So nothing is imported twice, and a trial costs no more than
the tests that it needs. What only an import runs cannot be tried like this: see `trial.hold`.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import inspect
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import CodeType, FunctionType

import pytest

from tests.mutants.forks import be_silent, have_bounds
from tests.mutants.operators import Mutant
from tests.mutants.traces import QUICKLY
from tests.mutants.trial import BY_A_TEST, Trial, limit_test, live, work_in

_SHARP = 12  # judges
NOT_HERE = 98  # exit code: the change does not fit into the function as it is

Functions = dict[tuple[str, int], list[FunctionType]]  # by qualified name, and which of those of the same name


class Court:
    """A plugin of pytest: once the judges are collected, `sit` is called with it instead of running them."""

    def __init__(self, root: Path, seconds: dict[str, float], sit: Callable[[Court], None]) -> None:
        self._root = root
        self._seconds = seconds
        self._sit = sit
        self._items: dict[str, pytest.Item] = {}
        self._functions: dict[str, Functions] = {}
        self._failed = False
        self._caught, self._telling = os.pipe()
        os.set_blocking(self._caught, False)
        self._sharp: list[str] = []  # judges that caught something lately: what is changed next stands beside it
        self.has_sat = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._items = {item.nodeid: item for item in session.items}
        importlib.import_module("tests.simulation.life")
        self._functions = _functions_below(self._root / "app")
        self._sit(self)
        self.has_sat = True
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._failed |= report.failed

    def hold(self, trial: Trial) -> int:
        """Try it, in this process, which is good for nothing else afterwards; a code of `trial`, or NOT_HERE."""
        be_silent()
        have_bounds()
        if trial.mutant is not None and not self._change(trial.mutant):
            return NOT_HERE
        sharp = [judge for judge in self._sharp if judge in trial.judges]
        for judge in dict.fromkeys((*sharp, *trial.judges)):
            limit_test(self._seconds[judge])
            item = self._items[judge]
            item.ihook.pytest_runtest_protocol(item=item, nextitem=None)
            if self._failed:
                os.write(self._telling, f"{judge}\n".encode())
                return BY_A_TEST
        return live(trial.lives)

    def learn(self) -> None:
        """Use the results of earlier trials: tests that have caught a mutant run first."""
        with contextlib.suppress(BlockingIOError):
            caught_by = os.read(self._caught, 1 << 16).decode().split("\n")[:-1]
            self._sharp = list(dict.fromkeys((*reversed(caught_by), *self._sharp)))[:_SHARP]

    def _change(self, mutant: Mutant) -> bool:
        path = self._root / mutant.file
        functions = self._functions.get(str(path), {})
        before = _functions_in(compile(path.read_text("utf-8"), str(path), "exec", dont_inherit=True))
        after = _functions_in(compile(mutant.source, str(path), "exec", dont_inherit=True))
        if before.keys() != after.keys():
            return False
        is_changed = False
        for name, code in after.items():
            if not _is_same(before[name], code):
                for function in functions.get(name, ()):
                    if len(function.__code__.co_freevars) != len(code.co_freevars):
                        return False
                    function.__code__ = code
                    is_changed = True
        return is_changed


def hear(root: Path, judges: Iterable[str], seconds: dict[str, float], sit: Callable[[Court], None]) -> None:
    """Collect the judges below `root` in this process, and let `sit` run the trials."""
    work_in(root)
    court = Court(root, seconds, sit)
    code = pytest.main([*QUICKLY, "-o", "addopts=", "--capture=no", *judges], plugins=[court])
    if not court.has_sat:
        raise RuntimeError(f"the court broke off: {code!r}")


def _functions_below(folder: Path) -> dict[str, Functions]:
    """The functions that have been loaded from there, by file."""
    found: defaultdict[tuple[str, str], dict[CodeType, list[FunctionType]]] = defaultdict(dict)
    for item in gc.get_objects():
        if type(item) is FunctionType and item.__code__.co_filename.startswith(str(folder)):
            code = item.__code__
            found[code.co_filename, code.co_qualname].setdefault(code, []).append(item)
    by_file: defaultdict[str, Functions] = defaultdict(dict)
    for (file, name), by_code in found.items():
        for place, code in enumerate(sorted(by_code, key=lambda code: code.co_firstlineno)):
            by_file[file][name, place] = by_code[code]
    return dict(by_file)


def _functions_in(module: CodeType) -> dict[tuple[str, int], CodeType]:
    """The functions of a module and of its classes, without those that are made in functions."""
    named: defaultdict[str, list[CodeType]] = defaultdict(list)
    for code in _outermost(module):
        named[code.co_qualname].append(code)
    return {
        (name, place): code
        for name, codes in named.items()
        for place, code in enumerate(sorted(codes, key=lambda code: code.co_firstlineno))
    }


def _outermost(code: CodeType) -> Iterator[CodeType]:
    for item in code.co_consts:
        if isinstance(item, CodeType):
            if item.co_flags & inspect.CO_OPTIMIZED:
                yield item
            else:
                yield from _outermost(item)


def _is_same(one: CodeType, other: CodeType) -> bool:
    """Whether both do the same, wherever they stand."""
    if (one.co_code, one.co_names, one.co_varnames) != (other.co_code, other.co_names, other.co_varnames):
        return False
    return len(one.co_consts) == len(other.co_consts) and all(map(_is_same_constant, one.co_consts, other.co_consts))


def _is_same_constant(one: object, other: object) -> bool:
    if isinstance(one, CodeType) and isinstance(other, CodeType):
        return _is_same(one, other)
    return type(one) is type(other) and repr(one) == repr(other)
