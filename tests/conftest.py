"""The page's templates are compiled before any test. The files that take minutes come first, so that at the end no worker
is alone with one."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.site import templates

LONGEST = ("oracle", "e2e", "integration", "mutants")  # folders
HERE = Path(__file__).resolve().parent

templates.update(HERE.parent)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort by folder; within one, nothing changes."""
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    folder = item.path.relative_to(HERE).parts[0]
    return LONGEST.index(folder) if folder in LONGEST else len(LONGEST)
