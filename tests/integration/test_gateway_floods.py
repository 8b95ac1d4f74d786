"""Many simultaneous connections: each turn of the event loop accepts few, and one network does not delay the others."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from gateway.http import connections
from gateway.http import listener as listeners
from gateway.http.connections import GETS_PER_TURN, READ_BYTES, READS_PER_TURN, BrowserServer
from gateway.http.listener import BrowserSite
from gateway.http.turns import Turns
from tests.kit.certificates import make_pem
from tests.kit.gateways import PATIENCE, until

MANY = 60
SENDER, OTHER = "127.0.0.1", "127.0.0.2"
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@contextlib.asynccontextmanager
async def listening(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[BrowserServer, int]]:
    """Start a server behind a listener of ours, and return it and its port."""
    server = BrowserServer(answer)
    runner = web.ServerRunner(server, shutdown_timeout=0.05)
    await runner.setup()
    own = socket.socket()
    own.bind((SENDER, 0))
    await BrowserSite(runner, own, ssl_context=tls).start()
    try:
        yield server, own.getsockname()[1]
    finally:
        await runner.cleanup()


@contextlib.contextmanager
def connected(port: int, count: int, source: str = SENDER, *, sends: bytes = b"") -> Iterator[list[socket.socket]]:
    """Connect and send without letting the event loop run, so that all of it is waiting when it does."""
    with contextlib.ExitStack() as stack:
        made = []
        for _ in range(count):
            made.append(stack.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE, (source, 0))))
            made[-1].sendall(sends)
            made[-1].setblocking(False)
        yield made


@contextlib.asynccontextmanager
async def counting_turns() -> AsyncIterator[Callable[[], int]]:
    """Count the turns of the event loop; the result is a function that returns their number."""
    number = 0

    async def count() -> None:
        nonlocal number
        while True:
            await asyncio.sleep(0)
            number += 1

    task = asyncio.create_task(count())
    try:
        yield lambda: number
    finally:
        task.cancel()


def send_soon(connections: list[socket.socket], size: int) -> asyncio.Future[list[None]]:
    """Begin to send this many bytes on each connection."""
    loop = asyncio.get_running_loop()
    return asyncio.gather(*(loop.sock_sendall(one, bytes(size)) for one in connections))


async def ended(connection: socket.socket) -> bool:
    """Wait for the end of a connection, and return whether nothing came before it."""
    async with asyncio.timeout(PATIENCE):
        try:
            return await asyncio.get_running_loop().sock_recv(connection, 1) == b""
        except ConnectionError:
            return True


async def test_one_network_does_not_delay_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listeners, "ADMITTED_PER_TURN", 2)
    admitted: dict[str, int] = {}  # connections when an address was first answered

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        admitted.setdefault(request.remote or "", server.count)
        return web.Response()

    async with listening(answer) as (server, port):
        with connected(port, 3 * MANY, sends=GET), connected(port, 1, OTHER, sends=GET):
            await until(lambda: server.count > 3 * MANY and OTHER in admitted)
    assert admitted[OTHER] < MANY


async def test_get_does_not_wait_for_all_other_requests() -> None:
    seen = []

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        seen.append(request.method)
        return web.Response()

    async with listening(answer) as (server, port):
        with connected(port, MANY) as senders, connected(port, 1) as [asker]:
            await until(lambda: server.count > MANY)
            for one in senders:
                one.send(POST)
            asker.send(GET)
            await until(lambda: len(seen) > MANY)
    assert seen.index("GET") < 3 * READS_PER_TURN


async def test_few_gets_are_answered_per_turn() -> None:
    answered: Counter[int] = Counter()  # by turn

    async def answer(_request: web.BaseRequest) -> web.StreamResponse:
        answered[turn()] += 1
        return web.Response()

    async with counting_turns() as turn, listening(answer) as (server, port):
        with connected(port, MANY) as senders:
            await until(lambda: server.count == MANY)
            for one in senders:
                one.send(GET)
            await until(lambda: answered.total() == MANY)
    assert max(answered.values()) <= GETS_PER_TURN


async def test_few_bodies_are_read_per_turn() -> None:
    size = 8 * READ_BYTES
    taken: Counter[int] = Counter()  # reads, by turn
    whole = 0

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal whole
        received = 0
        while received < size:
            received += len(await request.content.readany())
            taken[turn()] += 1
        whole += 1
        return web.Response()

    async with counting_turns() as turn, listening(answer) as (_, port):
        with connected(port, MANY, sends=POST) as senders:
            await send_soon(senders, size)
            await until(lambda: whole == MANY)
    assert max(taken.values()) <= 2 * READS_PER_TURN  # those that begin, and those that continue


async def test_bodies_that_are_dropped_take_turns_too(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: Counter[int] = Counter()
    feed = web.RequestHandler.data_received

    def count(self: web.RequestHandler, data: bytes) -> None:
        taken[turn()] += bool(data)
        feed(self, data)

    async def refuse(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=413)

    monkeypatch.setattr(web.RequestHandler, "data_received", count)
    async with counting_turns() as turn, listening(refuse) as (_, port):
        with connected(port, MANY, sends=POST) as senders:
            await send_soon(senders, 8 * READ_BYTES)
            await until(lambda: taken.total() > 5 * MANY)
    assert max(taken.values()) <= READS_PER_TURN


async def test_paused_body_stays_paused_in_its_turn() -> None:
    is_read = asyncio.Event()
    received: list[int] = []

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        await is_read.wait()
        received.append(len(await request.content.read()))
        return web.Response()

    async with listening(answer) as (server, port):
        with connected(port, MANY, sends=POST) as senders:
            sending = send_soon(senders, 1_000_000)
            await until(
                lambda: len(server.connections) == MANY and all(one._reading_paused for one in server.connections)
            )
            await until(lambda: not len(server.reads))
            assert not any(one.transport.is_reading() for one in server.connections if one.transport is not None)
            is_read.set()
            await until(lambda: received == [1_000_000] * MANY)
            await sending


async def test_network_with_the_most_waiting_connections_loses_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listeners, "MOST_WAITING", 10)
    seen = []

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        seen.append(request.remote)
        return web.Response()

    async with listening(answer) as (_, port):
        with connected(port, MANY, sends=GET) as many, connected(port, 1, OTHER, sends=GET):
            await until(lambda: OTHER in seen)
            assert await ended(many[-1])
    assert seen.count(SENDER) < MANY


async def test_waiting_connections_end_with_the_gateway() -> None:
    async def answer(_request: web.BaseRequest) -> web.StreamResponse:
        raise AssertionError("nothing is asked")

    with contextlib.ExitStack() as stack:
        async with listening(answer) as (_, port):
            waiting = stack.enter_context(connected(port, MANY))
            await asyncio.sleep(0)  # all are accepted, and few are admitted
        assert all([await ended(one) for one in waiting])
        with pytest.raises(ConnectionError):
            socket.create_connection((SENDER, port))


async def test_bodies_take_turns_over_tls(tmp_path: Path) -> None:
    pem = make_pem(tmp_path)
    client_side = ssl.create_default_context(cafile=str(pem.authority))

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text=str(len(await request.content.read())))

    async with (
        listening(answer, pem.server_context()) as (_, port),
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=client_side, limit=MANY)) as http,
    ):

        async def send() -> str:
            async with http.post(f"https://{SENDER}:{port}/", data=bytes(1_000_000)) as reply:
                return await reply.text()

        assert await asyncio.gather(*(send() for _ in range(MANY))) == ["1000000"] * MANY


async def test_missing_tls_handshake_ends_at_its_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listeners, "HANDSHAKE_SECONDS", 0.1)
    pem = make_pem(tmp_path)

    async def answer(_request: web.BaseRequest) -> web.StreamResponse:
        raise AssertionError("nothing is asked")

    async with listening(answer, pem.server_context()) as (server, port):
        with connected(port, 1) as [silent]:
            assert await ended(silent)
            assert server.count == 0


class HeldTurns(Turns[connections._Connection]):
    """Turns that do not come while `is_held`."""

    is_held = False

    def may_pass(self) -> bool:
        return not self.is_held and super().may_pass()

    def _set_timer(self) -> None:
        if not self.is_held:
            super()._set_timer()

    def release(self) -> None:
        self.is_held = False
        self._set_timer()


async def test_tls_connection_ends_if_closed_while_its_bytes_waited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "_LINGER_SECONDS", 0.1)
    pem = make_pem(tmp_path)
    client_side = ssl.create_default_context(cafile=str(pem.authority))

    async def refuse(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=413)

    async with listening(refuse, pem.server_context()) as (server, port):
        server.reads = turns = HeldTurns(connections._Connection.read_on, READS_PER_TURN)
        reader, writer = await asyncio.open_connection(SENDER, port, ssl=client_side)
        writer.write(POST)
        assert b"413" in await reader.readline()
        [connection] = server.connections
        turns.is_held = True
        writer.write(b"more")
        await until(lambda: len(turns) == 1)
        writer.transport.abort()
        await until(connection._own.is_closing)
        turns.release()
        await until(lambda: server.count == 0)


async def test_tls_connection_reads_as_little_per_turn_as_plain(tmp_path: Path) -> None:
    pem = make_pem(tmp_path)
    client_side = ssl.create_default_context(cafile=str(pem.authority))
    sizes: list[int] = []

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        while chunk := await request.content.readany():
            sizes.append(len(chunk))
        return web.Response()

    async with listening(answer, pem.server_context()) as (server, port):
        server.reads = turns = HeldTurns(connections._Connection.read_on, READS_PER_TURN)
        reader, writer = await asyncio.open_connection(SENDER, port, ssl=client_side)
        writer.write(POST)
        await until(lambda: bool(server.connections) and server.connections[0].body is not None)
        turns.is_held = True
        writer.write(bytes(1_000_000))
        await until(lambda: len(turns) == 1)
        turns.release()
        assert b"200" in await reader.readline()
        writer.transport.abort()
    assert sum(sizes) == 1_000_000
    assert max(sizes) <= 3 * READ_BYTES
