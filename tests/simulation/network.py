"""Between windows and servers: the gateway's paths, with time passing and everything that can break on the way.

`Weather` decides what breaks. A request may be lost before the server has seen it or after it was acted on; the window
cannot tell which. A socket may drop at any message.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from app.core.errors import RequestTimeout, SocketClosed
from app.core.model import Fleet, Server, ServerId
from app.core.ports import BinaryFrame, Connection, Frame, Request, Response
from tests.simulation.browser import Life
from tests.simulation.server import Answer, SimServer, SimSocket
from tests.simulation.store import Bytes


@dataclass
class Weather:
    """How often what breaks; all zero is a calm day. `chance` is the world's."""

    chance: random.Random
    lose_before: float = 0.0  # the request never arrives
    lose_after: float = 0.0  # the answer never arrives
    error_but_queued: float = 0.0  # 500, and the prompt is in the queue (COMFYUI.md 2)
    drop_socket: float = 0.0  # per message
    refuse_socket: float = 0.0
    slow: float = 0.0  # an exchange takes up to two seconds on its way

    def calm(self) -> None:
        """Nothing breaks from now on."""
        self.lose_before = self.lose_after = self.error_but_queued = 0.0
        self.drop_socket = self.refuse_socket = self.slow = 0.0

    def happens(self, probability: float) -> bool:
        return self.chance.random() < probability


@dataclass
class Network:
    """The servers by id, as one gateway reaches them. `on_request` sees everything that a server will act on."""

    servers: dict[ServerId, SimServer]
    weather: Weather
    on_request: list[Callable[[ServerId, str, str, bytes], None]] = field(default_factory=list)
    moved: dict[ServerId, str] = field(default_factory=dict)

    def fleet(self) -> Fleet:
        """What the gateway tells."""
        return Fleet(tuple(self._server(server_id) for server_id in self.servers), "simulation")

    def _server(self, server_id: ServerId) -> Server:
        address = self.moved.get(server_id, f"http://{server_id}.test:8188")
        return Server(server_id=server_id, name=server_id, address=address, base=f"/servers/{server_id}")


class SimHttp:
    """The Http port of one page load."""

    def __init__(self, network: Network, life: Life) -> None:
        self._network = network
        self._life = life

    async def send(self, request: Request) -> Response:
        answer = await self._exchange(request)
        return Response(answer.status, answer.headers, answer.body.decode("utf-8", "replace"))

    async def fetch(self, request: Request) -> Response:
        answer = await self._exchange(request)
        return Response(answer.status, answer.headers, blob=Bytes(answer.body, "image/png"))

    async def upload(self, request: Request, on_progress: Callable[[float], None]) -> Response:
        on_progress(0.5)
        response = await self.send(request)
        on_progress(1.0)
        return response

    async def _exchange(self, request: Request) -> Answer:
        passing = asyncio.ensure_future(self._pass(request))
        passing.add_done_callback(lambda done: done.cancelled() or done.exception())
        try:
            answer = await asyncio.wait_for(asyncio.shield(passing), request.deadline)
        except TimeoutError:  # what is on its way may still arrive
            await self._life.gate()
            raise RequestTimeout(None, "deadline") from None
        except RequestTimeout:
            await self._life.gate()
            raise
        await self._life.gate()
        return answer

    async def _pass(self, request: Request) -> Answer:
        weather, parts = self._network.weather, urlsplit(request.path)
        await asyncio.sleep(weather.chance.uniform(0.001, 2.0 if weather.happens(weather.slow) else 0.03))
        if parts.path == "/fleet/loads":
            return self._loads()
        _, _, server_id, rest = parts.path.split("/", 3)
        server = self._network.servers[ServerId(server_id)]
        if server.is_down:
            return Answer(502, b"{}", {"x-mooring-gateway": "connect-failed; sent=no"})
        if weather.happens(weather.lose_before):
            raise RequestTimeout(None, "lost")
        await server.awake.wait()
        body = (request.json or "").encode()
        for watcher in self._network.on_request:
            watcher(ServerId(server_id), request.method, f"/{rest}?{parts.query}", body)
        answer = await self._act(server, request, f"/{rest}", dict(parse_qsl(parts.query)), body)
        if request.method == "POST" and rest == "prompt" and weather.happens(weather.error_but_queued):
            answer = Answer(500, b"500 Internal Server Error")
        if weather.happens(weather.lose_after):
            raise RequestTimeout(None, "lost")
        await asyncio.sleep(weather.chance.uniform(0.0, 0.02))
        return answer

    async def _act(self, server: SimServer, request: Request, path: str, query: dict[str, str], body: bytes) -> Answer:
        if request.form is not None:
            data = await request.form.file.read()
            return server.upload(request.form.filename, data, request.form.fields.get("subfolder", ""))
        return await server.request(request.method, path, query, body)

    def _loads(self) -> Answer:
        servers = {}
        for server_id, server in self._network.servers.items():
            if server.is_down:
                servers[server_id] = {"ok": False, "cause": "connect-failed"}
                continue
            running = [server.running[1]] if server.running else []
            servers[server_id] = {"ok": True, "running": running, "pending": [item[1] for item in server.heap]}
        return Answer(200, json.dumps({"v": 1, "servers": servers}).encode())


class SimConnection:
    """One open socket, seen from the window."""

    def __init__(self, url: str, life: Life, weather: Weather) -> None:
        self._url = url
        self._life = life
        self._weather = weather
        self._frames: deque[Frame] = deque()
        self._something = asyncio.Event()
        self.is_open = True
        self.server: SimServer | None = None
        self.socket: SimSocket | None = None

    @property
    def url(self) -> str:
        return self._url

    def deliver(self, message: str | bytes) -> None:
        """The server's message arrives, or the connection breaks."""
        if not self.is_open or not self._life.is_alive:
            return
        if self._weather.happens(self._weather.drop_socket) and self.server and self.socket:
            self.server.drop(self.socket)
            return
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

    def __init__(self, network: Network, life: Life) -> None:
        self._network = network
        self._life = life
        self.opened: list[SimConnection] = []

    async def open(self, path: str, deadline: float) -> Connection:
        await self._life.lag(0.001, 0.05)
        parts = urlsplit(path)
        server = self._network.servers[ServerId(parts.path.split("/")[2])]
        weather = self._network.weather
        if server.is_down or weather.happens(weather.refuse_socket):
            raise SocketClosed(None, "refused", 1006)
        connection = SimConnection(f"ws://mooring.test{path}", self._life, weather)
        connection.server = server
        client_id = dict(parse_qsl(parts.query))["clientId"]
        connection.socket = server.connect(client_id, connection.deliver, connection.broken)
        self.opened.append(connection)
        return connection

    def vanish(self) -> None:
        """The page is gone: the browser closes its sockets."""
        for connection in self.opened:
            if connection.server is not None and connection.socket is not None:
                connection.server.disconnect(connection.socket)


class SimFleet:
    """The FleetSource port of one page load."""

    def __init__(self, network: Network, life: Life) -> None:
        self._network = network
        self._life = life
        self._told: Fleet | None = None

    async def first(self) -> Fleet:
        await self._life.lag()
        self._told = self._network.fleet()
        return self._told

    async def changes(self) -> Fleet:
        while self._network.fleet() == self._told:
            await asyncio.sleep(1.0)
            await self._life.gate()
        return await self.first()
