"""The listening socket: it accepts connections immediately, and hands the server a few per turn of the event loop.

asyncio would hand over all of them in one turn, during which nothing else is served.
"""

from __future__ import annotations

import asyncio
import asyncio.sslproto
import contextlib
import errno
import logging
import socket
from functools import partial

from aiohttp import web

from gateway.http.connections import READ_BYTES
from gateway.http.peers import network_of
from gateway.http.turns import Turns
from gateway.tasks import start_task

HANDSHAKE_SECONDS = 10.0  # for a TLS handshake, before which a connection is not counted by the server
BACKLOG = 1_024  # connections waiting to be accepted
MOST_WAITING = 1_024  # accepted connections that wait for the server
ADMITTED_PER_TURN = 32  # connections per turn, each some 60 µs, before its requests are handled
ACCEPTED_PER_TURN = 128  # the same, of those that only begin to wait
_RETRY_SECONDS = 1.0  # after the system had no file descriptor left
_PAUSE_SECONDS = 0.01  # after another error, which may last
_NO_ROOM = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}

_log = logging.getLogger(__name__)


class BrowserSite(web.SockSite):
    """A listening socket for aiohttp's runner. Each network's connections are admitted in order."""

    async def start(self) -> None:
        """Start listening."""
        self._sock.setblocking(False)
        self._sock.listen(BACKLOG)
        if self._ssl_context is not None:  # each TLS connection has a buffer of this size, and reads as much at a time
            asyncio.sslproto.SSLProtocol.max_size = READ_BYTES
        await web.BaseSite.start(self)
        self._turns = Turns(self._admit, ADMITTED_PER_TURN)
        self._admitted: set[asyncio.Task[None]] = set()
        self._accepting = start_task(self._accept())

    async def stop(self) -> None:
        """Stop accepting, and close the connections that wait."""
        self._accepting.cancel()
        for waiting in self._turns.clear():
            waiting.close()
        for task in self._admitted:
            task.cancel()
        await asyncio.wait([self._accepting, *self._admitted])
        self._sock.close()
        await super().stop()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                for _ in range(ACCEPTED_PER_TURN):
                    connection, peer = await loop.sock_accept(self._sock)  # returns immediately while there are more
                    self._receive(connection, str(peer[0]) if isinstance(peer, tuple) else "")
                await asyncio.sleep(0)
            except ConnectionError:  # the browser has disconnected already
                continue
            except OSError as error:
                if error.errno not in _NO_ROOM:  # the system decides which errors concern one connection only
                    _log.info("a connection was not accepted: %s", error)
                    await asyncio.sleep(_PAUSE_SECONDS)
                elif self._turns:  # a waiting connection has the file descriptor that is missing
                    self._cut()
                    await asyncio.sleep(0)
                else:
                    _log.error("no connection can be accepted: %s", error)
                    await asyncio.sleep(_RETRY_SECONDS)

    def _receive(self, connection: socket.socket, peer: str) -> None:
        if self._turns.may_pass():
            self._admit(connection)
            return
        self._turns.wait(network_of(peer), connection)
        if len(self._turns) > MOST_WAITING:
            self._cut()

    def _cut(self) -> None:
        """Close the latest connection of the network with the most waiting ones."""
        _log.warning("too many waiting connections: one is closed")
        self._turns.drop().close()

    def _admit(self, connection: socket.socket) -> None:
        task = asyncio.create_task(self._connect(connection))
        self._admitted.add(task)
        task.add_done_callback(partial(self._settle, connection))

    def _settle(self, connection: socket.socket, task: asyncio.Task[None]) -> None:
        self._admitted.discard(task)
        if task.cancelled():  # perhaps before it has begun
            connection.close()

    async def _connect(self, connection: socket.socket) -> None:
        server, tls = self._runner.server, self._ssl_context
        assert server is not None
        with contextlib.suppress(OSError):  # it has disconnected, or sent no TLS in time
            await asyncio.get_running_loop().connect_accepted_socket(
                server, connection, ssl=tls, ssl_handshake_timeout=None if tls is None else HANDSHAKE_SECONDS
            )
