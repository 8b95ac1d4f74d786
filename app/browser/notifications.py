"""Notifications, sounds and the app's badge, by `static/js/bell.js`."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any, Protocol

from pyodide.ffi import JsException

from app.browser.values import error_text

log = logging.getLogger("mooring.browser")


class Telling(Protocol):
    """A notification; see `app/ui/settings/notifications.py`."""

    @property
    def ids(self) -> tuple[str, ...]: ...
    @property
    def title(self) -> str: ...
    @property
    def body(self) -> str: ...
    @property
    def is_bad(self) -> bool: ...
    @property
    def has_notice(self) -> bool: ...
    @property
    def has_sound(self) -> bool: ...
    @property
    def is_quiet(self) -> bool: ...


class BrowserNotifier:
    """Notifications and sounds of the browser. `bell` is the JavaScript module."""

    def __init__(self, bell: Any) -> None:
        self._bell = bell
        self._ringing: set[asyncio.Future[Any]] = set()

    def permission(self) -> str:
        """Whether notifications are allowed: absent, default, granted or denied."""
        return str(self._bell.permission())

    async def ask(self) -> str:
        """Ask the user for permission; only within a click."""
        return str(await self._bell.ask())

    def ring(self, telling: Telling) -> None:
        """Notify the user, unless another window already has; does not wait for it."""
        message = {
            "ids": list(telling.ids),
            "title": telling.title,
            "body": telling.body,
            "isBad": telling.is_bad,
            "hasNotice": telling.has_notice,
            "hasSound": telling.has_sound,
            "isQuiet": telling.is_quiet,
        }
        ringing = asyncio.ensure_future(self._bell.ring(json.dumps(message)))
        self._ringing.add(ringing)
        ringing.add_done_callback(self._rung)

    def _rung(self, ringing: asyncio.Future[Any]) -> None:
        self._ringing.discard(ringing)
        error = None if ringing.cancelled() else ringing.exception()
        if isinstance(error, JsException):
            log.warning("not notified: %s", error_text(error))

    def set_badge(self, count: int) -> None:
        """Set the number at the app's icon, if there is one; 0 is none."""
        self._bell.setBadge(count)

    def is_looked_at(self) -> bool:
        """Whether this window is visible and has the keyboard."""
        return bool(self._bell.isLookedAt())
