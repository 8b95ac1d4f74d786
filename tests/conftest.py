"""Compile the page's templates before any test, and put the files that take minutes first.

So no worker is left alone with one of these at the end. Hypothesis takes the same examples each time, and
`MOORING_EXAMPLES=2000` runs that many new ones.
"""

from __future__ import annotations

import gc
import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from gateway.page import templates
from tests.kit.certificates import Pem, make_pem

LONGEST = ("oracle", "e2e", "integration", "mutants")  # folders
HERE = Path(__file__).resolve().parent

templates.update(HERE.parent)

asked = os.environ.get("MOORING_EXAMPLES")
settings.register_profile(
    "mooring",
    deadline=None,  # a loaded machine proves nothing
    max_examples=int(asked) if asked else 200,
    derandomize=not asked,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("mooring")


def pytest_configure(config: pytest.Config) -> None:
    """Let a SIGTERM end the tests as Ctrl+C does, so that their servers end too, and collect without a search."""
    gc.disable()
    if not hasattr(config, "workerinput"):
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort by folder, and keep the order within each."""
    items.sort(key=_rank)


def pytest_collection_finish() -> None:
    """Search for garbage from now on, but not among 12,000 tests: they stay to the end."""
    gc.freeze()
    gc.enable()


def _rank(item: pytest.Item) -> int:
    folder = item.path.relative_to(HERE).parts[0]
    return LONGEST.index(folder) if folder in LONGEST else len(LONGEST)


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Pem:
    """An authority of our own, and what it has certified."""
    return make_pem(tmp_path_factory.mktemp("pem"))
