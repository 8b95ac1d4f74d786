"""Logging out at the gateway, and deleting what this browser keeps of the user.

    await login.log_out(is_everywhere=False, is_wiping=True)      # the login page then replaces this one

All windows of the browser are notified of logins and logouts, also those of other users: a window whose fleet was
reported for that user requests it from the gateway. A window cannot see its cookie change, and the gateway keeps no
list of logins.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

import js
from pyodide.ffi import create_once_callable, create_proxy

from app.browser.fleet_admin import check_taken
from app.browser.owned import owned, user
from app.browser.tray import BrowserTray
from app.core.errors import StorageError
from app.core.ports.http import Http, Request

PATH = "/logout"
DEADLINE = 20.0
WIPE_SECONDS = 10.0  # another window may hold the store, a frozen one permanently
STORES = ("mooring", "mooring-folder")
CHANNEL = "mooring-login"
IN, OUT, WIPED = "in", "out", "wiped"  # before a name; each page of a logged-in user sends the first as it starts

log = logging.getLogger("mooring.browser")


class BrowserLoginSession:
    """Logs the user out. `on_come` and `on_go` are called with a name when another window reports a login or logout."""

    def __init__(self, http: Http, on_come: Callable[[str], None], on_go: Callable[[str], None]) -> None:
        self._http = http
        self._on_come, self._on_go = on_come, on_go
        self._channel: Any = js.BroadcastChannel.new(CHANNEL)
        self._channel.onmessage = create_proxy(self._hear)
        if user():
            self._send(IN)

    async def log_out(self, *, is_everywhere: bool, is_wiping: bool) -> None:
        """Log out and open the login page; after GatewayRefused or TransportError nothing has changed."""
        body = json.dumps({"everywhere": is_everywhere})
        answer = await self._http.send(Request(method="POST", path=PATH, deadline=DEADLINE, json=body))
        check_taken(answer)
        if is_wiping:
            await self._delete()
        else:
            js.document.documentElement.dataset.leaving = "yes"
            self._send(OUT)
        js.location.replace(_login_page(answer.text))

    async def delete_data(self) -> None:
        """Delete what this browser keeps of a user who is logged out already, and open the gateway's page."""
        await self._delete()
        js.location.replace("/")

    async def _delete(self) -> None:
        js.document.documentElement.dataset.leaving = "yes"  # `left.js`: clears what this page has left in the tab
        self._send(WIPED)
        await _delete_stores()
        await _clear_tray()
        _forget(js.localStorage)
        _forget(js.sessionStorage)

    def _send(self, kind: str) -> None:
        self._channel.postMessage(f"{kind} {user()}")

    def _hear(self, event: Any) -> None:
        kind, _, name = str(event.data).partition(" ")
        if kind == WIPED and name == user():
            js.document.documentElement.dataset.leaving = "yes"
            _forget(js.sessionStorage)  # a tab's own, which no other can reach
        if kind == IN:
            self._on_come(name)
        else:
            self._on_go(name)


def _login_page(answer: str) -> str:
    """Return the address of the login page, with the time until which copies of the ended login stay valid."""
    try:
        until = json.loads(answer)["copiesUntil"]
    except (ValueError, KeyError, TypeError):
        return "/login"
    return f"/login?copies={until}" if isinstance(until, int) and until > 0 else "/login"


async def _delete_stores() -> None:
    """Delete them; a window that does not release one in time delays it until that window closes."""
    deletions = [_deleted(owned(name)) for name in STORES]
    try:
        await asyncio.wait_for(asyncio.gather(*deletions), WIPE_SECONDS)
    except TimeoutError:
        log.warning("a store is held by another window; it is deleted once that one is gone")


async def _clear_tray() -> None:
    try:
        await BrowserTray().clear()
    except StorageError as error:
        log.warning("shared files could not be deleted: %r", error)


async def _deleted(name: str) -> None:
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def tell(_event: Any) -> None:
        if not done.done():
            done.set_result(None)

    request = js.indexedDB.deleteDatabase(name)
    request.onsuccess = create_once_callable(tell)
    request.onerror = create_once_callable(tell)
    await done


def _forget(storage: Any) -> None:
    """Remove every key with the name of this page's user."""
    mine = owned("")
    if mine:
        for key in [str(key) for key in js.Object.keys(storage) if str(key).endswith(mine)]:
            storage.removeItem(key)
