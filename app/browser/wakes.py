"""Events that wake the adapters themselves: the network is back, the tab is visible, the page returns from the cache.

A page that returns from the back/forward cache keeps its id only if no other window has taken it; otherwise it
reloads, and becomes another window. The page wakes the session (`BrowserScreen.listen_wakes`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import js
from pyodide.ffi import create_proxy

log = logging.getLogger("mooring.browser")


class Wakes:
    """Listens for as long as the page lives. `hurry` is called on each wake, `reclaim` when the page was cached."""

    def __init__(self, hurry: Callable[[], None], reclaim: Callable[[], Awaitable[bool]]) -> None:
        self._hurry, self._reclaim = hurry, reclaim
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener = create_proxy(self._wake)
        for target, event in ((js.window, "online"), (js.window, "pageshow"), (js.document, "visibilitychange")):
            target.addEventListener(event, self._listener)
        js.document.addEventListener("resume", self._listener)  # a frozen tab continues

    def _wake(self, event: Any) -> None:
        if event.type == "visibilitychange" and js.document.hidden:
            return
        if event.type == "pageshow":
            if event.persisted:
                task = asyncio.ensure_future(self._return())
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            return
        self._hurry()

    async def _return(self) -> None:
        if await self._reclaim():
            self._hurry()
            return
        log.warning("another page has taken this window's id; reloading")
        js.location.reload()
