"""Notifications, sounds and the app's badge, by `static/js/notify.js`."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from pyodide.ffi import JsException

from app.browser.values import error_text, json_text

log = logging.getLogger("mooring.browser")


class BrowserNotifier:
    """Notifications and sounds of the browser. `notify_js` is the JavaScript module."""

    def __init__(self, notify_js: Any) -> None:
        self._notify_js = notify_js
        self._sending: set[asyncio.Future[Any]] = set()

    def permission(self) -> str:
        """Whether notifications are allowed: absent, default, granted or denied."""
        return str(self._notify_js.permission())

    async def ask(self) -> str:
        """Ask the user for permission; only within a click."""
        return str(await self._notify_js.ask())

    def notify(self, notification: object) -> None:
        """Notify the user, unless another window already has; does not wait for it."""
        sending = asyncio.ensure_future(self._notify_js.notify(json_text(notification)))
        self._sending.add(sending)
        sending.add_done_callback(self._sent)

    def _sent(self, sending: asyncio.Future[Any]) -> None:
        self._sending.discard(sending)
        error = None if sending.cancelled() else sending.exception()
        if isinstance(error, JsException):
            log.warning("not notified: %s", error_text(error))

    def set_badge(self, count: int) -> None:
        """Set the number at the app's icon, if there is one; 0 is none."""
        self._notify_js.setBadge(count)

    def has_focus(self) -> bool:
        """Whether this window is visible and has the keyboard."""
        return bool(self._notify_js.hasFocus())
