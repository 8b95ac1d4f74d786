"""The browser's side of the gateway: aiohttp's server with our limits, and its own error answers as refusals.

Connections that are slow on purpose are closed: the first head has to arrive within `HEAD_SECONDS` of the connection,
each further one within the same time of its first byte, and an answer has to be read within `UNTAKEN_SECONDS`. The
number of connections is limited per address and in total. At the limit a new connection replaces the oldest idle one of
the address that has the most, so silent connections never keep others out. While many are sending, few are read from
per turn of the event loop (`gateway/http/turns.py`).
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import OrderedDict
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage

from gateway.http.answers import refuse
from gateway.http.peers import network_of
from gateway.http.refusal import Refusal, Sent
from gateway.http.turns import Turns
from gateway.http.upstream import LARGEST_HEADER
from gateway.platforms import system
from wire.refusals import Cause

HEAD_SECONDS = 20.0  # for a head
UNTAKEN_SECONDS = 60.0  # that sent bytes may wait unread
MOST_CONNECTIONS = 8_000  # in total; each needs a file descriptor
MOST_FROM_ONE = 2_000  # from one address; a login proxy or an office has one address for all users
READ_BYTES = 32_768  # bytes of one connection: with asyncio's 256 kB, busy senders delay the others
READS_PER_TURN = 4  # connections per turn of the event loop, while many are sending
GETS_PER_TURN = 16  # the same, of those that send a short GET, which takes some 60 µs before it waits for something
LONGEST_GET = 8_192  # bytes of a short one
_KEEPALIVE_SECONDS = 75.0
_LINGER_SECONDS = 10.0  # a refused upload is read and dropped this long, so that its browser sees the refusal
MOST_FILES = 20_000  # file descriptors that the process asks the system for

_log = logging.getLogger(__name__)


HSTS = web.RequestKey("hsts", str)  # the `Strict-Transport-Security` of the answer to a request


class BrowserRequest(web.BaseRequest):
    """A request whose answer names no versions and carries the HSTS header where one is set."""

    async def _prepare_hook(self, response: web.StreamResponse) -> None:
        response.headers.popall("Server", None)
        if HSTS in self:
            response.headers["Strict-Transport-Security"] = self[HSTS]


class BrowserServer(web.Server):
    """aiohttp's server with our limits, whose own error answers are refusals like all others."""

    def __init__(
        self,
        handler: Any,
        *,
        head_seconds: float = HEAD_SECONDS,
        most: int = MOST_CONNECTIONS,
        most_from_one: int = MOST_FROM_ONE,
        is_proxy: Callable[[str], bool] = lambda _peer: False,
    ) -> None:
        super().__init__(
            handler,
            handler_cancellation=True,
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=_KEEPALIVE_SECONDS,
            lingering_time=_LINGER_SECONDS,
            max_line_size=LARGEST_HEADER,
            max_field_size=LARGEST_HEADER,
        )
        self.head_seconds = head_seconds
        self._most = most
        self._most_from_one = most_from_one
        self._is_proxy = is_proxy
        self._open: dict[str, OrderedDict[_Connection, None]] = {}  # by network, the latest request last
        self.reads: Turns[_Connection] = Turns(_Connection.read_on, READS_PER_TURN)
        self.gets: Turns[_Connection] = Turns(_Connection.read_on, GETS_PER_TURN, READS_PER_TURN)
        self._count = 0

    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)

    def _make_request(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: web.RequestHandler,
        writer: AbstractStreamWriter,
        task: asyncio.Task[None],
    ) -> BrowserRequest:
        assert isinstance(protocol, _Connection)
        protocol.body = payload
        return BrowserRequest(message, payload, protocol, writer, task, self._loop)

    @property
    def count(self) -> int:
        """Connections open now."""
        return self._count

    def enter(self, connection: _Connection, peer: str) -> bool:
        """Admit a connection, in place of an idle one if there are too many; return False if none is idle.

        A proxy may use the limit for all.
        """
        network = network_of(peer)
        known = self._open.get(network, OrderedDict())
        if len(known) >= self._most_from_one and not self._is_proxy(peer):
            is_bearable = _end_idle(known)
        else:
            is_bearable = self._count < self._most or self._end_any_idle()
        # Looked up only now: with the last connection of a network, its entry is deleted too.
        self._open.setdefault(network, OrderedDict())[connection] = None
        self._count += 1
        return is_bearable

    def touch(self, connection: _Connection, peer: str) -> None:
        """Note that a request has arrived on this connection."""
        self._open[network_of(peer)].move_to_end(connection)

    def leave(self, connection: _Connection, peer: str) -> None:
        """Remove a closed connection."""
        known = self._open.get(network_of(peer), OrderedDict())
        if connection in known:
            del known[connection]
            self._count -= 1
            if not known:
                del self._open[network_of(peer)]

    def _end_any_idle(self) -> bool:
        return any(_end_idle(known) for known in sorted(self._open.values(), key=len, reverse=True))


class _Connection(web.RequestHandler):
    """One browser's connection. Received bytes may have to wait for their turn, and reading pauses until then."""

    __slots__ = ("_head_timer", "_own", "_peer", "_server", "_waiting", "body")

    def __init__(self, server: BrowserServer, *, loop: asyncio.AbstractEventLoop, **kwargs: Any) -> None:
        super().__init__(server, loop=loop, **kwargs)
        self._server = server
        self._peer = ""
        self._head_timer: asyncio.TimerHandle | None = None
        self._own: asyncio.Transport | None = None  # kept, as aiohttp drops it when it closes
        self._waiting = b""  # received bytes
        self.body: StreamReader | None = None  # of the latest request

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count it, and let the system end it if the other side reads nothing."""
        super().connection_made(transport)
        named = transport.get_extra_info("peername")
        self._peer = str(named[0]) if isinstance(named, tuple) else ""
        _bound_untaken(transport.get_extra_info("socket"))
        assert isinstance(transport, asyncio.Transport)
        self._own = transport
        if hasattr(transport, "max_size"):
            transport.max_size = READ_BYTES
        elif hasattr(transport, "set_read_buffer_limits"):  # TLS continues to read while reading is paused
            transport.set_read_buffer_limits(READ_BYTES)
        if not self._server.enter(self, self._peer):
            _log.warning("too many connections: one from %s is closed", self._peer)
            transport.abort()
            return
        self._head_timer = self._loop.call_later(self._server.head_seconds, self._cut)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Remove it."""
        self._stop_timer()
        self._server.leave(self, self._peer)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Process received bytes, immediately or in their turn."""
        if self._waiting and data:  # after a short GET
            self._waiting += data
            self._pause_transport_reading()
            return
        # A request head does not wait for bodies, nor a GET for other heads.
        is_get = len(data) <= LONGEST_GET and data.startswith(b"GET ") and not self._has_more()
        turns = self._server.gets if is_get else self._server.reads
        if not data or self._upgraded or turns.may_pass():
            self._take(data)
            return
        self._waiting = data
        if not is_get:  # a browser sends nothing more before its answer, and pausing takes two calls of the system
            self._pause_transport_reading()
        turns.wait(f"{'body' if self._has_more() else 'head'} {network_of(self._peer)}", self)

    def read_on(self) -> None:
        """Process the received bytes, now that it is their turn, and read more unless aiohttp has paused reading."""
        data, self._waiting = self._waiting, b""
        assert self._own is not None
        if self._own.is_closing():
            self._own.resume_reading()  # with TLS, it ends only when it reads that its peer has gone
            return
        self._take(data)
        if not (self._reading_paused or self._buffer_paused):
            self._resume_transport_reading()

    def _take(self, data: bytes) -> None:
        """Pass bytes to aiohttp; a head that has begun has to end in time."""
        super().data_received(data)
        if self._current_request is not None or self._messages:
            self._stop_timer()
            self._server.touch(self, self._peer)
        elif self._head_timer is None:
            self._head_timer = self._loop.call_later(self._server.head_seconds, self._cut)

    def _has_more(self) -> bool:
        """Return whether a body is still arriving, even if it is only read and dropped."""
        body = self._messages[-1][1] if self._messages else self.body
        return body is not None and not body.is_eof()

    def _resume_transport_reading(self) -> None:
        if not self._waiting:
            super()._resume_transport_reading()

    @property
    def is_idle(self) -> bool:
        """Return whether it is waiting for a request, with no answer under way and no WebSocket."""
        return self._waiter is not None and not self._messages and not self._waiting

    def end(self) -> None:
        """Close it now and stop counting it."""
        self._server.leave(self, self._peer)
        if self.transport is not None:
            self.transport.abort()

    def _process_keepalive(self) -> None:
        if self._waiting:  # its next request has arrived; the timer restarts after that
            self._keepalive_handle = None
        else:
            super()._process_keepalive()

    def _cut(self) -> None:
        self._head_timer = None
        if self.transport is not None and self._current_request is None and not self._messages and not self._waiting:
            _log.info("the head of a request did not arrive in time")
            self.transport.abort()

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 (aiohttp passes it; it may quote what the peer sent)
    ) -> web.StreamResponse:
        """Answer a request that aiohttp cannot parse, or whose handler failed."""
        if isinstance(exc, ConnectionError) or request.writer.output_size > 0:
            raise ConnectionResetError("the answer had begun already") from exc
        if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            refusal = Refusal(Cause.BAD_REQUEST, "This is not valid HTTP.")
        else:
            _log.error("a request failed in the gateway itself", exc_info=exc)
            refusal = Refusal(Cause.INTERNAL, "The gateway failed; its log says why.", Sent.UNKNOWN)
        answer = refuse(request, refusal)
        answer.force_close()
        return answer


def _end_idle(connections: Iterable[_Connection]) -> bool:
    """Close the connection that has been idle longest; return False if none is idle."""
    found = next((one for one in connections if one.is_idle), None)
    if found is not None:
        found.end()
    return found is not None


def most_connections() -> int:
    """Return the limit for all connections: half of the files that this process can be allowed to open."""
    limit = system.raise_file_limit(MOST_FILES)
    return MOST_CONNECTIONS if limit is None else min(MOST_CONNECTIONS, limit // 2)


def _bound_untaken(own: socket.socket | None) -> None:
    """Let Linux end a connection whose other side reads nothing, also in the middle of a file sent by the kernel."""
    if own is not None and hasattr(socket, "TCP_USER_TIMEOUT") and own.family != getattr(socket, "AF_UNIX", None):
        own.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(UNTAKEN_SECONDS * 1_000))
