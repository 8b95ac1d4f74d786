"""Ports in memory for the self-check: two servers, one store, sockets that can be dropped. Nothing leaves the page.

It answers just what a run needs and keeps a list of everything that was asked for, by server.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from app.core.balancer import Claims
from app.core.durations import Durations, Ran
from app.core.errors import NotOwner, SocketClosed, TaskNotFound
from app.core.model import Fleet, PromptId, Records, Reservation, Server, ServerId, Task, WindowId
from app.core.plan import Measured
from app.core.ports import Ports
from app.core.ports.blobs import Blob, KeepSettings, KeptResult, Usage
from app.core.ports.http import Request, Response
from app.core.ports.sockets import Frame
from app.core.ports.store import Learned, WindowRecord
from app.core.ports.windows import Identity
from app.core.waiting_runs import LineChange, WaitingRuns

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

    async def open(self, path: str, deadline: float) -> SandboxConnection:  # noqa: ARG002 - it opens at once
        self.opened.append(SandboxConnection(f"ws://sandbox.invalid{path}"))
        return self.opened[-1]

    def tell(self, base: str, kind: str, prompt_id: str) -> None:
        """Send what one server reports about a prompt, on every socket to it."""
        for connection in self.opened:
            if f"{base}/ws?" in connection.url:
                connection.tell(kind, prompt_id=prompt_id)


@dataclass
class SandboxServers:
    """Both servers at once: `running` never end until `finish` is called."""

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


@dataclass
class SandboxStore:
    """The store of one window; each operation is one step."""

    reservations: dict[PromptId, Reservation] = field(default_factory=dict)
    tasks: dict[PromptId, Task] = field(default_factory=dict)
    durations: Durations = field(default_factory=Durations)

    async def claim(self, fresh: WindowRecord) -> tuple[WindowRecord, Records]:
        return fresh, Records(tuple(self.tasks.values()))

    async def reserve(self, choose: Callable[[Claims], Reservation]) -> Reservation:
        reservation = choose(self._claims)
        self.reservations[reservation.prompt_id] = reservation
        return reservation

    @property
    def _claims(self) -> Claims:
        unfinished = [task for task in self.tasks.values() if not task.state.is_end]
        return Claims(tuple(self.reservations.values()), unfinished, durations=self.durations)

    async def learn(self, ran: Ran) -> None:
        self.durations = self.durations.learned(ran)

    async def learn_paces(self, measured: Measured) -> None:
        """LearnedStore.learn_paces: nothing here lasts."""

    async def read_learned(self) -> Learned:
        return Learned(self.durations)

    async def release_reservation(self, prompt_id: PromptId) -> None:
        self.reservations.pop(prompt_id, None)

    async def register(self, task: Task) -> None:
        if self.reservations.pop(task.prompt_id, None) is None:
            raise NotOwner("register", task.prompt_id)
        self.tasks[task.prompt_id] = task

    async def reserve_and_register(self, task: Task, check: Callable[[Claims], None]) -> None:
        check(self._claims)
        self.tasks[task.prompt_id] = task

    async def update(self, task: Task) -> None:
        if task.prompt_id not in self.tasks:
            raise TaskNotFound("update", task.prompt_id)
        self.tasks[task.prompt_id] = task

    async def adopt(self, prompt_id: PromptId, seen: tuple[WindowId, int], new_owner: WindowId) -> Task:
        known = self.tasks[prompt_id]
        if (known.owner, known.epoch) != seen:
            raise NotOwner("adopt", prompt_id, known.owner, known.epoch)
        self.tasks[prompt_id] = replace(known, owner=new_owner, epoch=known.epoch + 1, is_ward=True)
        return self.tasks[prompt_id]

    async def read_task(self, prompt_id: PromptId) -> Task | None:
        return self.tasks.get(prompt_id)

    async def read_tasks(self, owner: WindowId | None = None) -> Records:
        return Records(tuple(task for task in self.tasks.values() if owner in (None, task.owner)))

    async def delete_task(self, task: Task) -> None:
        self.tasks.pop(task.prompt_id, None)

    async def delete_unreadable(self, prompt_id: PromptId, owner: WindowId) -> None:
        """Do nothing: every record here can be read."""

    async def read_line(self, window_id: WindowId) -> WaitingRuns:
        """An empty line: nothing waits here."""
        return WaitingRuns(window_id=window_id)

    async def read_lines(self) -> Mapping[WindowId, int]:
        return {}

    async def write_line(self, change: LineChange) -> None:
        """Do nothing."""

    async def adopt_line(self, owner: WindowId, new_owner: WindowId, line_id: str) -> WaitingRuns:  # noqa: ARG002
        """Raise: nothing waits anywhere."""
        raise TaskNotFound("adopt_line")

    async def keep_result(self, task: Task, index: int, blob: Blob, kept_at: float) -> bool:  # noqa: ARG002
        """Report success without keeping the bytes."""
        return True

    async def read_result(self, prompt_id: PromptId, index: int) -> KeptResult | None:  # noqa: ARG002 - none is kept
        return None

    async def read_kept(self, among: Collection[tuple[PromptId, int]]) -> frozenset[tuple[PromptId, int]]:
        """Which outputs are kept, by the tasks' own records."""
        return frozenset(
            (prompt_id, index)
            for prompt_id, index in among
            if (task := self.tasks.get(prompt_id)) and index < len(task.outputs)
        )

    async def keep_thumbnail(self, task: Task, index: int, blob: Blob, kept_at: float) -> bool:  # noqa: ARG002
        return False

    async def read_thumbnail(self, prompt_id: PromptId, index: int) -> Blob | None:  # noqa: ARG002 - none is kept
        return None

    async def keep_preview(self, task: Task, blob: Blob, media_type: str, kept_at: float) -> bool:  # noqa: ARG002 - none is kept
        return False

    async def read_preview(self, prompt_id: PromptId) -> Blob | None:  # noqa: ARG002 - none is kept
        return None

    async def delete_preview(self, prompt_id: PromptId) -> None:
        """Do nothing: no preview is kept."""

    async def delete_results(self, prompt_id: PromptId | None = None) -> None:
        """Do nothing: no bytes are kept."""

    async def keep_input(self, sha256: str, blob: Blob, kept_at: float) -> None:
        """Do nothing: no bytes are kept."""

    async def read_input(self, sha256: str) -> Blob | None:  # noqa: ARG002 - none is kept
        return None

    async def find_input(self, start: str) -> str | None:  # noqa: ARG002 - none is kept
        """Return None: the sandbox keeps no inputs."""
        return None

    async def read_settings(self) -> KeepSettings:
        return KeepSettings()

    async def write_settings(self, settings: KeepSettings) -> None:
        """Do nothing: the sandbox has no settings."""

    async def usage(self) -> Usage:
        return Usage(settings=KeepSettings())

    async def persist(self, *, is_asked: bool = False) -> bool | None:  # noqa: ARG002 - nothing here lasts
        return None


class SandboxWindows:
    """A window of its own."""

    async def claim(self) -> Identity:
        return Identity(WindowId("sandbox"), is_new=True)

    async def enlist(self, window_id: WindowId) -> bool:  # noqa: ARG002 - it has no crew
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
    store: SandboxStore = field(default_factory=SandboxStore)
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
            sockets=self.sockets,
            store=self.store,
            windows=SandboxWindows(),
            fleet=self.fleet,
            clock=SandboxClock(),
            random=SandboxRandom(),
        )
