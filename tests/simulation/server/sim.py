"""The simulated server: its routes, with the queue, the worker, the sockets and the files."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from demo_comfyui.model.description import features
from demo_comfyui.model.replacements import apply_replacements
from demo_comfyui.model.validation import error_of, validate_prompt
from demo_comfyui.model.versions import NEW, Version
from tests.simulation.server.catalogue import catalogue_of
from tests.simulation.server.exchange import Answer, conditional, is_foreign, json_answer, text_answer, trouble
from tests.simulation.server.files import Files
from tests.simulation.server.jobs import SECRETS, Item, Jobs
from tests.simulation.server.jobs_api import JobsApi, is_job_id
from tests.simulation.server.sockets import SimSocket, Sockets
from tests.simulation.server.surroundings import MAX_UPLOAD, Surroundings
from tests.simulation.server.worker import Restarted, Worker

EPOCH = 1_700_000_000.0
"""The server's clock when the loop's is zero."""
BAD_PROMPT_ID = error_of(
    "invalid_prompt_id",
    "prompt_id must be a valid UUID",
    "prompt_id must be a UUID string in canonical lowercase hyphenated form; omit it to let the server generate one",
)
NO_PROMPT = error_of("no_prompt", "No prompt provided", "No prompt provided")


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
        self._surroundings = Surroundings(self.files, lambda: EPOCH + _loop_time(), version)
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
        self.files.is_hardened = self._version.hardens_answers
        self._sockets = Sockets(features(self._version, MAX_UPLOAD))
        self._jobs = Jobs(self._send_status, lambda prompt_id: self.finished.update({prompt_id: "deleted"}))
        self._worker = Worker(self.name, self._version, self.files, self._sockets, self.now_ms, self.pace)
        self._jobs_api = JobsApi(self._jobs, self._stop_running)

    def restart(self) -> None:
        """Lose memory and temp files, and break all sockets."""
        old = tuple(self._sockets.all)
        self._worker.is_gone = True
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
        self._version = self._surroundings.version = version
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
                return self._jobs_api.answer(method, jobs.split("/")[3:], query, body)
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
        wanted = said.get("prompt_id") if self._version.interrupts_by_id else None
        running = self._jobs.running
        if not wanted or (running is not None and running[1] == wanted):
            self._stop_running()

    def _prompt(self, said: Any) -> Answer:
        number = self._next_number(said)
        if "prompt" not in said:
            return json_answer({"error": NO_PROMPT, "node_errors": {}}, 400)
        prompt_id = self._prompt_id(said)
        if prompt_id is None:
            return json_answer({"error": BAD_PROMPT_ID, "node_errors": {}}, 400)
        catalogue = catalogue_of(self._version)
        if self._version.replaces_nodes:
            apply_replacements(said["prompt"], catalogue)
        verdict = validate_prompt(
            said["prompt"], said.get("partial_execution_targets"), self.files.is_input, self._version, catalogue
        )
        extra = said.get("extra_data", {})
        if "client_id" in said:
            extra["client_id"] = said["client_id"]
        if verdict.error is not None:
            return json_answer({"error": verdict.error, "node_errors": verdict.node_errors}, 400)
        if self._version.rewrites_extra_data:
            for secret in SECRETS:
                extra.pop(secret, None)
            extra["create_time"] = self.now_ms()
        self._work.set()
        self._jobs.put((number, prompt_id, said["prompt"], extra, verdict.outputs))
        return json_answer({"prompt_id": prompt_id, "number": number, "node_errors": verdict.node_errors})

    def _prompt_id(self, said: Any) -> str | None:
        """Return the id of a submit: the client's or a new one, or None if this version refuses the client's."""
        if not self._version.requires_uuids:
            return str(said.get("prompt_id", self._mint()))
        given = said.get("prompt_id")
        if given is None:
            return str(self._mint())
        return given if is_job_id(given) else None

    def _stop_running(self) -> None:
        self._worker.is_interrupted = True

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
    return text_answer(f"Maximum request body size {MAX_UPLOAD} exceeded.", 413)
