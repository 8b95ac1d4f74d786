"""Scripted servers, a gateway in this process, and raw clients, all over real sockets.

async with serve(answers) as upstream, open_gateway({"a": upstream.url}) as gateway:
    reply = await speak(gateway.port, b"GET /servers/a/queue HTTP/1.1\r\n…")
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import inspect
import json
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from gateway.fleet.changes import OwnFile
from gateway.fleet.fleet import DeclaredBy, Fleet
from gateway.fleet.partner_rules import PartnerRules
from gateway.fleet.rules import Rules
from gateway.fleet.watch import watched
from gateway.http.deadlines import Deadlines
from gateway.http.own_hosts import build_own_hosts
from gateway.http.servers import Server, ServerId
from gateway.install.joined import page_tree
from gateway.install.packed import PackedPage, page_of
from gateway.install.place import Installation
from gateway.page.tree import PageTree, Tree
from gateway.people.login_settings import LoginSettings
from gateway.platforms import system
from gateway.server import Gateway
from wire.health import Health

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 30.0  # seconds to wait for a condition on a loaded machine

STATS = {"system": {"comfyui_version": "0.3.64", "argv": ["main.py"]}, "devices": []}
QUEUE = {"queue_running": [], "queue_pending": []}
NODES = {"KSampler": {"input": {"required": {"seed": ["INT", {"max": 18446744073709551615}]}}}}
MAX_UPLOAD = 4_000_000
PLAIN = Rules()
NO_KEYS = PartnerRules()

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass
class Upstream:
    """A scripted server: its address, and all requests except the prober's."""

    url: str
    seen: list[web.BaseRequest] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


async def until(condition: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """Wait until a function, which may be asynchronous, returns something true, and return that."""
    async with asyncio.timeout(seconds):
        while True:
            result = condition()
            if inspect.isawaitable(result):
                result = await result
            if result:
                return result
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def serve(
    handler: Handler | None = None, *, max_upload: int = MAX_UPLOAD, nodes: object = NODES
) -> AsyncIterator[Upstream]:
    """Start a server that answers the gateway's own requests as ComfyUI does, and all others by `handler`.

    Without a handler it echoes the path. `nodes=None` leaves the node catalogue to the handler.
    """
    upstream = Upstream("")

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "GET" and "Accept" not in request.headers:  # the prober sends none, a browser always
            features = {"supports_preview_metadata": True, "max_upload_size": max_upload}
            known = {"/system_stats": STATS, "/queue": QUEUE, "/features": features, "/object_info": nodes}.get(
                request.path
            )
            if known is not None:
                return web.json_response(known)
            if request.path == "/api/jobs":  # this version does not have it
                return web.Response(status=404)
        upstream.seen.append(request)
        if handler is not None:
            return await handler(request)
        upstream.bodies.append(await request.content.read())
        return web.json_response({"path": request.raw_path})

    async with serve_all(answer) as upstream.url:
        yield upstream


@contextlib.asynccontextmanager
async def serve_all(
    answer: Handler | web.Application, port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """Start a server of one handler or of an application, and return its address."""
    runner = _runner_of(answer)
    await runner.setup()
    listener = socket.socket()
    system.claim(listener)
    listener.bind(("127.0.0.1", port))
    await web.SockSite(runner, listener, ssl_context=tls).start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        await runner.cleanup()


def _runner_of(answer: Handler | web.Application) -> web.BaseRunner[Any]:
    if isinstance(answer, web.Application):
        return web.AppRunner(answer, handler_cancellation=True, access_log=None, shutdown_timeout=0.05)
    server = web.Server(answer, handler_cancellation=True, access_log=None)
    return web.ServerRunner(server, shutdown_timeout=0.05)


def table(server_id: str, url: str, **values: object) -> str:
    """Return a `[[server]]` table of a fleet file."""
    lines = {"id": server_id, "url": url} | values
    return "[[server]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in lines.items())


Raw = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def serve_raw(talk: Raw, port: int = 0) -> AsyncIterator[str]:
    """Start a server that speaks bytes, and return its address. Its connections end with the block."""
    writers: set[asyncio.StreamWriter] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await talk(reader, writer)
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", port)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()


@contextlib.asynccontextmanager
async def relay(url: str, held: bytes | None = None, port: int = 0) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """Start another address of a server; yield it, and an event. Requests that contain `held` wait for the event.

    Where a text has an address, each side reads its own; both have ports of five digits.
    """
    server_name = url.removeprefix("http://").encode()
    released = asyncio.Event()

    async def pass_on(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, held: bytes | None, old: bytes, new: bytes
    ) -> None:
        while data := await reader.read(2**16):
            if held is not None and held in data:
                await released.wait()
            writer.write(data.replace(old, new))
            await writer.drain()
        writer.close()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        own_name = "{}:{}".format(*writer.get_extra_info("sockname")).encode()
        answers, server = await asyncio.open_connection(*server_name.decode().split(":"))
        try:
            await asyncio.gather(
                pass_on(reader, server, held, own_name, server_name),
                pass_on(answers, writer, None, server_name, own_name),
            )
        finally:
            server.close()

    async with serve_raw(talk, port) as address:
        try:
            yield address, released
        finally:
            released.set()


class SharedPage:
    """The page's files at `ROOT` for all gateways of this process: to read them all costs more than most tests."""

    is_fixed = False

    def __init__(self) -> None:
        self._files = page_tree(Installation(ROOT))
        self._turn = threading.Lock()

    def current(self) -> Tree:
        """Return the present files."""
        with self._turn:
            return self._files.current()


_PAGE = SharedPage()


def _page_of(place: Installation) -> PageTree | PackedPage | SharedPage:
    return _PAGE if place.root == ROOT else page_of(place)


@dataclass
class Running:
    """A gateway in this process, on a real port."""

    gateway: Gateway
    url: str

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def socket_url(self, client_id: str, server_id: str = "a") -> str:
        """Return the address of a window's socket."""
        return f"{self.url}/servers/{server_id}/ws?clientId={client_id}"

    async def first_probe(self) -> None:
        """Wait until every server has been probed."""
        state = self.gateway.state
        await until(lambda: all(state.condition(one).health is not Health.UNKNOWN for one in state.servers))


@contextlib.asynccontextmanager
async def open_gateway(
    servers: Mapping[str, str],
    *,
    root: Path = ROOT,
    names: Sequence[str] = (),
    workflows: Path | None = None,
    logins: LoginSettings | None = None,
    rules: Rules = PLAIN,
    partner: PartnerRules = NO_KEYS,
    **deadlines: float,
) -> AsyncIterator[Running]:
    """Start a gateway for these servers, which may get the keys of `partner`.

    `deadlines` replaces single ones; by default the prober runs once.
    """
    gets_keys = any(partner.keys)
    known = tuple(Server(ServerId(key), key, url, is_partner=gets_keys) for key, url in servers.items())
    fleet = Fleet(DeclaredBy.FLAGS, "a test", known, rules=rules, partner=partner)
    async with open_fleet(fleet, root=root, names=names, workflows=workflows, logins=logins, **deadlines) as running:
        yield running


@contextlib.asynccontextmanager
async def open_fleet(
    fleet: Fleet,
    *,
    root: Path = ROOT,
    names: Sequence[str] = (),
    workflows: Path | None = None,
    logins: LoginSettings | None = None,
    own_file: OwnFile | None = None,
    **deadlines: float,
) -> AsyncIterator[Running]:
    """Start a gateway for this fleet; if it came from a file, the file is watched."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    own_hosts = build_own_hosts(host="127.0.0.1", port=port, is_tls=False, names=names)
    waits = dataclasses.replace(Deadlines(probe_well=3_600.0, probe_down=3_600.0), **deadlines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gateway.site.builds.page_of", _page_of)
        made = Gateway(
            fleet=fleet,
            own_hosts=own_hosts,
            root=root,
            deadlines=waits,
            workflows=workflows,
            logins=logins,
            own_file=own_file,
        )
    async with made as gateway, watched(gateway, waits):
        await gateway.listen(listener)
        yield Running(gateway, f"http://127.0.0.1:{port}")


async def speak(port: int, request: bytes) -> bytes:
    """Send bytes, and return what arrives until the connection ends or one answer is complete."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        async with asyncio.timeout(PATIENCE):
            head = await reader.readuntil(b"\r\n\r\n")
            lines = [] if request.startswith(b"HEAD") else head.lower().split(b"\r\n")
            length = [line for line in lines if line.startswith(b"content-length:")]
            body = await reader.readexactly(int(length[0].split(b":")[1])) if length else b""
        return head + body
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        return error.partial if isinstance(error, asyncio.IncompleteReadError) else b""
    finally:
        writer.transport.abort()


def head_of(reply: bytes) -> tuple[int, dict[str, str]]:
    """Return the status and the headers (with lower-case names) of a raw answer."""
    lines = reply.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    return int(lines[0].split(" ")[1]), headers
