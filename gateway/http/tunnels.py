"""WebSockets to servers: one `Tunnel` (`gateway/http/tunnel.py`) for each server and client_id, never two overlapping.

A browser's upgrade is answered first, and the server is connected afterwards: Chromium makes one WebSocket handshake at
a time to an address, so windows on a hung server would delay all other windows' sockets. Later failures are reported
by the code that closes the browser's socket (`gateway/http/closes.py`).

ComfyUI forgets a client_id when *any* socket with it closes, so a newer socket that overlaps an older one goes deaf.
A tunnel's server side is therefore ended the moment its browser disconnects, and the connection for the same (server,
client_id) waits until the older one has ended: Close frame, its answer, and the end of the TCP connection. If that
takes too long, the newer socket is closed (4503), never overlapped.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from aiohttp import web

from gateway.http.budget import Budget, owners_of
from gateway.http.closes import GATEWAY_ENDS, LOGGED_OUT, REPLACED, close_of
from gateway.http.deadlines import Deadlines
from gateway.http.pace import Pace
from gateway.http.refusal import Refusal, RefusedRequest
from gateway.http.servers import ServerId
from gateway.http.tunnel import FrameFilter, Tunnel
from gateway.http.upstream import Upstream
from gateway.tasks import start_task
from wire.refusals import Cause


class Tunnels:
    """All tunnels of the gateway, at most one for each (server, client_id)."""

    def __init__(self, deadlines: Deadlines, budget: Budget) -> None:
        self._deadlines = deadlines
        self._budget = budget  # which unread messages are charged to
        self._pace = Pace()
        self._slots: dict[tuple[ServerId, str], _Slot] = {}
        self._open: dict[Tunnel, Callable[[], bool]] = {}  # by a function that says whether its user is still logged in

    async def serve(
        self,
        request: web.BaseRequest,
        upstream: Upstream,
        client_id: str,
        event_filter: FrameFilter | None = None,
        is_in: Callable[[], bool] = lambda: True,
    ) -> web.StreamResponse:
        """Connect a browser's upgrade request to a server until either side ends; the filter decides what passes."""
        held = self._budget.of_socket(*owners_of(request))
        line = Tunnel(upstream, client_id, self._deadlines, self._pace, held=held, event_filter=event_filter)
        self._open[line] = is_in
        try:
            browser = await line.accept(request)
            way = start_task(self._lead(line, client_id))
            try:
                await line.carry(request, browser)
            finally:
                way.cancel()
            return browser
        finally:
            line.end()  # immediately, whatever happens to this request
            line.on_end(lambda: self._forget_line(line))

    async def _lead(self, line: Tunnel, client_id: str) -> None:
        """Start the server side in its turn; if the browser has disconnected by then, leave the older tunnel alone."""
        try:
            async with self._turn(line.server_id, client_id) as slot:
                if slot.line is not None and not line.is_over:
                    await self._end_older(slot.line)
                if not line.is_over:
                    slot.line = line
                    line.start()
        except RefusedRequest as error:
            line.fail(error.refusal)

    def _forget_line(self, line: Tunnel) -> None:
        self._open.pop(line, None)

    @property
    def count(self) -> int:
        """The number of open tunnels."""
        return len(self._open)

    def close_logged_out(self) -> None:
        """End the tunnels of users who are not logged in any more."""
        for line, is_in in list(self._open.items()):
            if not is_in():
                line.finish(LOGGED_OUT)

    async def leave(self, upstream: Upstream, refusal: Refusal) -> None:
        """Close the tunnels to a server that has left the fleet, with a refusal, and wait until they have ended."""
        lines = [line for line in self._open if line.leads_to(upstream)]
        for line in lines:
            line.finish(close_of(refusal))
            line.end()
        await asyncio.gather(*(line.ended() for line in lines), return_exceptions=True)

    async def close(self) -> None:
        """Close all tunnels."""
        lines = list(self._open)
        for line in lines:
            line.finish(GATEWAY_ENDS)
            line.end()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._deadlines.shutdown):
                await asyncio.gather(*(line.ended() for line in lines), return_exceptions=True)
        for line in lines:
            line.drop()

    @contextlib.asynccontextmanager
    async def _turn(self, server_id: ServerId, client_id: str) -> AsyncIterator[_Slot]:
        """Hold the exclusive right to connect with this client_id during the block."""
        key = (server_id, client_id)
        slot = self._slots.setdefault(key, _Slot())
        slot.users += 1
        try:
            try:
                async with asyncio.timeout(self._deadlines.replace):
                    await slot.lock.acquire()
            except TimeoutError as error:
                raise RefusedRequest(_busy(server_id)) from error
            try:
                yield slot
            finally:
                slot.lock.release()
        finally:
            slot.users -= 1
            self._forget(key, slot)

    def _forget(self, key: tuple[ServerId, str], slot: _Slot) -> None:
        """Delete a slot that is not in use; check a second time when its tunnel has ended."""
        if slot.line is not None and not slot.line.is_ended:
            slot.line.on_end(lambda: self._forget(key, slot))
        elif slot.users == 0 and self._slots.get(key) is slot:
            del self._slots[key]

    async def _end_older(self, older: Tunnel) -> None:
        older.finish(REPLACED)
        older.end()
        try:
            async with asyncio.timeout(self._deadlines.replace):
                await older.ended()
        except TimeoutError as error:
            older.drop()
            raise RefusedRequest(_busy(older.server_id)) from error


@dataclass(slots=True)
class _Slot:
    """The place of one (server, client_id)."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    line: Tunnel | None = None
    users: int = 0


def _busy(server_id: ServerId) -> Refusal:
    message = f"{server_id} has not ended the older WebSocket of this window yet. Retry."
    return Refusal(Cause.UPSTREAM_BUSY, message)
