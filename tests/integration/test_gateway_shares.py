"""Fair shares: slow readers affect only their own address, and a closed browser ends its requests."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from aiohttp import web

from gateway.fleet.fleet import DeclaredBy, Fleet
from gateway.http.bodies import MOST_DELETED
from gateway.http.servers import Limits, Server, ServerId
from gateway.people.accounts import Account, Accounts, write_accounts
from gateway.people.keys import Keys
from gateway.people.login_settings import LoginSettings
from gateway.people.sessions import LoginSessions
from tests.kit.gateways import PATIENCE, Running, open_fleet, serve

PLACES = 3


async def _pictures(request: web.BaseRequest) -> web.StreamResponse:
    """Answer with a small picture, or an endless one."""
    if "endless" not in request.raw_path:
        return web.Response(body=b"small", content_type="image/png")
    answer = web.StreamResponse()
    await answer.prepare(request)
    while True:
        await answer.write(b"x" * 65_536)


async def _ask(gateway: Running, name: str, host: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Request a picture from an address, with the smallest of buffers."""
    own = socket.socket()
    own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    own.bind((host, 0))
    own.setblocking(False)
    await asyncio.get_running_loop().sock_connect(own, ("127.0.0.1", gateway.port))
    reader, writer = await asyncio.open_connection(sock=own, limit=1_024)
    writer.write(f"GET /servers/a/view?filename={name} HTTP/1.1\r\nHost: 127.0.0.1:{gateway.port}\r\n\r\n".encode())
    return reader, writer


async def test_slow_readers_affect_only_their_own_address() -> None:
    async with serve(_pictures) as upstream:
        server = Server(ServerId("a"), "a", upstream.url, limits=Limits(requests=PLACES))
        async with open_fleet(Fleet(DeclaredBy.FLAGS, "a test", (server,))) as gateway:
            slow = [await _ask(gateway, "endless.png", "127.0.0.2") for _ in range(PLACES)]
            for reader, _ in slow:
                async with asyncio.timeout(PATIENCE):
                    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            reader, writer = await _ask(gateway, "small.png", "127.0.0.1")
            async with asyncio.timeout(PATIENCE):
                assert (await reader.readline()).startswith(b"HTTP/1.1 200")
                assert b"small" in await reader.readuntil(b"small")
            for one in (writer, *(each for _, each in slow)):
                one.transport.abort()


async def test_delete_request_ends_with_its_browser(tmp_path: Path) -> None:
    asked: list[str] = []
    is_let_go = asyncio.Event()

    async def history(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(request.raw_path)
        await is_let_go.wait()
        return web.json_response({})

    async with _studio(history, tmp_path / "users.toml") as (gateway, cookie):
        body = json.dumps({"delete": [str(number) for number in range(MOST_DELETED)]}).encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        head = (
            f"POST /servers/a/history HTTP/1.1\r\nHost: 127.0.0.1:{gateway.port}\r\nOrigin: {gateway.url}\r\n"
            f"Cookie: {cookie}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        async with asyncio.timeout(PATIENCE):
            while not asked:  # noqa: ASYNC110 - the event is at the server
                await asyncio.sleep(0.01)
            writer.transport.abort()
            with contextlib.suppress(ConnectionError):
                await reader.read()
            browsers = gateway.gateway._browsers
            while browsers.count:  # noqa: ASYNC110 - the gateway has no event for it
                await asyncio.sleep(0.01)
            is_let_go.set()
            for _ in range(20):  # the next request would arrive within one of these
                async with asyncio.timeout(PATIENCE):
                    probe, own = await asyncio.open_connection("127.0.0.1", gateway.port)
                    own.write(f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{gateway.port}\r\n\r\n".encode())
                    assert b"200" in await probe.readline()
                    own.transport.abort()
        assert len(asked) == 1


@contextlib.asynccontextmanager
async def _studio(
    answer: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]], users: Path
) -> AsyncIterator[tuple[Running, str]]:
    """Start a gateway with Alice as a user, and return the cookie of her session."""
    alice, keys = Account("alice"), Keys((b"1" * 32,))
    write_accounts(users, Accounts({"alice": alice}))
    async with serve(answer) as upstream:
        server = Server(ServerId("a"), "a", upstream.url)
        fleet = Fleet(DeclaredBy.FLAGS, "a test", (server,))
        async with open_fleet(fleet, logins=LoginSettings(keys, users)) as gateway:
            await gateway.first_probe()
            yield gateway, LoginSessions(keys, False, gateway.port, 1).begin(alice, time.time()).partition(";")[0]
