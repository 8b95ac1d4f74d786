"""The network of one page: its Http, Sockets and FleetSource ports, with delays.

A request may be lost before or after the server has handled it, which the window cannot distinguish. Requests under way
end with their machine or gateway.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Sequence
from urllib.parse import parse_qsl, urlsplit

from app.core.errors import RequestTimeout, SocketClosed
from app.core.model import Fleet, ServerId
from app.core.ports.http import Request, Response
from app.core.ports.sockets import BinaryFrame, Connection, Frame
from tests.simulation.browser import PageLife
from tests.simulation.network import Exchange, Network, read_exchange
from tests.simulation.server import Answer, SimServer, SimSocket
from tests.simulation.store import Bytes
from wire.health import Health

_REPEATED = frozenset({("POST", "queue"), ("POST", "interrupt"), ("POST", "upload")})  # and every GET


class SimHttp:
    """The Http port of one page load."""

    def __init__(self, network: Network, life: PageLife) -> None:
        self._network = network
        self._life = life

    async def send(self, request: Request) -> Response:
        answer = await self._exchange(request)
        return Response(answer.status, answer.headers, answer.body.decode("utf-8", "replace"))

    async def fetch(self, request: Request) -> Response:
        with self._network.transfer(self._life):
            answer = await self._exchange(request)
        return Response(answer.status, answer.headers, blob=Bytes(answer.body, "image/png"))

    async def upload(self, request: Request, on_progress: Callable[[float], None]) -> Response:
        on_progress(0.5)
        with self._network.transfer(self._life):
            response = await self.send(request)
        on_progress(1.0)
        return response

    async def _exchange(self, request: Request) -> Answer:
        await self._life.gate()
        passing = asyncio.ensure_future(self._pass(read_exchange(self._life, request)))
        passing.add_done_callback(lambda done: done.cancelled() or done.exception())
        try:
            answer = await asyncio.wait_for(asyncio.shield(passing), request.deadline)
        except TimeoutError:  # the request may still arrive
            await self._life.gate()
            raise RequestTimeout(None, "deadline") from None
        except RequestTimeout:
            await self._life.gate()
            raise
        await self._life.gate()
        return answer

    async def _pass(self, exchange: Exchange) -> Answer:
        """Send to the gateway and back; its end breaks the exchange."""
        network, weather = self._network, self._network.weather
        for watcher in network.on_sent:
            watcher(exchange)
        boot = network.boot
        await asyncio.sleep(weather.chance.uniform(0.001, 2.0 if weather.happens(weather.slow) else 0.03))
        if network.is_down or not self._life.is_online or network.boot != boot:
            raise RequestTimeout(None, "network")
        if exchange.path == "/fleet/loads":
            return self._loads()
        if cause := network.refusal_of(exchange.server_id, exchange.tag):
            return _refused(cause)
        if weather.strikes("request lost", exchange):
            raise RequestTimeout(None, "lost")
        if weather.strikes("proxy busy", exchange):
            asks = {"retry-after": str(weather.chance.randint(0, 20))} if weather.happens(0.5) else {}
            return Answer(weather.chance.choice((429, 502, 503)), b"<html>busy</html>", asks)
        answer = await self._reach(exchange)
        if weather.strikes("answer late", exchange):
            await asyncio.sleep(weather.chance.uniform(1.0, 60.0))
        if weather.strikes("answer lost", exchange) or network.boot != boot or not self._life.is_online:
            raise RequestTimeout(None, "lost")
        return answer

    async def _reach(self, exchange: Exchange) -> Answer:
        """Send from the gateway to the machine at the address, and return its answer."""
        weather, machine = self._network.weather, self._network.machine_of(exchange.server_id)
        exchange.address = self._network.address_of(exchange.server_id) or ""
        if machine is None or machine.is_down:
            return _refused("connect-failed")
        await machine.awake.wait()
        if machine.is_down:
            raise RequestTimeout(None, "lost")
        is_repeated = exchange.request.method == "GET" or exchange.route in _REPEATED
        if is_repeated and weather.strikes("answer doubled", exchange):
            await self._act(machine, exchange)
            await asyncio.sleep(weather.chance.uniform(0.0, 1.0))
        boot = machine.boot
        answer = await self._act(machine, exchange)
        if exchange.route == ("POST", "prompt") and weather.strikes("500 though queued", exchange):
            answer = Answer(500, b"500 Internal Server Error")
        elif exchange.route == ("POST", "prompt") and weather.strikes("502 though queued", exchange):
            answer = Answer(502, b"<html>bad gateway</html>")
        await asyncio.sleep(weather.chance.uniform(0.0, 0.02))
        if machine.boot is not boot or machine.is_down:
            raise RequestTimeout(None, "lost")
        return answer

    async def _act(self, machine: SimServer, exchange: Exchange) -> Answer:
        request, query = exchange.request, exchange.query
        for seen in self._network.on_exchange:
            seen(exchange, machine)
        whole = f"{exchange.path}?{urlsplit(request.path).query}"
        for watcher in self._network.on_request:
            watcher(exchange.server_id, request.method, whole, exchange.body)
        if request.form is not None:
            data = await request.form.file.read()
            return machine.upload(request.form.filename, data, request.form.fields.get("subfolder", ""))
        return await machine.request(request.method, exchange.path, query, exchange.body)

    def _loads(self) -> Answer:
        servers = {}
        for server in self._network.fleet().servers:
            machine = self._network.machine_of(server.server_id)
            if machine is None or machine.is_down:
                servers[server.server_id] = {"ok": False, "cause": Health.DOWN.value}
                continue
            if server.server_id in self._network.late:
                self._network.late.remove(server.server_id)
                servers[server.server_id] = {"ok": False, "cause": Health.TIMEOUT.value}
                continue
            running = [machine.running[1]] if machine.running else []
            pending = [item[1] for item in machine.heap]
            servers[server.server_id] = {"ok": True, "running": running, "pending": pending}
        return Answer(200, json.dumps({"v": 1, "servers": servers}).encode())


def _refused(cause: str) -> Answer:
    status = 404 if cause == "unknown-server" else 502
    return Answer(status, b"{}", {"x-mooring-gateway": f"{cause}; sent=no"})


class SimConnection:
    """An open socket, as the window sees it."""

    def __init__(self, url: str, life: PageLife, network: Network, address: str) -> None:
        self._url = url
        self._life = life
        self._network = network
        self.address = address
        self.client_id = ""
        self._frames: deque[Frame] = deque()
        self._something = asyncio.Event()
        self.is_open = True
        self.server: SimServer | None = None
        self.socket: SimSocket | None = None

    @property
    def url(self) -> str:
        return self._url

    def deliver(self, message: str | bytes) -> None:
        """A message of the server arrives, breaks the connection, or is delayed by a stuck reader."""
        if not self.is_open or not self._life.is_alive:
            return
        weather = self._network.weather
        if self.address in self._network.stalled:
            self._network.hold(lambda: self._arrive(message))
        elif weather.happens(weather.drop_socket) and self.server and self.socket:
            self.server.drop(self.socket)
        else:
            self._arrive(message)
            if weather.happens(weather.double):
                self._arrive(message)

    def _arrive(self, message: str | bytes) -> None:
        if self.is_open and self._life.is_alive:
            self._frames.append(message if isinstance(message, str) else BinaryFrame(message[:8192], Bytes(message)))
            self._something.set()

    def broken(self) -> None:
        """The other side has gone."""
        self.is_open = False
        self._something.set()

    async def send(self, text: str) -> None:
        await self._life.gate()
        if not self.is_open or self.server is None or self.socket is None:
            raise SocketClosed(None, "closed")
        self.server.hear(self.socket, text)

    async def receive(self) -> Sequence[Frame]:
        await self._life.gate()
        while not self._frames:
            if not self.is_open:
                raise SocketClosed(None, "closed")
            self._something.clear()
            await self._something.wait()
            await self._life.gate()
        frames = list(self._frames)
        self._frames.clear()
        return frames

    async def close(self) -> None:
        await self._life.gate()
        self.is_open = False
        self._something.set()
        if self.server is not None and self.socket is not None:
            self.server.disconnect(self.socket)
        await self._life.lag(0.0, 0.01)


class SimSockets:
    """The Sockets port of one page load."""

    def __init__(self, network: Network, life: PageLife) -> None:
        self._network = network
        self._life = life
        self.opened: list[SimConnection] = []
        self.on_open: list[Callable[[ServerId, str], None]] = []

    async def open(self, path: str, deadline: float) -> Connection:
        network, parts = self._network, urlsplit(path)
        server_id, _, tag = parts.path.split("/")[2].partition("@")
        client_id = dict(parse_qsl(parts.query))["clientId"]
        for watcher in self.on_open:
            watcher(ServerId(server_id), client_id)
        await self._life.lag(0.001, 0.05)
        machine, address = network.machine_of(ServerId(server_id)), network.address_of(ServerId(server_id)) or ""
        is_refused = network.is_down or not self._life.is_online or address in network.refusing
        if is_refused or network.refusal_of(ServerId(server_id), tag) or machine is None or machine.is_down:
            raise SocketClosed(None, "refused", 1006)
        if not machine.awake.is_set() or network.weather.happens(network.weather.refuse_socket):
            raise SocketClosed(None, "refused", 1006)
        connection = SimConnection(f"ws://mooring.test{path}", self._life, network, address)
        connection.server, connection.client_id = machine, client_id
        connection.socket = machine.connect(client_id, connection.deliver, connection.broken)
        self.opened.append(connection)
        return connection

    @property
    def living(self) -> list[SimConnection]:
        """Return the open connections."""
        return [connection for connection in self.opened if connection.is_open]

    def vanish(self) -> None:
        """Break the sockets of a page that has ended or lost its network."""
        for connection in self.opened:
            if connection.is_open and connection.server is not None and connection.socket is not None:
                connection.server.drop(connection.socket)
        self.opened.clear()


class SimFleet:
    """The FleetSource port of one page load. Changes arrive late, since the page may have to reconnect first."""

    def __init__(self, network: Network, life: PageLife) -> None:
        self._network = network
        self._life = life
        self._latest: Fleet | None = None

    async def first(self) -> Fleet:
        await self._life.lag()
        while self._network.is_down or not self._life.is_online:
            await asyncio.sleep(1.0)
            await self._life.gate()
        self._latest = self._network.fleet()
        return self._latest

    async def changes(self) -> Fleet:
        while self._network.is_down or not self._life.is_online or self._network.fleet() == self._latest:
            await asyncio.sleep(self._life.chance.uniform(0.1, 4.0))
            await self._life.gate()
            if self._latest is not None and (self._network.is_down or not self._life.is_online):
                self._latest = None  # reported once; after that the next fleet is one that differs
                raise RequestTimeout(None, "network")
        return await self.first()
