"""Passes messages between a browser's WebSocket and a server's: reads the server always, never waits for the browser.

One slow reader stalls every client of a ComfyUI server, so the server's side is always read. What a slow browser has
not read waits in a bounded `Backlog`, which its user is charged for; one that reads nothing, or is the largest when
the memory for sockets is full, is closed with 1013. What a browser sends before its
server is connected waits in `EarlyMessages`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Protocol

import aiohttp
from aiohttp import WSMsgType, web

from gateway.http.backlog import Backlog, QueuedFrame
from gateway.http.budget import SocketBytes
from gateway.http.closes import NO_ROOM, SERVER_GONE, TOO_MUCH, TOO_SLOW, Close, close_of
from gateway.http.deadlines import Deadlines
from gateway.http.early_messages import EarlyMessages
from gateway.http.pace import Pace
from gateway.http.refusal import Refusal, RefusedRequest
from gateway.http.servers import ServerId
from gateway.http.upstream import Upstream, UpstreamSocket
from gateway.tasks import start_task
from wire.refusals import Cause

LARGEST_FROM_SERVER = 8 * 1024 * 1024  # bytes; a preview is a small picture, an event some kilobytes
LEAST_CHARGED = 65_536  # bytes of a message that is not complete: nearly all arrive in one piece
LARGEST_FROM_BROWSER = 1024 * 1024  # bytes; browsers send only small JSON
MOST_WAITING_BYTES = 16 * 1024 * 1024
MOST_WAITING_FRAMES = 5_000

_log = logging.getLogger(__name__)


class FrameFilter(Protocol):
    """Decides which messages pass, where users are separated."""

    def up(self, text: bytes) -> bool:
        """Return whether a browser's text passes."""

    async def down(self, frame: QueuedFrame) -> QueuedFrame | None:
        """Return the server's frame for this user; None if it is not for them."""


class Tunnel:
    """One browser socket and the server socket behind it: `accept`, then `start` in its turn, then `carry`."""

    def __init__(
        self,
        upstream: Upstream,
        client_id: str,
        deadlines: Deadlines,
        pace: Pace,
        *,
        held: SocketBytes,
        event_filter: FrameFilter | None = None,
    ) -> None:
        self._upstream = upstream
        self._event_filter = event_filter  # for the socket's user; None without users
        self._client_id = client_id
        self._deadlines = deadlines
        self._pace = pace  # of all tunnels
        self._held = held
        held.give_up = self._give_up
        self._arriving = 0  # bytes since the last complete message
        self._passing = 0  # bytes of the message that is sent to the browser now
        self._backlog = Backlog(most_bytes=MOST_WAITING_BYTES, most_frames=MOST_WAITING_FRAMES)
        self._news = asyncio.Event()  # set when the backlog has grown, or nothing more will come
        self._is_drained = False  # nothing more will come from the server
        self._ending = asyncio.Event()  # the server side should end
        self._over: asyncio.Future[Close | None] = asyncio.get_running_loop().create_future()
        self._early = EarlyMessages()
        self._read: UpstreamSocket | None = None
        self._socket: UpstreamSocket | None = (
            None  # the same, set once the server is connected and has all early messages
        )
        self._task: asyncio.Task[None] | None = None

    @property
    def server_id(self) -> ServerId:
        """The server that this tunnel leads to."""
        return self._upstream.server.id

    def leads_to(self, upstream: Upstream) -> bool:
        """Whether this tunnel leads to that server, at that address."""
        return self._upstream is upstream

    @property
    def is_ended(self) -> bool:
        """Whether the server side has certainly ended."""
        return self._task is None or self._task.done()

    @property
    def is_over(self) -> bool:
        """Whether the browser side has ended, or is about to."""
        return self._over.done()

    def start(self) -> None:
        """Begin to connect. The server side has its own task, which outlives a browser that disconnects."""
        self._task = start_task(self._live())

    def finish(self, close: Close | None) -> None:
        """End the browser side; None if the browser has disconnected. The first reason counts."""
        if not self._over.done():
            self._over.set_result(close)
            self._backlog.clear()
            self._charge()

    def _charge(self) -> None:
        """Charge the user for what the browser has not read, until its side ends."""
        arriving = self._arriving if self._arriving > LEAST_CHARGED else 0
        self._held.hold(0 if self._over.done() else self._backlog.size + self._passing + arriving)

    def _count(self, size: int) -> None:
        self._arriving += size
        if self._arriving > LEAST_CHARGED:
            self._charge()

    def _give_up(self) -> None:
        """End both sides now: a message that is not complete is kept until its connection ends."""
        self.finish(NO_ROOM)
        if self._read is not None:
            self._read.abort()

    def end(self) -> None:
        """Begin to end the server side, immediately and without waiting."""
        self._ending.set()

    async def ended(self) -> None:
        """Wait until the server side has certainly ended."""
        if self._task is not None:
            await asyncio.wait({self._task})

    def drop(self) -> None:
        """Stop waiting for the server side to end."""
        if self._task is not None:
            self._task.cancel()

    def on_end(self, callback: Callable[[], None]) -> None:
        """Call back once the server side has ended; now if there was none."""
        if self._task is None:
            callback()
        else:
            self._task.add_done_callback(lambda _: callback())

    # The server side

    async def _live(self) -> None:
        try:
            socket = await self._upstream.open_socket(self._client_id, LARGEST_FROM_SERVER)
        except RefusedRequest as error:
            self.fail(error.refusal)
            return
        except asyncio.CancelledError:
            self.fail(Refusal(Cause.UPSTREAM_BUSY, f"{self.server_id} did not accept the WebSocket in time."))
            raise
        self._read = socket
        socket.count(self._count)
        try:
            await self._hold(socket)
        finally:
            self._arriving = 0
            self._charge()
            self._is_drained = True
            self._news.set()
            socket.abort()

    def fail(self, refusal: Refusal) -> None:
        """Close the browser side with a refusal, because there is no server side."""
        if not self.is_over:
            _log.info("no WebSocket to %s: %s (%s)", self.server_id, refusal.header, refusal.message)
        self.finish(close_of(refusal))

    async def _hold(self, socket: UpstreamSocket) -> None:
        """Read the socket until it has certainly ended, by the server or because we asked for it."""
        drain = start_task(self._drain(socket))
        hand_over = start_task(self._hand_over(socket))
        ending = asyncio.create_task(self._ending.wait())
        try:
            await asyncio.wait({drain, ending}, return_when=asyncio.FIRST_COMPLETED)
            hand_over.cancel()
            self._is_drained = True
            self._news.set()
            async with asyncio.timeout(self._deadlines.upstream_close):
                with contextlib.suppress(ConnectionError, aiohttp.ClientError):
                    await socket.say_close()
                await drain
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._deadlines.last_eof):
                        await socket.gone()
        except TimeoutError:
            _log.info("%s does not confirm that a WebSocket has ended", self.server_id)
        finally:
            drain.cancel()
            hand_over.cancel()
            ending.cancel()

    async def _hand_over(self, socket: UpstreamSocket) -> None:
        """Send the browser's early messages; later ones are sent directly."""
        with self._losing_the_server():
            while self._early:
                await self._send_up(socket, self._early.pop())
            self._socket = socket

    async def _drain(self, socket: UpstreamSocket) -> None:
        """Read every message as it arrives, and never wait for the browser."""
        while True:
            await self._pace.step()
            message = await socket.receive()
            self._arriving = 0
            if message.type not in {WSMsgType.TEXT, WSMsgType.BINARY}:
                return
            if self._over.done() or self._ending.is_set():
                continue
            data = self._upstream.secrets.mask(message.data)
            if not self._backlog.put(QueuedFrame(data, message.type is WSMsgType.TEXT)):
                self.finish(TOO_SLOW)
            self._charge()
            self._news.set()

    # The browser side

    async def accept(self, request: web.BaseRequest) -> web.WebSocketResponse:
        """Answer the browser's upgrade, whatever the server does."""
        browser = web.WebSocketResponse(
            heartbeat=self._deadlines.heartbeat,
            timeout=self._deadlines.browser_close,
            compress=False,
            max_msg_size=LARGEST_FROM_BROWSER,
            decode_text=False,
        )
        await browser.prepare(request)
        return browser

    async def carry(self, request: web.BaseRequest, browser: web.WebSocketResponse) -> None:
        """Serve the browser until either side ends."""
        tasks = [start_task(self._send_all(browser)), start_task(self._receive_all(browser))]
        try:
            close = await self._over
            self.end()
        finally:
            for task in tasks:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if close is not None:
            await self._close_socket(browser, close)
        if browser.close_code in {None, aiohttp.WSCloseCode.ABNORMAL_CLOSURE} and request.transport is not None:
            request.transport.abort()  # it has not answered, and would not read what is still to be sent

    async def _send_all(self, browser: web.WebSocketResponse) -> None:
        try:
            while (frame := await self._next_frame()) is not None:
                await self._pace.step()
                passed = frame if self._event_filter is None else await self._event_filter.down(frame)
                if passed is None:
                    continue
                kind = WSMsgType.TEXT if passed.is_text else WSMsgType.BINARY
                async with asyncio.timeout(self._deadlines.stalled):
                    await browser.send_frame(passed.data, kind)
        except TimeoutError:
            self.finish(TOO_SLOW)
        except (ConnectionError, aiohttp.ClientError):
            self.finish(None)
        else:
            self.finish(SERVER_GONE)
        finally:
            self._passing = 0
            self._charge()

    async def _next_frame(self) -> QueuedFrame | None:
        """Return the oldest frame, once there is one; None when nothing more will come."""
        while True:
            frame = self._backlog.pop()
            self._passing = 0 if frame is None else len(frame.data)
            self._charge()
            if frame is not None or self._is_drained:
                return frame
            self._news.clear()
            await self._news.wait()

    async def _receive_all(self, browser: web.WebSocketResponse) -> None:
        """Forward the browser's texts in order: the feature flags must be the server's first message."""
        with self._losing_the_server():
            while True:
                message = await browser.receive()
                if message.type is WSMsgType.BINARY:
                    continue  # ComfyUI accepts none
                if message.type is not WSMsgType.TEXT:
                    break
                if self._event_filter is not None and not self._event_filter.up(message.data):
                    continue
                if self._socket is not None:
                    await self._send_up(self._socket, message.data)
                elif not self._early.put(message.data):
                    self.finish(TOO_MUCH)
            self.finish(None)

    async def _send_up(self, socket: UpstreamSocket, text: bytes) -> None:
        async with asyncio.timeout(self._deadlines.idle):
            await socket.send_frame(text, WSMsgType.TEXT)

    @contextlib.contextmanager
    def _losing_the_server(self) -> Iterator[None]:
        """An error in this block ends the server side."""
        try:
            yield
        except (ConnectionError, aiohttp.ClientError, TimeoutError):
            self.finish(SERVER_GONE)

    async def _close_socket(self, browser: web.WebSocketResponse, close: Close) -> None:
        """Close the browser's socket, and wait briefly for its answer."""
        try:
            async with asyncio.timeout(self._deadlines.browser_close):
                await browser.close(code=close.code, message=close.message, drain=False)
        except TimeoutError:
            _log.info("a browser did not answer its Close frame (%s)", close.reason)
