"""Every benchmark can be imported: mypy does not read them, and renames have broken some."""

from __future__ import annotations

import importlib

import pytest

from tests.services import ROOT

NAMES = sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py") if path.stem != "__init__")


@pytest.mark.parametrize("name", NAMES)
def test_benchmark_can_be_imported(name: str) -> None:
    importlib.import_module(f"benchmarks.{name}")
