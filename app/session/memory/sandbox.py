"""Ports in memory for the self-check: two servers, one store, sockets that can be dropped. Nothing leaves the page.

It answers just what a run needs and keeps a list of everything that was asked for, by server.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field

from app.core.errors import SocketClosed
from app.core.model import Fleet, Server, ServerId, WindowId
from app.core.ports import Ports
from app.core.ports.http import Request, Response
from app.core.ports.sockets import Frame
from app.core.ports.windows import Identity
from app.session.memory.store import MemoryStore

HERE, THERE = ServerId("sandbox-1"), ServerId("sandbox-2")
LONGEST_SLEEP = 0.02  # seconds: the session's waits are real, but short


def make_fleet(moved: ServerId | None = None) -> Fleet:
    """Both servers; `moved` has another address than before."""

    def server(server_id: ServerId) -> Server:
        address = f"http://{server_id}.invalid" + (":8189" if server_id == moved else ":8188")
        return Server(server_id=server_id, name=server_id, address=address, base=f"/servers/{server_id}")

    return Fleet((server(HERE), server(THERE)), "sandbox")


class SandboxConnection:
    """A socket that is greeted, and then hears what `tell` is called with until it is dropped."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._frames: asyncio.Queue[str | None] = asyncio.Queue()  # None is the end
        self._has_ended = False
        self.tell("status", status={"exec_info": {"queue_remaining": 0}})

    def tell(self, kind: str, **data: object) -> None:
        """One message of the server."""
        self._frames.put_nowait(json.dumps({"type": kind, "data": data}))

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return not self._has_ended

    async def send(self, text: str) -> None:
        """Into the void."""

    async def receive(self) -> Sequence[Frame]:
        """The next message, or the end."""
        frame = await self._frames.get()
        if frame is None:
            raise SocketClosed(None, "dropped")
        return [frame]

    async def close(self) -> None:
        """End."""
        self._has_ended = True
        self._frames.put_nowait(None)


@dataclass
class SandboxSockets:
    """Keeps every socket that was opened, in order."""

    opened: list[SandboxConnection] = field(default_factory=list)

    async def open(self, path: str, deadline: float) -> SandboxConnection:  # noqa: ARG002 - it opens immediately
        self.opened.append(SandboxConnection(f"ws://sandbox.invalid{path}"))
        return self.opened[-1]

    def tell(self, base: str, kind: str, prompt_id: str) -> None:
        """Send what one server reports about a prompt, on every socket to it."""
        for connection in self.opened:
            if f"{base}/ws?" in connection.url:
                connection.tell(kind, prompt_id=prompt_id)


@dataclass
class SandboxServers:
    """Both servers: `running` prompts end when `finish` is called."""

    asked: list[str] = field(default_factory=list)  # "POST /servers/sandbox-1/prompt"
    running: dict[str, str] = field(default_factory=dict)  # base by prompt_id
    history: dict[str, dict[str, object]] = field(default_factory=dict)  # by the path that it is read at
    numbers: itertools.count[int] = field(default_factory=itertools.count)
    sockets: SandboxSockets = field(default_factory=SandboxSockets)

    def finish(self, prompt_id: str) -> None:
        """The prompt ends well, with one picture of a name that both servers use."""
        picture = {"filename": "out_00001_.png", "subfolder": "", "type": "output"}
        status = {"status_str": "success", "completed": True, "messages": []}
        base = self.running[prompt_id]
        self.end(prompt_id, {"outputs": {"9": {"images": [picture]}}, "status": status})
        self.sockets.tell(base, "execution_success", prompt_id)

    def end(self, prompt_id: str, entry: dict[str, object]) -> None:
        """The prompt leaves its server's queue for the history of that server, and of no other."""
        self.history[f"{self.running.pop(prompt_id)}/history/{prompt_id}"] = entry

    def answer(self, request: Request) -> Response:
        """What a ComfyUI would answer."""
        self.asked.append(f"{request.method} {request.path}")
        base, _, route = request.path.rpartition("/")
        if request.path == "/fleet/loads":
            return _json({"servers": {name: {"ok": True, "running": [], "pending": []} for name in (HERE, THERE)}})
        if route == "prompt":
            prompt_id = json.loads(request.json or "{}")["prompt_id"]
            self.running[prompt_id] = base
            self.sockets.tell(base, "execution_start", prompt_id)
            return _json({"prompt_id": prompt_id, "number": next(self.numbers), "node_errors": {}})
        if route == "queue":
            here = [[0, prompt_id] for prompt_id, where in self.running.items() if where == base]
            return _json({"queue_running": here, "queue_pending": []})
        if base.endswith("/history"):
            return _json({route: self.history[request.path]} if request.path in self.history else {})
        return Response(404)

    async def send(self, request: Request) -> Response:
        await asyncio.sleep(0)
        return self.answer(request)

    async def fetch(self, request: Request) -> Response:
        """Answer without a picture: there is none."""
        return self.answer(request)

    async def upload(self, request: Request, on_progress: Callable[[float], None]) -> Response:
        on_progress(1.0)
        return self.answer(request)


def _json(value: object) -> Response:
    return Response(200, {"content-type": "application/json"}, json.dumps(value))


class SandboxTransfers:
    """Places for any number of transfers."""

    def place(self, path: str) -> AbstractAsyncContextManager[None]:  # noqa: ARG002 - no browser counts connections
        return nullcontext()


class SandboxWindows:
    """A window of its own."""

    async def claim(self) -> Identity:
        return Identity(WindowId("sandbox"), is_new=True)

    async def claim_other(self, window_id: WindowId) -> bool:  # noqa: ARG002 - it has one window
        return False

    async def is_alive(self, window_id: WindowId) -> bool | None:  # noqa: ARG002 - there is no other
        return None


class SandboxFleet:
    """A fleet that changes when `put` is called."""

    def __init__(self) -> None:
        self._fleets: asyncio.Queue[Fleet] = asyncio.Queue()
        self.put(make_fleet())

    def put(self, fleet: Fleet) -> None:
        """Tell this fleet next."""
        self._fleets.put_nowait(fleet)

    async def first(self) -> Fleet:
        return await self._fleets.get()

    async def changes(self) -> Fleet:
        return await self._fleets.get()


class SandboxClock:
    """Real time; no wait is long."""

    def now(self) -> float:
        return time.time()

    def steady(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, LONGEST_SLEEP))


class SandboxRandom:
    """Chance without luck."""

    def uuid4(self) -> str:
        return str(uuid.uuid4())

    def fraction(self) -> float:
        return 0.5


@dataclass
class Sandbox:
    """Everything that a session is given, open to inspection."""

    servers: SandboxServers = field(default_factory=SandboxServers)
    store: MemoryStore = field(default_factory=MemoryStore)
    fleet: SandboxFleet = field(default_factory=SandboxFleet)

    @property
    def sockets(self) -> SandboxSockets:
        """Those to its servers."""
        return self.servers.sockets

    @property
    def ports(self) -> Ports:
        """The ports over it."""
        return Ports(
            http=self.servers,
            transfers=SandboxTransfers(),
            sockets=self.sockets,
            store=self.store,
            windows=SandboxWindows(),
            fleet=self.fleet,
            clock=SandboxClock(),
            random=SandboxRandom(),
        )
