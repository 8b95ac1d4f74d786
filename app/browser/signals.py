"""Hints between the windows of this browser, over a BroadcastChannel: the core's `Signals`.

    signals.send("changed", window_id)        # to all other windows; this page does not receive it

A hidden page receives them immediately, a frozen one when it wakes. They are hints: the receiver rereads the store.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import js
from pyodide.ffi import create_proxy

from app.browser.owned import owned
from app.core.model import WindowId

CHANNEL = "mooring-signals"


class BrowserSignals:
    """The channel of this page, for as long as it lives."""

    def __init__(self) -> None:
        self._channel: Any = js.BroadcastChannel.new(owned(CHANNEL))

    def send(self, kind: str, window_id: WindowId) -> None:
        """Signals.send."""
        self._channel.postMessage(f"{kind} {window_id}")

    def listen(self, hear: Callable[[str, WindowId], None]) -> None:
        """Signals.listen; the proxy lives as long as the page."""

        def receive(event: Any) -> None:
            kind, _, window_id = str(event.data).partition(" ")
            hear(kind, WindowId(window_id))

        self._channel.onmessage = create_proxy(receive)
