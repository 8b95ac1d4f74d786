"""The simulated server: its routes, with the queue, the worker, the sockets and the files."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from tests.simulation.server.exchange import Answer, conditional, is_foreign, json_answer, text_answer, trouble
from tests.simulation.server.files import Files
from tests.simulation.server.jobs import Item, Jobs
from tests.simulation.server.sockets import FEATURES, SimSocket, Sockets
from tests.simulation.server.surroundings import Surroundings
from tests.simulation.server.validation import error_of, judge
from tests.simulation.server.worker import Restarted, Worker

EPOCH = 1_700_000_000.0
"""The server's clock when the loop's is zero."""
NO_PROMPT = error_of("no_prompt", "No prompt provided", "No prompt provided")


class SimServer:
    """A server. `run()` is its worker's loop; `restart()` forgets what a real server forgets.

    `ran` lists every prompt_id that began to run, `finished` the real outcome of each, across restarts. `is_down`,
    `awake` (if cleared, it accepts connections and answers none) and `is_forgetful` (queue and history are empty)
    are set by the world and honoured by the network. `pace` scales the time of work. With `has_jobs` it has the newer
    jobs API, and if `is_old` an interrupt stops any job.
    """

    def __init__(self, name: str, pace: float = 1.0) -> None:
        self.name = name
        self.pace = pace
        self.ran: list[str] = []
        self.finished: dict[str, str] = {}
        self.files = Files(_loop_time, EPOCH)
        self.is_down = False
        self.awake = asyncio.Event()
        self.awake.set()
        self.is_forgetful = False
        self.has_jobs = False
        self.is_old = False
        self._surroundings = Surroundings(self.files, lambda: EPOCH + _loop_time())
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
        self.number = 0
        self.files.wipe_temp()
        self._sockets = Sockets()
        self._jobs = Jobs(self._send_status, lambda prompt_id: self.finished.update({prompt_id: "deleted"}))
        self._worker = Worker(self.name, self.files, self._sockets, self.now_ms, self.pace)

    def restart(self) -> None:
        """Lose memory and temp files, and break all sockets."""
        old = tuple(self._sockets.all)
        self._worker.is_gone = True
        self._start()
        for socket in old:
            socket.deliver = None
            socket.on_close()

    def upgrade(self, version: str) -> None:
        """Restart as another version."""
        self._surroundings.version = version
        self.restart()

    def now_ms(self) -> int:
        """Return the server's clock."""
        return int((EPOCH + _loop_time()) * 1000)

    # For the network and the world

    @property
    def heap(self) -> list[Item]:
        """Pending jobs, in heap order."""
        return self._jobs.heap

    @property
    def running(self) -> Item | None:
        """The running job."""
        return self._jobs.running

    @running.setter
    def running(self, item: Item | None) -> None:
        self._jobs.running = item

    @property
    def history(self) -> dict[str, Any]:
        """The answer of /history."""
        return self._jobs.history

    @property
    def all_sockets(self) -> list[SimSocket]:
        """All open sockets, deaf or not."""
        return self._sockets.all

    # Sockets

    def connect(
        self, client_id: str, deliver: Callable[[str | bytes], None], on_close: Callable[[], None]
    ) -> SimSocket:
        """Open a socket; without a client_id it is given one."""
        socket = SimSocket(client_id or self._mint().hex, deliver, on_close)
        greeting: list[tuple[str, dict[str, Any]]] = [("status", {"status": self._info(), "sid": socket.client_id})]
        if self._worker.client_id == socket.client_id and self._worker.last_node is not None:
            greeting.append(("executing", {"node": self._worker.last_node}))
        self._sockets.open(socket, greeting)
        return socket

    def hear(self, socket: SimSocket, text: str) -> None:
        """Handle a message of the client."""
        self._sockets.hear(socket, text)

    def disconnect(self, socket: SimSocket) -> None:
        """The client has closed its end."""
        self._sockets.close(socket)

    def drop(self, socket: SimSocket) -> None:
        """Break the connection."""
        self.disconnect(socket)
        socket.on_close()

    def _send(self, kind: str, data: dict[str, Any], client_id: str | None) -> None:
        self._sockets.send_event(kind, data, client_id)

    def _send_status(self) -> None:
        self._send("status", {"status": self._info()}, None)

    def _info(self) -> dict[str, Any]:
        return {"exec_info": {"queue_remaining": self._jobs.remaining}}

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
        if is_foreign(lower):
            return Answer(403)
        if method == "OPTIONS":
            return Answer(200)
        if len(body) > FEATURES["max_upload_size"]:
            return _too_large()
        parts = [unquote(part) for part in path.removeprefix("/api").split("/") if part]
        if self.has_jobs and path == "/api/jobs":
            return json_answer({"jobs": self._active(), "pagination": {}})
        if self.has_jobs and path.startswith("/api/jobs/"):
            return self._job(method, *parts[1:])
        try:
            if method in {"GET", "HEAD"}:
                answer = conditional(self._get(parts, query), lower)
                return Answer(answer.status, b"", answer.headers) if method == "HEAD" else answer
            return self._post(parts, body) or self._surroundings.change(method, parts, query, body)
        except Exception:  # noqa: BLE001 - as ComfyUI does
            return trouble()

    def _get(self, parts: list[str], query: Mapping[str, str]) -> Answer:
        if self.is_forgetful and parts[:1] in (["queue"], ["history"]):
            return json_answer({"queue_running": [], "queue_pending": []} if parts[0] == "queue" else {})
        match parts:
            case ["queue"]:
                return json_answer(self._jobs.listing())
            case ["prompt"]:
                return json_answer(self._info())
            case ["history"]:
                max_items = int(query["max_items"]) if "max_items" in query else None
                return json_answer(self._jobs.entries(max_items, int(query.get("offset", -1))))
            case ["history", prompt_id]:
                return json_answer(self._jobs.entry(prompt_id))
            case ["view"]:
                return self._view(dict(query))
            case ["ws"]:
                return Answer(101)  # `connect` does the rest
            case _:
                return self._surroundings.get(parts, query)

    def _view(self, query: dict[str, str]) -> Answer:
        return self.files.view(query)

    def _post(self, parts: list[str], body: bytes) -> Answer | None:
        match parts:
            case ["prompt"]:
                return self._prompt(json.loads(body))
            case ["queue"]:
                self._forget(json.loads(body), self._jobs.clear, self._jobs.delete)
            case ["history"]:
                history = self._jobs.history
                self._forget(json.loads(body), history.clear, lambda prompt_id: history.pop(prompt_id, None))
            case ["interrupt"]:
                self._interrupt(body)
            case ["free"]:
                self._worker.is_cache_unwanted |= bool(json.loads(body).get("free_memory", False))
            case ["upload", "image" | "mask"]:
                return Answer(400)  # forms are sent by `upload`
            case _:
                return None
        return Answer(200)

    def _forget(self, said: Any, clear: Callable[[], None], delete: Callable[[str], object]) -> None:
        if _said(said, "clear", False):
            clear()
        for prompt_id in _said(said, "delete", ()):
            delete(prompt_id)

    def _interrupt(self, body: bytes) -> None:
        try:
            said = json.loads(body)
        except ValueError:
            said = {}
        wanted = None if self.is_old else said.get("prompt_id")
        running = self._jobs.running
        if not wanted or (running is not None and running[1] == wanted):
            self._worker.is_interrupted = True

    def _active(self) -> list[dict[str, str]]:
        running = [] if self._jobs.running is None else [{"id": self._jobs.running[1], "status": "in_progress"}]
        return [*running, *({"id": item[1], "status": "pending"} for item in self._jobs.heap)]

    def _job(self, method: str, prompt_id: str, verb: str = "") -> Answer:
        """Handle the jobs API of newer servers (docs/comfyui.md 9) for one job."""
        is_running = self._jobs.running is not None and self._jobs.running[1] == prompt_id
        is_pending = any(item[1] == prompt_id for item in self._jobs.heap)
        if (method, verb) == ("POST", "cancel"):
            self._worker.is_interrupted |= is_running
            if is_pending:
                self._jobs.delete(prompt_id)
            return json_answer({"cancelled": is_running or is_pending})
        if (method, verb) != ("GET", ""):
            return Answer(405)
        if is_running or is_pending:
            return json_answer({"id": prompt_id, "status": "in_progress" if is_running else "pending"})
        if prompt_id not in self._jobs.history:
            return json_answer({"error": "Job not found"}, 404)
        return json_answer({"id": prompt_id, "status": "completed"})

    def _prompt(self, said: Any) -> Answer:
        number = self._next_number(said)
        if "prompt" not in said:
            return json_answer({"error": NO_PROMPT, "node_errors": {}}, 400)
        prompt_id = str(said.get("prompt_id", self._mint()))
        verdict = judge(said["prompt"], said.get("partial_execution_targets"), self.files.is_input)
        extra = said.get("extra_data", {})
        if "client_id" in said:
            extra["client_id"] = said["client_id"]
        if verdict.error is not None:
            return json_answer({"error": verdict.error, "node_errors": verdict.node_errors}, 400)
        self._work.set()
        self._jobs.put((number, prompt_id, said["prompt"], extra, verdict.outputs))
        return json_answer({"prompt_id": prompt_id, "number": number, "node_errors": verdict.node_errors})

    def _next_number(self, said: Any) -> float:
        if "number" in said:
            return float(said["number"])
        number = self.number
        self.number += 1
        return -number if _said(said, "front", False) else number

    def _mint(self) -> uuid.UUID:
        """Return an id that the server gives: new, but the same in each life of the same seed."""
        self._minted += 1
        return uuid.uuid5(uuid.NAMESPACE_URL, f"{self.name}/{self.boot}/{self._minted}")

    def upload(
        self, filename: str, data: bytes, subfolder: str = "", folder: str = "input", *, mask: bool = False, **more: str
    ) -> Answer:
        """Handle POST /upload/image or /upload/mask; `more` are the form's other fields."""
        if len(data) > FEATURES["max_upload_size"]:
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
            while not self._jobs.heap or self.is_executor_dead or self.is_held:
                self._work.clear()
                await self._work.wait()
            jobs, worker = self._jobs, self._worker
            item = jobs.take()
            self.ran.append(item[1])
            try:
                outcome = await worker.run(item)
            except Restarted:
                continue
            jobs.finish(item, outcome)
            self.finished[item[1]] = outcome.end
            if worker.client_id is not None:
                self._send("executing", {"node": None, "prompt_id": item[1]}, worker.client_id)


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


def _said(body: Any, key: str, default: Any) -> Any:
    """Return a key's value in a body. A list or a string has no keys: it passes or raises, as in ComfyUI."""
    return body[key] if key in body else default  # noqa: SIM401 - `get` is for objects only


def _too_large() -> Answer:
    return text_answer(f"Maximum request body size {FEATURES['max_upload_size']} exceeded.", 413)
