"""The simulated server: the model of ComfyUI with files in memory and the running loop's clock."""

from __future__ import annotations

import asyncio
import hashlib
import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from demo_comfyui.model.clients import Clients
from demo_comfyui.model.description import features
from demo_comfyui.model.jobs import Item
from demo_comfyui.model.prompt_server import PromptServer, Surroundings
from demo_comfyui.model.reply import Reply
from demo_comfyui.model.results import NodeResult
from demo_comfyui.model.running import Expansion, RunningNode
from demo_comfyui.model.versions import NEW, Version
from tests.simulation.server.catalogue import catalogue_of
from tests.simulation.server.exchange import (
    Answer,
    conditional,
    is_foreign,
    json_answer,
    not_allowed,
    text_answer,
    trouble,
)
from tests.simulation.server.files import Files
from tests.simulation.server.nodes import RUNNERS, Context
from tests.simulation.server.routes_rest import MAX_UPLOAD, RestRoutes
from tests.simulation.server.sockets import SimSocket

EPOCH = 1_700_000_000.0
"""The server's clock when the loop's is zero."""
NODE_SECONDS = 0.05
"""Seconds that any node takes; steps are added."""
END_SECONDS = 0.001
"""Seconds from the last event of a run to its history entry (docs/comfyui.md 3)."""


class Restarted(BaseException):
    """The server was restarted: the job is lost, and no event is sent."""


class SimServer:
    """A server. `run()` is its worker's loop; `restart()` forgets what a real server forgets.

    `ran` lists every prompt_id that began to run, `finished` the real outcome of each, across restarts. `is_down`,
    `awake` (if cleared, it accepts connections and answers none) and `is_forgetful` (queue and history are empty)
    are set by the world and honoured by the network. `pace` scales the time of work.
    """

    def __init__(self, name: str, pace: float = 1.0, version: Version = NEW) -> None:
        self.name = name
        self._version = version
        self.pace = pace
        self.ran: list[str] = []
        self.finished: dict[str, str] = {}
        self.files = Files(_loop_time, EPOCH)
        self.is_down = False
        self.awake = asyncio.Event()
        self.awake.set()
        self.is_forgetful = False
        self._rest = RestRoutes(self.files, lambda: EPOCH + _loop_time(), version)
        self._work = asyncio.Event()
        self.boot = 0
        self._start()

    def kill_executor(self) -> None:
        """End the worker's thread: prompts are accepted and never run (docs/comfyui.md 8)."""
        self.is_executor_dead = True

    def hold(self, is_held: bool) -> None:
        """Pause or resume the queue, as some node packs allow."""
        self.is_held = is_held
        self._work.set()

    def _start(self) -> None:
        self.boot += 1
        self.is_executor_dead = self.is_held = False
        self._minted = 0
        self.files.wipe_temp()
        self.files.version = self._version
        self._clients: Clients[SimSocket] = Clients()
        surroundings = Surroundings(
            clients=self._clients,
            deliver=self._deliver,
            now_ms=self.now_ms,
            new_id=self._mint,
            is_input=self.files.is_input,
            fingerprints={"LoadImage": self._fingerprint},
            on_gone=lambda prompt_id: self.finished.update({prompt_id: "deleted"}),
        )
        catalogue = catalogue_of(self._version)
        self._server = PromptServer(self._version, catalogue, features(self._version, MAX_UPLOAD), surroundings)
        self.post = self._server.post

    def restart(self) -> None:
        """Lose memory and temp files, and break all sockets."""
        old = tuple(self._clients.open)
        self._start()
        for socket in old:
            socket.deliver = None
            socket.on_close()

    @property
    def version(self) -> Version:
        """The version of ComfyUI that it is."""
        return self._version

    def install(self, version: Version) -> None:
        """Restart as another version."""
        self._version = self._rest.version = version
        self.restart()

    def now_ms(self) -> int:
        """Return the server's clock."""
        return int((EPOCH + _loop_time()) * 1000)

    # For the network and the world

    @property
    def heap(self) -> list[Item]:
        """Pending jobs, in heap order."""
        return self._server.jobs.pending

    @property
    def running(self) -> Item | None:
        """The running job."""
        return self._server.jobs.running

    @running.setter
    def running(self, item: Item | None) -> None:
        self._server.jobs.running = item

    @property
    def history(self) -> dict[str, Any]:
        """The answer of /history."""
        return self._server.jobs.history

    @property
    def all_sockets(self) -> list[SimSocket]:
        """All open sockets, deaf or not."""
        return self._clients.open

    # Sockets

    def connect(
        self, client_id: str, deliver: Callable[[str | bytes], None], on_close: Callable[[], None]
    ) -> SimSocket:
        """Open a socket; without a client_id it is given one."""
        socket = SimSocket(client_id or uuid.UUID(self._mint()).hex, deliver, on_close)
        self._clients.add(socket)
        for message in self._server.greeting(socket.client_id):
            socket.send(message)
        return socket

    def hear(self, socket: SimSocket, text: str) -> None:
        """Handle a message of the client."""
        for message in self._server.hear(socket, text):
            self._deliver(message, socket.client_id)

    def disconnect(self, socket: SimSocket) -> None:
        """The client has closed its end."""
        if socket.deliver is not None:
            socket.deliver = None
            self._clients.remove(socket)

    def drop(self, socket: SimSocket) -> None:
        """Break the connection."""
        self.disconnect(socket)
        socket.on_close()

    def _deliver(self, message: str | bytes, client_id: str | None) -> None:
        for socket in self._clients.receivers(client_id):
            socket.send(message)

    # HTTP

    async def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Handle an HTTP request; `path` is quoted, and may begin with /api. Any unexpected error is a 500."""
        lower = {key.lower(): value for key, value in (headers or {}).items()}
        is_cross_site = self._version.hardens_answers and lower.get("sec-fetch-site") == "cross-site"
        if is_cross_site or is_foreign(lower):
            return Answer(403)
        if method == "OPTIONS":
            return Answer(200)
        if len(body) > MAX_UPLOAD:
            return _too_large()
        parts = [unquote(part) for part in path.removeprefix("/api").split("/") if part]
        try:
            jobs = path.replace("/api/api/", "/api/")  # these routes have twins too
            if self._version.has_jobs and jobs.startswith("/api/jobs"):
                return self._job(method, jobs.split("/")[3:], query, body)
            if method in {"GET", "HEAD"}:
                answer = conditional(self._get(parts, query), lower)
                return Answer(answer.status, b"", answer.headers) if method == "HEAD" else answer
            return self._post(parts, body) or self._rest.change(method, parts, query, body)
        except Exception:  # noqa: BLE001 - as ComfyUI does
            return trouble()

    def _get(self, parts: list[str], query: Mapping[str, str]) -> Answer:
        if self.is_forgetful and parts[:1] in (["queue"], ["history"]):
            return json_answer({"queue_running": [], "queue_pending": []} if parts[0] == "queue" else {})
        match parts:
            case ["queue"]:
                return json_answer(self._server.jobs.listing())
            case ["prompt"]:
                return json_answer(self._server.info())
            case ["history"]:
                return _answer(self._server.history(query))
            case ["history", prompt_id]:
                return json_answer(self._server.jobs.entry(prompt_id))
            case ["view"]:
                return self.files.view(query)
            case ["ws"]:
                return Answer(101)  # `connect` does the rest
            case _:
                return self._rest.get(parts, query)

    def _post(self, parts: list[str], body: bytes) -> Answer | None:
        match parts:
            case ["prompt"]:
                try:
                    return _answer(self._server.submit(json.loads(body)))
                finally:
                    self._work.set()
            case ["queue"]:
                return _answer(self._server.change_queue(json.loads(body)))
            case ["history"]:
                return _answer(self._server.change_history(json.loads(body)))
            case ["interrupt"]:
                return _answer(self._server.interrupt(body))
            case ["free"]:
                return _answer(self._server.free(json.loads(body)))
            case ["upload", "image" | "mask"]:
                return Answer(400)  # forms are sent by `upload`
        return None

    def _job(self, method: str, parts: list[str], query: Mapping[str, str], body: bytes) -> Answer:
        match method, parts:
            case "GET", []:
                return _answer(self._server.jobs_api.all(query))
            case "GET", [prompt_id]:
                return _answer(self._server.jobs_api.one(prompt_id))
            case "POST", ["cancel"]:
                return _answer(self._server.jobs_api.cancel_all(body))
            case "POST", [prompt_id, "cancel"]:
                return _answer(self._server.jobs_api.cancel(prompt_id))
        return not_allowed()

    def _mint(self) -> str:
        """Return an id that the server gives: new, but the same in each life of the same seed."""
        self._minted += 1
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.name}/{self.boot}/{self._minted}"))

    def upload(
        self, filename: str, data: bytes, subfolder: str = "", folder: str = "input", *, mask: bool = False, **more: str
    ) -> Answer:
        """Handle POST /upload/image or /upload/mask; `more` are the form's other fields."""
        if len(data) > MAX_UPLOAD:
            return _too_large()
        fields = {"subfolder": subfolder, **({"original_ref": ""} if mask else {}), **more}
        try:
            return self.files.upload(filename, data, folder, fields)
        except Exception:  # noqa: BLE001 - as in `request`
            return trouble()

    # Running

    async def run(self) -> None:
        """Run jobs for ever."""
        while True:
            while not self.heap or self.is_executor_dead or self.is_held:
                self._work.clear()
                await self._work.wait()
            server = self._server
            item = server.jobs.take()
            self.ran.append(item[1])
            try:
                outcome = await server.worker.run(item, self._compute)
                await self._wait(server, END_SECONDS)
            except Restarted:
                continue
            server.finish(item, outcome)
            self.finished[item[1]] = outcome.end

    async def _compute(self, node: RunningNode) -> NodeResult | Expansion:
        server = self._server

        async def wait(seconds: float) -> None:
            await self._wait(server, seconds)
            node.check()

        await wait(NODE_SECONDS)
        return await RUNNERS[node.class_type](Context(self.name, self.files, node, wait), node.inputs)

    async def _wait(self, server: PromptServer[SimSocket], seconds: float) -> None:
        await asyncio.sleep(seconds * self.pace)
        if server is not self._server:
            raise Restarted

    def _fingerprint(self, inputs: dict[str, Any]) -> str:
        return hashlib.sha256(self.files.content(inputs["image"])).hexdigest()


def _answer(reply: Reply) -> Answer:
    return Answer(reply.status) if reply.value is None else json_answer(reply.value, reply.status)


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


def _too_large() -> Answer:
    return text_answer(f"Maximum request body size {MAX_UPLOAD} exceeded.", 413)
