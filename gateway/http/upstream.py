"""The HTTP client of one server: its own connections, no redirects, no cookies, precise errors.

Each server has its own connections and its own bounded lanes, so that a hung one delays no other. Writes
use a new connection each, so that a failure to connect is certain to have sent nothing.

An upstream is one server for as long as the fleet has it: at its address or, if it was discovered, at each address
where it proves its identity (`gateway/http/server_proof.py`). Its settings in the fleet may change: new requests use
the new ones, and those under way end with theirs. After it has left the fleet it begins no request; those under way
may finish.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from gateway.http.addresses import ForbiddenAddressError, GuardedResolver
from gateway.http.deadlines import Deadlines
from gateway.http.lanes import HOLDER, Lane, Ticket
from gateway.http.moving_deadline import MovingDeadline
from gateway.http.refusal import Refusal, RefusedRequest, Sent
from gateway.http.secret import Secrets
from gateway.http.server_proof import AnotherServerError, FixedResolver, ProofQuestion, ProvenConnector, UnprovenError
from gateway.http.servers import Server
from gateway.http.worker_process import WorkerProcess
from gateway.tasks import start_task
from wire.refusals import Cause

LARGEST_HEADER = 32_768  # bytes; each request has the cookies of all ports of 127.0.0.1
MOST_HEAVY = 8  # answers of one server that are read for heavy work, or wait for it
_REDIRECTS = {300, 301, 302, 303, 305, 306, 307, 308}


class Redirected(aiohttp.ClientError):
    """The server answered with a redirect, which is never followed, since the server would choose the address.

    `location` is its target, for the diagnosis; it is never sent on.
    """

    def __init__(self, reason: str, location: str = "") -> None:
        self.location = location
        super().__init__(reason)


class _Counted(asyncio.Protocol):
    """Passes a connection's events on to its protocol, and reports how many bytes arrive."""

    def __init__(self, protocol: asyncio.Protocol, arrived: Callable[[int], None]) -> None:
        self._protocol = protocol
        self._arrived = arrived
        self.connection_lost = protocol.connection_lost  # type: ignore[method-assign]
        self.eof_received = protocol.eof_received  # type: ignore[method-assign]
        self.pause_writing = protocol.pause_writing  # type: ignore[method-assign]
        self.resume_writing = protocol.resume_writing  # type: ignore[method-assign]

    def data_received(self, data: bytes) -> None:
        self._protocol.data_received(data)
        self._arrived(len(data))


class UpstreamSocket(aiohttp.ClientWebSocketResponse):
    """A WebSocket to a server whose end is known from its TCP connection, not only from its Close frame."""

    async def say_close(self) -> None:
        """Send a Close frame; the answer arrives like any other message."""
        await self._writer.close(1000, b"")

    def count(self, arrived: Callable[[int], None]) -> None:
        """Call back with the size of all that arrives, also of messages that are not complete."""
        connection = self._response.connection
        transport = None if connection is None else connection.transport
        if transport is not None:
            transport.set_protocol(_Counted(cast(asyncio.Protocol, transport.get_protocol()), arrived))

    async def gone(self) -> None:
        """Wait until the server has ended the TCP connection."""
        protocol = self._protocol_below()
        closed = None if protocol is None else protocol.closed
        if closed is not None:
            with contextlib.suppress(aiohttp.ClientError, OSError):
                await asyncio.shield(closed)

    def abort(self) -> None:
        """Drop the TCP connection now."""
        self._set_closed()
        protocol = self._protocol_below()
        if protocol is not None:
            protocol.abort()
        self._response.close()

    def _protocol_below(self) -> ResponseHandler | None:
        connection = self._response.connection
        return None if connection is None else connection.protocol  # an empty connection is false, so compare with None


class LanePlace:
    """One request's place in a lane during a block."""

    __slots__ = ("_lane", "_seconds", "_ticket", "_upstream")

    def __init__(self, upstream: Upstream, lane: Lane, seconds: float) -> None:
        self._upstream = upstream
        self._lane = lane
        self._seconds = seconds  # that it may wait
        self._ticket = Ticket(HOLDER.get())

    async def __aenter__(self) -> Ticket:
        if self._lane.locked():  # a free place needs no timer
            try:
                async with MovingDeadline(self._seconds):
                    await self._lane.acquire(self._ticket)
            except TimeoutError as error:
                message = f"{self._upstream.server.id} has too many unanswered requests already."
                raise RefusedRequest(Refusal(Cause.UPSTREAM_BUSY, message)) from error
        else:
            await self._lane.acquire(self._ticket)
        try:
            self._upstream.begin()
        except RefusedRequest:
            self._lane.release(self._ticket)
            raise
        return self._ticket

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._upstream.end()
        self._lane.release(self._ticket)


class Upstream:
    """One server of the fleet, as the gateway connects to it. Use as an async context manager."""

    def __init__(
        self,
        server: Server,
        deadlines: Deadlines,
        worker: WorkerProcess | None = None,
        secrets: Secrets | None = None,
    ) -> None:
        self.server = server
        self.worker = worker or WorkerProcess()
        self.secrets = Secrets() if secrets is None else secrets  # which no answer may contain
        self._owns_worker = worker is None
        self.large = Lane(1)  # one large answer of this server in memory
        self.heavy = Lane(MOST_HEAVY)
        self.deadlines = deadlines
        self.origin = str(URL(server.address).origin())  # which ComfyUI compares with its Host
        self._open_lanes(server.limits.requests)
        self._under_way = 0
        self._departed: Refusal | None = None
        self._is_idle = asyncio.Event()
        self._sessions: list[aiohttp.ClientSession] = []  # former ones too, while a request uses them
        self._closing: set[asyncio.Task[None]] = set()
        self._open_sessions(server)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # All at once: if the time for closing ends, each has begun to, and its connections are released.
        await asyncio.gather(*(session.close() for session in self._sessions), *self._closing)
        if self._owns_worker:
            await self.worker.close()

    def change(self, server: Server) -> None:
        """Use new settings of this server."""
        before, self.server = self.server, server
        if server.limits.requests != before.limits.requests:
            self._open_lanes(server.limits.requests)
        self.origin = str(URL(server.address).origin())
        if _way(server) != _way(before):
            self._close_former()
            self._open_sessions(server)

    def depart(self, refusal: Refusal) -> None:
        """Begin no more requests: the fleet has no such server, or has it elsewhere."""
        self._departed = refusal

    async def leave(self) -> None:
        """Close the connections when no request uses them."""
        while self._under_way:
            self._is_idle.clear()
            await self._is_idle.wait()
        await self.__aexit__(None, None, None)

    def begin(self) -> None:
        """Count a request that begins, or raise `Refused` if the server has left the fleet; followed by `end`."""
        if self._departed is not None:
            raise RefusedRequest(self._departed)
        self._under_way += 1

    def end(self) -> None:
        """Count a request that has ended."""
        self._under_way -= 1
        if not self._under_way:
            self._is_idle.set()

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Count a request during the block."""
        self.begin()
        try:
            yield
        finally:
            self.end()

    def session(self, *, is_fresh: bool) -> aiohttp.ClientSession:
        """Return the client session; a fresh one never reuses a connection."""
        return self._fresh if is_fresh else self._kept

    def url(self, path: str, query: str = "") -> URL:
        """Return the address of a path on this server; both parts are raw and stay unchanged."""
        return URL(self.server.address + path + (f"?{query}" if query else ""), encoded=True)

    def place(self, lane: Lane) -> LanePlace:
        """Return a place among the requests to this server, for `async with`; it refuses with `upstream-busy`.

        It is held by the sender of the present request, also if the gateway reads something on their behalf.
        """
        return LanePlace(self, lane, self.deadlines.lane)

    def place_for_heavy(self) -> LanePlace:
        """Return the same among the answers for heavy work, from the request until that is done."""
        return LanePlace(self, self.heavy, self.deadlines.heavy)

    async def open_socket(self, client_id: str, largest: int) -> UpstreamSocket:
        """Return a WebSocket to the server with this client_id, or raise `Refused`."""
        if self._departed is not None:
            raise RefusedRequest(self._departed)
        url = self.url("/ws").with_query({"clientId": client_id})
        try:
            async with asyncio.timeout(self.deadlines.handshake):
                socket = await self._fresh.ws_connect(
                    url,
                    origin=self.origin,
                    autoclose=False,
                    max_msg_size=largest,
                    decode_text=False,
                )
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise RefusedRequest(self.explain(error)) from error
        return cast(UpstreamSocket, socket)  # by ws_response_class, which the types do not express

    def explain(self, error: Exception) -> Refusal:
        """Return the refusal for a failure of a request."""
        name = self.server.id
        match error:
            case AnotherServerError():
                return Refusal(Cause.SERVER_MOVED, f"Another server answers at the address of {name} by now.")
            case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError() | UnprovenError():
                return Refusal(Cause.CONNECT_FAILED, f"{name} cannot be reached: {short_reason(error)}.")
            case Redirected():
                return Refusal(Cause.REDIRECT, f"{name} answered with a redirect: {error}.", Sent.UNKNOWN)
            case TimeoutError():
                return Refusal(Cause.TIMEOUT, f"{name} did not answer in time.", Sent.UNKNOWN)
            case aiohttp.WSServerHandshakeError(status=status):
                message = f"{name} refused the WebSocket with status {status}."
                return Refusal(Cause.UPSTREAM_REFUSED, message, Sent.UNKNOWN)
            case _:
                message = f"The connection to {name} was lost: {short_reason(error)}."
                return Refusal(Cause.UPSTREAM_LOST, message, Sent.UNKNOWN)

    def _open_lanes(self, size: int) -> None:
        # Separate lanes, so that large pictures on a slow link delay no poll, and hung uploads no cancel.
        self.reads, self.views = Lane(size), Lane(size)
        self.submits, self.uploads = Lane(size), Lane(size)

    def _open_sessions(self, server: Server) -> None:
        self._fresh = self._session(self._connector(server, force_close=True), server)
        self._kept = self._session(self._connector(server, keepalive_timeout=15), server)
        self._sessions += [self._fresh, self._kept]

    def _close_former(self) -> None:
        """Close unused sessions of former addresses: DNS may return another address every few seconds."""
        for session in self._sessions[:-2]:
            if isinstance(session.connector, ProvenConnector) and session.connector.is_idle:
                self._sessions.remove(session)
                task = start_task(session.close())
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)

    def _connector(self, server: Server, **options: Any) -> aiohttp.TCPConnector:
        """Return the connector; for a discovered server, its connections first prove its identity."""
        tls = True if server.access.tls is None else server.access.tls
        resolver = FixedResolver(server.dial) if server.dial else GuardedResolver()
        options |= {"limit": 0, "ssl": tls, "resolver": resolver, "use_dns_cache": not server.dial}
        question = ProofQuestion.to(server)
        if question is None:
            return aiohttp.TCPConnector(**options)
        return ProvenConnector(question, deadline=self.deadlines.connect, **options)

    def _session(self, connector: aiohttp.TCPConnector, server: Server) -> aiohttp.ClientSession:
        login = {"Authorization": server.access.authorization} if server.access.authorization else {}
        return aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "mooring-gateway"} | login,
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type"),
            # Whole exchanges have their own deadlines; this one is for connecting.
            timeout=aiohttp.ClientTimeout(total=None, connect=self.deadlines.connect),
            trust_env=False,
            ws_response_class=UpstreamSocket,
            middlewares=(refuse_redirect,),
            max_line_size=LARGEST_HEADER,
            max_field_size=LARGEST_HEADER,
        )


def _way(server: Server) -> tuple[object, ...]:
    """The settings that connections depend on."""
    return server.access, server.address, server.dial, server.found


async def refuse_redirect(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """End a redirect before anything follows it, as `ws_connect` would. A client middleware of aiohttp."""
    response = await handler(request)
    check_redirect(response)
    return response


def check_redirect(response: aiohttp.ClientResponse) -> None:
    """Close a response that is a redirect, and raise `Redirected`."""
    if response.status in _REDIRECTS:
        response.close()
        raise Redirected(f"status {response.status}", response.headers.get("Location", ""))


def short_reason(error: BaseException) -> str:
    """Describe a failure in a few plain words that are the same for each retry."""
    match error:
        case AnotherServerError() | UnprovenError():
            return str(error)
        case aiohttp.ClientConnectorCertificateError():
            return "its certificate is not trusted"
        case aiohttp.ClientConnectorSSLError() | ssl.SSLError():
            return "TLS failed"
        case aiohttp.ClientConnectorDNSError(os_error=ForbiddenAddressError() as forbidden):
            return str(forbidden.strerror)
        case aiohttp.ClientConnectorDNSError():
            return "its host name is not known"
        case TimeoutError():
            return "no answer in time"
        case aiohttp.ServerDisconnectedError():
            return "it hung up"
        case aiohttp.ClientResponseError():
            return "it does not speak HTTP as expected"
        case OSError() if error.errno:
            return os.strerror(error.errno).lower()
        case _:
            return type(error).__name__
