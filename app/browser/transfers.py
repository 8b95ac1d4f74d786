"""Places for bulk transfers, by Web Locks: the core's `Transfers`.

A place is one of a few locks of the address that the transfer goes to, since a browser counts its connections by
address. The names are those of all users: they share the connections too. Without Web Locks (a page in no secure
context) windows cannot count together, so each one has one transfer at a time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import js
from pyodide.ffi import JsException

from app.browser.files import load_module
from app.browser.paths import server_of
from app.browser.values import error_text, present
from app.core.errors import RequestTimeout
from app.core.ports.transfers import MOST_TRANSFERS

_PLACES = "mooring-transfer:"

log = logging.getLogger("mooring.browser")


class BrowserTransfers:
    """The places of this browser, or the one of this window."""

    def __init__(self) -> None:
        self._has_locks = present(getattr(js.navigator, "locks", None)) is not None
        self._only = asyncio.Lock()

    def place(self, path: str) -> AbstractAsyncContextManager[None]:
        """Hold a place for one transfer at that path; RequestTimeout if the browser refuses its locks."""
        return _shared_place(path) if self._has_locks else self._only


@asynccontextmanager
async def _shared_place(path: str) -> AsyncIterator[None]:
    origin, leaving = js.URL.new(path, js.location.href).origin, js.AbortController.new()
    names = js.Array.of(*(f"{_PLACES}{origin} {number}" for number in range(MOST_TRANSFERS)))
    try:
        try:
            await (await load_module("places")).holdPlace(names, leaving.signal)
        except JsException as error:
            log.warning("no place for a transfer: %s", error_text(error))
            raise RequestTimeout(server_of(path), "lost") from error
        yield
    finally:
        leaving.abort()  # gives the place back, or ends the wait
