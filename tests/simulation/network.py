"""The network between windows and servers: the gateway with its fleet, the machine at each address, random mishaps.

The fleet gives each server id an address; the machine at an address may be replaced by another. The base of a moved
server contains a tag of its address, so that a page that does not know the new address is refused, never passed to
another machine.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, urlsplit

from app.core.model import Fleet, Server, ServerId
from app.core.ports.http import Request
from tests.simulation.browser import PageLife
from tests.simulation.server import SimServer


def home_of(server_id: ServerId) -> str:
    """Return the first address of a server in the fleet."""
    return f"http://{server_id}.test:8188"


@dataclass
class Exchange:
    """An HTTP exchange of a page."""

    life: PageLife
    request: Request
    server_id: ServerId
    tag: str
    path: str  # on the server
    query: dict[str, str]
    body: bytes
    address: str = ""  # where the gateway sends it

    @property
    def route(self) -> tuple[str, str]:
        """The method and the first part of the path: ("GET", "history")."""
        return self.request.method, self.path.split("/")[1]


def read_exchange(life: PageLife, request: Request) -> Exchange:
    """Parse a request to `/servers/gpu-1@tag/history/…`; the id is empty for the gateway itself."""
    parts = urlsplit(request.path)
    server_id, tag, path = "", "", parts.path
    if parts.path.startswith("/servers/"):
        _, _, named, rest = parts.path.split("/", 3)
        server_id, _, tag = named.partition("@")
        path = f"/{rest}"
    body = (request.json or "").encode()
    return Exchange(life, request, ServerId(server_id), tag, path, dict(parse_qsl(parts.query)), body)


@dataclass
class Mishap:
    """A mishap that waits for its exchange."""

    kind: str
    fits: Callable[[Exchange], bool]


@dataclass
class Weather:
    """The probabilities of mishaps, all zero on a calm day. `chance` is the world's; `armed` mishaps always happen."""

    chance: random.Random
    lose_before: float = 0.0  # the request never arrives
    lose_after: float = 0.0  # the answer never arrives
    error_but_queued: float = 0.0  # 500, and the prompt is in the queue (docs/comfyui.md 2)
    double: float = 0.0  # a repeatable request is sent twice, and the second answer counts; an event arrives twice
    busy: float = 0.0  # a proxy in front of the server answers in its place
    busy_but_queued: float = 0.0  # 502, and the prompt is in the queue
    late: float = 0.0  # the answer takes longer than any deadline
    drop_socket: float = 0.0  # per message
    refuse_socket: float = 0.0
    slow: float = 0.0  # an exchange takes up to two seconds
    armed: list[Mishap] = field(default_factory=list)
    on_mishap: list[Callable[[str, Exchange], None]] = field(default_factory=list)

    def calm(self) -> None:
        """End all mishaps."""
        self.lose_before = self.lose_after = self.error_but_queued = self.double = self.late = 0.0
        self.busy = self.busy_but_queued = 0.0
        self.drop_socket = self.refuse_socket = self.slow = 0.0
        self.armed.clear()

    def happens(self, probability: float) -> bool:
        return self.chance.random() < probability

    def strikes(self, kind: str, exchange: Exchange) -> bool:
        """Return whether this mishap happens to this exchange."""
        waiting = next((mishap for mishap in self.armed if mishap.kind == kind and mishap.fits(exchange)), None)
        if waiting is not None:
            self.armed.remove(waiting)
        elif not self.happens(getattr(self, MISHAPS[kind])):
            return False
        for watcher in self.on_mishap:
            watcher(kind, exchange)
        return True


MISHAPS = {
    "request lost": "lose_before",
    "answer lost": "lose_after",
    "answer late": "late",
    "answer doubled": "double",
    "500 though queued": "error_but_queued",
    "proxy busy": "busy",
    "502 though queued": "busy_but_queued",
}


@dataclass
class Network:
    """The servers by id, as one gateway reaches them. `on_request` is called for each request that reaches a server."""

    servers: dict[ServerId, SimServer]  # as set up; `machines` has the machine at each address
    weather: Weather
    on_request: list[Callable[[ServerId, str, str, bytes], None]] = field(default_factory=list)
    on_exchange: list[Callable[[Exchange, SimServer], None]] = field(default_factory=list)
    on_sent: list[Callable[[Exchange], None]] = field(default_factory=list)
    transfers: list[PageLife] = field(default_factory=list)  # the pages of uploads and fetches that are under way
    on_transfer: list[Callable[[], None]] = field(default_factory=list)
    moved: dict[ServerId, str] = field(default_factory=dict)  # ids with another address than at first
    removed: set[ServerId] = field(default_factory=set)
    machines: dict[str, SimServer] = field(default_factory=dict)
    stalled: set[str] = field(default_factory=set)  # addresses where a stuck reader holds up every event
    refusing: set[str] = field(default_factory=set)  # addresses that take no socket
    late: list[ServerId] = field(default_factory=list)  # servers whose next queue is read too late
    boot: int = 0  # of the gateway
    is_down: bool = False  # the gateway
    _release: list[Callable[[], None]] = field(default_factory=list)
    _fleet: tuple[object, Fleet] | None = None  # the fleet, cached for each of its states

    def __post_init__(self) -> None:
        self.machines = {home_of(server_id): server for server_id, server in self.servers.items()}

    def fleet(self) -> Fleet:
        """Return the fleet that the gateway reports."""
        key = (tuple(self.moved.items()), tuple(sorted(self.removed)))
        if self._fleet is None or self._fleet[0] != key:
            listed = (server_id for server_id in self.servers if server_id not in self.removed)
            self._fleet = (key, Fleet(tuple(self._server(server_id) for server_id in listed), "simulation"))
        return self._fleet[1]

    def address_of(self, server_id: ServerId) -> str | None:
        """Return the server's address in the fleet, or None if it is not listed."""
        server = self.fleet().get(server_id)
        return server.address if server else None

    def machine_of(self, server_id: ServerId) -> SimServer | None:
        """Return the machine at the server's address now."""
        address = self.address_of(server_id)
        return self.machines.get(address) if address else None

    @contextmanager
    def transfer(self, life: PageLife) -> Iterator[None]:
        """Enclose an upload or a fetch of a page."""
        self.transfers.append(life)
        for watcher in self.on_transfer:
            watcher()
        try:
            yield
        finally:
            self.transfers.remove(life)

    def refusal_of(self, server_id: ServerId, tag: str) -> str:
        """Return why the gateway refuses a request: unknown-server, server-moved, or an empty text."""
        address = self.address_of(server_id)
        if address is None:
            return "unknown-server"
        return "" if tag == tag_of(server_id, address) else "server-moved"

    def _server(self, server_id: ServerId) -> Server:
        address = self.moved.get(server_id, home_of(server_id))
        base = f"/servers/{server_id}@{tag_of(server_id, address)}".removesuffix("@")
        machine = self.machines.get(address)
        known = Server(server_id=server_id, name=server_id, address=address, base=base)
        if machine is None:
            return known
        return replace(known, has_jobs=machine.version.has_jobs, version=machine.version.number)

    def restart_gateway(self) -> None:
        """Break everything in progress; `is_down` says whether it is up afterwards."""
        self.boot += 1
        for machine in self.machines.values():
            for socket in tuple(machine.all_sockets):
                machine.drop(socket)

    def hold(self, release: Callable[[], None]) -> None:
        """Delay an event while a reader is stuck; `release` delivers it."""
        self._release.append(release)

    def unstall(self) -> None:
        """The stuck reader has gone: deliver all delayed events."""
        self.stalled.clear()
        held, self._release = self._release, []
        for release in held:
            release()


def tag_of(server_id: ServerId, address: str) -> str:
    """Return the tag of an address in a base, which is empty for the first address."""
    return "" if address == home_of(server_id) else hashlib.sha256(address.encode()).hexdigest()[:8]
