"""The windows that are told the fleet's state over `/fleet/ws`: now, and at each change."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from aiohttp import WSCloseCode, WSMsgType, web

from gateway.fleet.state import FleetState
from gateway.http.closes import GATEWAY_ENDS, LOGGED_OUT, Close
from gateway.http.deadlines import Deadlines
from gateway.http.pump import LARGEST_FROM_BROWSER
from gateway.people.person import Person
from gateway.tasks import start_task

_SMALL = 20  # servers, about 10 kB: told at once, whatever changes
_PACE = 0.02  # seconds for each further one, so that a window is told some 25 kB a second at most


class Watchers:
    """All of them, with whose they are."""

    def __init__(self, state: FleetState, deadlines: Deadlines) -> None:
        self._state = state
        self._deadlines = deadlines
        self._open: set[_Watcher] = set()

    async def serve(self, request: web.BaseRequest, person: Person | None) -> web.StreamResponse:
        """Send the fleet's state now and at each change; a slow window skips what has been overtaken."""
        window = web.WebSocketResponse(
            heartbeat=self._deadlines.heartbeat,
            timeout=self._deadlines.goodbye,
            compress=False,
            max_msg_size=LARGEST_FROM_BROWSER,
        )
        await window.prepare(request)
        watcher = _Watcher(window, person)
        self._open.add(watcher)
        tasks = [start_task(self._push_to(watcher)), start_task(_hear(watcher))]
        try:
            close = await watcher.ending
        finally:
            for task in tasks:
                task.cancel()
            self._open.discard(watcher)
        await asyncio.gather(*tasks, return_exceptions=True)
        if close is not None:
            await self._say_goodbye(window, close)
        if window.close_code in {None, WSCloseCode.ABNORMAL_CLOSURE} and request.transport is not None:
            request.transport.abort()  # a half-dead window would never take what is still to be sent
        return window

    @property
    def count(self) -> int:
        """Windows that are told now."""
        return len(self._open)

    def see_out(self, is_in: Callable[[Person], bool]) -> None:
        """Close those whose people are not in any more."""
        for watcher in list(self._open):
            if watcher.person is not None and not is_in(watcher.person):
                watcher.finish(LOGGED_OUT)

    async def close(self) -> None:
        """Close all: the gateway ends."""
        for watcher in list(self._open):
            watcher.finish(GATEWAY_ENDS)
        await asyncio.sleep(0)  # each request says goodbye by itself; the server waits for requests when it ends

    async def _say_goodbye(self, window: web.WebSocketResponse, close: Close) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(self._deadlines.goodbye):
                await window.close(code=close.code, message=close.message)

    async def _push_to(self, watcher: _Watcher) -> None:
        person = watcher.person
        runs_fleet, name = person is None or person.runs_fleet, "" if person is None else person.name
        with contextlib.suppress(ConnectionError):
            while True:
                revision = self._state.revision
                await watcher.window.send_str(self._state.as_text(runs_fleet=runs_fleet, person=name))
                await asyncio.sleep(pace(len(self._state.servers)))
                await self._state.changed(revision)


def pace(servers: int) -> float:
    """Seconds from one telling to the next: in a large fleet something changes all the time, and each tells it all."""
    return max(0.0, (servers - _SMALL) * _PACE)


async def _hear(watcher: _Watcher) -> None:
    """Until the window goes: it has nothing to say here."""
    while (await watcher.window.receive()).type in {WSMsgType.TEXT, WSMsgType.BINARY}:
        pass
    watcher.finish(None)


class _Watcher:
    """One window."""

    def __init__(self, window: web.WebSocketResponse, person: Person | None) -> None:
        self.window = window
        self.person = person
        self.ending: asyncio.Future[Close | None] = asyncio.get_running_loop().create_future()

    def finish(self, close: Close | None) -> None:
        """End it; None if it has gone by itself. The first reason counts."""
        if not self.ending.done():
            self.ending.set_result(close)
