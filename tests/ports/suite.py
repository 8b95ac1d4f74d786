"""What the session relies on in its store, as plain checks.

Each `check_…` takes a `Desk` with an empty store and asserts. `tests/ports/test_fakes.py` runs them in CPython on the
simulation's fakes; `tests/e2e/test_ports.py` runs this very source inside Chromium on the browser's adapters. It
needs only the standard library and `app.core`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tests.ports import store_kept, store_tasks, store_unreadable
from tests.ports.desk import Desk

Check = Callable[[Desk], Awaitable[None]]


def checks() -> dict[str, Check]:
    """Every check of the store by its name."""
    found = {**vars(store_tasks), **vars(store_kept), **vars(store_unreadable)}
    return {name: value for name, value in found.items() if name.startswith("check_")}
