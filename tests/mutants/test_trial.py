"""Mutants of a small module, from the trace to the table: each meets the judge that sees it, what hangs is ended."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants.bench import ROOT

SOURCE = """\
LIMIT = 3


def add(one, other):
    return one + other


def count(most):
    done = 0
    while done < most:
        done += 1
    return done


def below(value):
    return value < LIMIT


def unused(value):
    return value == 1
"""
TESTS = """\
from app.sums import add, count
from pathlib import Path

def told(name):
    with Path("told").open("a") as file:
        file.write(name + "\\n")

def test_add():
    told("add")
    assert add(1, 1) == 2

def test_count():
    told("count")
    assert count(3) == 3
"""
LIFE = """\
from types import SimpleNamespace
from app.sums import below

def try_living(seed):
    return SimpleNamespace(broken=["a promise"] if seed == 2 and below(3) is not False else [])
"""
SMALL_SOURCE = """\
def add(one, other):
    return one + other

def count(most):
    return most
"""
CALM_LIFE = """\
from types import SimpleNamespace

def try_living(seed):
    return SimpleNamespace(broken=[])
"""
FILES = {
    "app/__init__.py": "",
    "app/sums.py": SOURCE,
    "tests/__init__.py": "",
    "tests/test_sums.py": TESTS,
    "tests/simulation/__init__.py": "",
    "tests/simulation/life.py": LIFE,
    "pytest.ini": "[pytest]\n",
}
SCRIPT = """\
import sys
from pathlib import Path
from tests.mutants.__main__ import try_all
from tests.mutants.bench import Bench
from tests.mutants.operators import mutants_of

root = Path(sys.argv[1])
mutants = list(mutants_of("app/sums.py", (root / "app/sums.py").read_text()))
sys.exit(try_all(mutants, Bench(root, ("tests/test_sums.py",)), jobs=2, lives=4))
"""


def tried(root: Path) -> subprocess.CompletedProcess[str]:
    """What the tool says of the small module below `root`: in a process of its own, for it forks."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", SCRIPT, str(root)]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def test_each_mutant_meets_the_judge_that_can_see_it(bench: Path) -> None:
    ended = tried(bench)
    reported = [line.split("  ")[0].strip() + ": " + line.split("  ")[-1].strip() for line in ended.stdout.splitlines()]
    assert "hung: left out: done += 1" in reported, ended.stdout + ended.stderr
    assert "by lives (life 2): value < LIMIT" in reported
    assert "by lives (life 2): 3 is 4 in: LIMIT = 3" in reported
    assert "survived: value == 1" in reported
    assert not any("one + other" in line for line in reported), "caught by its test, and nothing more to be told"
    assert ended.returncode == 1


def test_mutant_gets_only_tests_that_run_its_line(bench: Path) -> None:
    (bench / "app/sums.py").write_text(SMALL_SOURCE, "utf-8")
    (bench / "tests/simulation/life.py").write_text(CALM_LIFE, "utf-8")
    ended = tried(bench)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    reported = (bench / "told").read_text("utf-8").split()
    # traced, tried unchanged, then two mutants of `add` and one of `count`
    assert (reported.count("add"), reported.count("count")) == (4, 3)


def test_judges_that_fail_on_the_unchanged_source_judge_nothing(bench: Path) -> None:
    (bench / "tests/test_sums.py").write_text("def test_add(): assert False\n", "utf-8")
    ended = tried(bench)
    assert ended.returncode == 1 and "unchanged" in ended.stderr and "hung" not in ended.stdout
