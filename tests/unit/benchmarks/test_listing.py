"""Every benchmark is listed and can be imported: mypy does not read them, and renames have broken some."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from benchmarks.__main__ import main, subjects
from tests.kit.services import ROOT

KIT = sorted(path.stem for path in (ROOT / "benchmarks" / "kit").glob("*.py") if path.stem != "__init__")
DOCUMENTS = [
    *ROOT.glob("*.md"),
    *(ROOT / "benchmarks").glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
]
NAMED = re.compile(r"(?:python3 -m |`)benchmarks[. ]([a-z_]+)")


@pytest.mark.parametrize("name", subjects())
def test_benchmark_can_be_imported_and_run(name: str) -> None:
    assert callable(importlib.import_module(f"benchmarks.{name}").main)


@pytest.mark.parametrize("name", KIT)
def test_part_of_kit_can_be_imported(name: str) -> None:
    importlib.import_module(f"benchmarks.kit.{name}")


def test_list_has_one_line_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(subjects())
    assert all(len(line) <= 140 and line.endswith(".") for line in lines)


def test_unknown_name_is_refused_with_those_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nothing"]) == 2
    assert "tree" in capsys.readouterr().err


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_documents_name_existing_benchmarks(document: Path) -> None:
    assert set(NAMED.findall(document.read_text("utf-8"))) <= set(subjects())
