"""Copies of the windows' journals, which outlive their pages: one row per window, in the store beside the tasks.

Their transactions use only `journals`, so they never wait for those of the tasks, and those never for them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import js
from pyodide.ffi import create_proxy

from app.browser.idb import Database, Steps
from app.browser.owned import owned
from app.browser.store import NAME, VERSION, create_stores
from app.browser.values import from_plain, js_object
from app.core.model import WindowId

STORE = "journals"
MOST_WINDOWS = 24  # a journal has at most 256 KiB


class BrowserJournals:
    """The core's `JournalStore` over IndexedDB."""

    def __init__(self, name: str = "", most_windows: int = MOST_WINDOWS) -> None:
        self._database = Database(name or owned(NAME), VERSION, create_stores)
        self._most_windows = most_windows

    async def read(self, window_id: WindowId) -> str:
        """The last copy for that window; empty if there is none."""

        def steps(transaction: Any) -> Steps[str]:
            row = yield transaction.objectStore(STORE).get(window_id)
            return "" if row is None else str(row.text)

        return await self._database.run("read_journal", [STORE], steps)

    async def write(self, window_id: WindowId, text: str, at: float) -> None:
        """Replace the copy, and delete those of the windows that have not written for the longest time."""

        def steps(transaction: Any) -> Steps[None]:
            journals = transaction.objectStore(STORE)
            journals.put(js_object({"window_id": window_id, "at": at, "text": text}))
            known = from_plain((yield journals.index("at").getAllKeys()))
            for oldest in known[: -self._most_windows]:
                journals.delete(oldest)

        await self._database.run("write_journal", [STORE], steps, write=True)

    def close(self) -> None:
        """Close the connection; the next operation reopens it."""
        self._database.close()


def listen_hidden(act: Callable[[], None]) -> None:
    """Call `act` whenever the page is hidden or left: for many pages that is the last event."""

    def hear(event: Any) -> None:
        if event.type == "pagehide" or js.document.hidden:
            act()

    listener = create_proxy(hear)  # for as long as the page lives
    js.document.addEventListener("visibilitychange", listener)
    js.window.addEventListener("pagehide", listener)
