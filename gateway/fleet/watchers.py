"""The windows that receive the fleet's state over `/fleet/ws`: at the start, and at each change."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from aiohttp import WSCloseCode, WSMsgType, web

from gateway.fleet.state import FleetState
from gateway.http.closes import GATEWAY_ENDS, LOGGED_OUT, Close
from gateway.http.deadlines import Deadlines
from gateway.http.tunnel import LARGEST_FROM_BROWSER
from gateway.tasks import start_task

_SMALL = 20  # servers, about 10 kB: sent without a delay
_PACE = 0.02  # seconds for each further one, so that a window receives at most some 25 kB a second


class Watchers:
    """The windows' sockets."""

    def __init__(self, state: FleetState, deadlines: Deadlines) -> None:
        self._state = state
        self._deadlines = deadlines
        self._open: set[_Watcher] = set()

    async def serve(
        self, request: web.BaseRequest, text: Callable[[], str], is_in: Callable[[], bool] = lambda: True
    ) -> web.StreamResponse:
        """Send the fleet's state, as `text` has it, now and at each change; a slow window skips outdated ones.

        `is_in` says whether the window's user is still logged in.
        """
        window = web.WebSocketResponse(
            heartbeat=self._deadlines.heartbeat,
            timeout=self._deadlines.browser_close,
            compress=False,
            max_msg_size=LARGEST_FROM_BROWSER,
        )
        await window.prepare(request)
        watcher = _Watcher(window, text, is_in)
        self._open.add(watcher)
        tasks = [start_task(self._push_to(watcher)), start_task(_read_until_closed(watcher))]
        try:
            close = await watcher.ending
        finally:
            for task in tasks:
                task.cancel()
            self._open.discard(watcher)
        await asyncio.gather(*tasks, return_exceptions=True)
        if close is not None:
            await self._close_socket(window, close)
        if window.close_code in {None, WSCloseCode.ABNORMAL_CLOSURE} and request.transport is not None:
            request.transport.abort()  # a half-dead window would never read what is still to be sent
        return window

    @property
    def count(self) -> int:
        """The number of connected windows."""
        return len(self._open)

    def close_logged_out(self) -> None:
        """Close the sockets of users who are not logged in any more."""
        for watcher in list(self._open):
            if not watcher.is_in():
                watcher.finish(LOGGED_OUT)

    async def close(self) -> None:
        """Close all, because the gateway ends."""
        for watcher in list(self._open):
            watcher.finish(GATEWAY_ENDS)
        await asyncio.sleep(0)  # each request closes its own socket; the server waits for requests when it ends

    async def _close_socket(self, window: web.WebSocketResponse, close: Close) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(self._deadlines.browser_close):
                await window.close(code=close.code, message=close.message)

    async def _push_to(self, watcher: _Watcher) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                revision = self._state.revision
                await watcher.window.send_str(watcher.text())
                await asyncio.sleep(pace(len(self._state.servers)))
                await self._state.changed(revision)


def pace(servers: int) -> float:
    """Return the seconds between two messages: in a large fleet changes are frequent, and each sends everything."""
    return max(0.0, (servers - _SMALL) * _PACE)


async def _read_until_closed(watcher: _Watcher) -> None:
    """Read until the window disconnects; its messages are ignored."""
    while (await watcher.window.receive()).type in {WSMsgType.TEXT, WSMsgType.BINARY}:
        pass
    watcher.finish(None)


class _Watcher:
    """One window's socket."""

    def __init__(self, window: web.WebSocketResponse, text: Callable[[], str], is_in: Callable[[], bool]) -> None:
        self.window = window
        self.text = text
        self.is_in = is_in
        self.ending: asyncio.Future[Close | None] = asyncio.get_running_loop().create_future()

    def finish(self, close: Close | None) -> None:
        """End it; None if the window has disconnected by itself. The first reason counts."""
        if not self.ending.done():
            self.ending.set_result(close)
