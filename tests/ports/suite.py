"""What the session relies on in its store, as plain checks.

Each `check_…` takes an `EmptyDatabase` and asserts. `tests/ports/test_fakes.py` runs them in CPython on the store in
memory; `tests/e2e/test_ports.py` runs this very source inside Chromium on the browser's adapters. It needs only the
standard library and `app.core`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import ModuleType

from tests.ports import (
    documents,
    store_kept,
    store_learned,
    store_line,
    store_past,
    store_previews,
    store_room,
    store_shelf,
    store_tasks,
    store_unreadable,
)
from tests.ports.database import EmptyDatabase

Check = Callable[[EmptyDatabase], Awaitable[None]]


def checks() -> dict[str, Check]:
    """Return all checks of the store by name."""
    return _checks_of(
        store_tasks,
        store_learned,
        store_line,
        store_past,
        store_kept,
        store_shelf,
        store_previews,
        store_unreadable,
        documents,
    )


def room_checks() -> dict[str, Check]:
    """Return all checks of a store that is limited to `database.QUOTA` bytes, by name."""
    return _checks_of(store_room)


def _checks_of(*modules: ModuleType) -> dict[str, Check]:
    found = {name: value for module in modules for name, value in vars(module).items()}
    return {name: value for name, value in found.items() if name.startswith("check_")}
