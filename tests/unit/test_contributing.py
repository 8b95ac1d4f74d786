"""The first change in CONTRIBUTING.md can be made as described: its diffs apply, and its test passes after the last."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tests.kit.services import ROOT

DIFF = re.compile(r"^ *```diff\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
CHANGED = re.compile(r"^\+\+\+ b/(\S+)$", re.MULTILINE)
COMMAND = re.compile(r"`\.venv/bin/python -m (pytest tests/\S+)`")
TABLE = "test_a_template_is_filled_in"
TEXT = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
DIFFS = [dedent(diff) for diff in DIFF.findall(TEXT)]


@pytest.fixture
def changed_files(tmp_path: Path) -> Path:
    """A folder with the files that the diffs change, and what these import."""
    for name in CHANGED.findall("".join(DIFFS)):
        copy = tmp_path / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy)
    return tmp_path


def apply(diff: str, folder: Path) -> None:
    """Apply a diff as a reader would, in a repository of its own: inside another one, git skips untracked folders."""
    subprocess.run(["git", "init", "-q", "."], cwd=folder, check=True)
    subprocess.run(["git", "apply", "-"], cwd=folder, input=diff, text=True, encoding="utf-8", check=True)


def passes(folder: Path) -> bool:
    """Run the command that the document names, but of its tests only the table that the first diff extends.

    The others draw random cases, and need the settings in `tests/conftest.py` on a slow machine.
    """
    (command,) = set(COMMAND.findall(TEXT.partition("## A first change")[2].partition("\n## ")[0]))
    words = [sys.executable, "-m", *command.split(), "-k", TABLE, "-q", "-p", "no:cacheprovider"]
    return subprocess.run(words, check=False, cwd=folder, capture_output=True).returncode == 0


def test_first_change_makes_its_own_test_pass(changed_files: Path) -> None:
    test, change = DIFFS
    assert passes(changed_files)
    apply(test, changed_files)
    assert not passes(changed_files)
    apply(change, changed_files)
    assert passes(changed_files)
