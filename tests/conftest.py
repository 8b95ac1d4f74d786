"""Compile the page's templates before any test, and put the files that take minutes first.

So no worker is left alone with one of these at the end.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.page import templates

LONGEST = ("oracle", "e2e", "integration", "mutants")  # folders
HERE = Path(__file__).resolve().parent

templates.update(HERE.parent)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort by folder, and keep the order within each."""
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    folder = item.path.relative_to(HERE).parts[0]
    return LONGEST.index(folder) if folder in LONGEST else len(LONGEST)
