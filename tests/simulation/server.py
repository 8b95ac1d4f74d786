"""A ComfyUI in memory, on a virtual clock: the protocol of COMFYUI.md with its traps. Imports nothing from `app/`.

`await server.request(method, path, query, body)` answers like the real one; `server.connect(client_id)` is a socket.
One prompt runs at a time. `restart()` forgets what the real one forgets. `ran` lists every prompt_id that began to
run, for the invariant that none runs twice.
"""

from __future__ import annotations

import asyncio
import hashlib
import heapq
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

OUTPUT_NODES = {"SaveImage": "output", "PreviewImage": "temp"}
KNOWN_NODES = {
    "LoadImage",
    "SaveImage",
    "PreviewImage",
    "EmptyImage",
    "ImageScale",
    "ImageInvert",
    "ImageBlur",
    "ImageSharpen",
    "ImageBlend",
    "DemoSampler",
    "DemoFailAt",
}
STEP_SECONDS = 0.05


@dataclass
class Answer:
    """An HTTP answer."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class SimSocket:
    """The server's end of one socket. `deliver` is the client's ear; None once it is closed."""

    client_id: str
    deliver: Callable[[str | bytes], None] | None
    on_close: Callable[[], None]
    has_metadata: bool = False
    has_spoken: bool = False

    def send(self, message: str | bytes) -> None:
        if self.deliver is not None:
            self.deliver(message)


class SimServer:
    """See the module."""

    def __init__(self, name: str, seconds_of: Callable[[dict[str, Any]], float] | None = None) -> None:
        self.name = name
        self.ran: list[str] = []
        self.finished: dict[str, str] = {}  # what really became of each prompt, over restarts
        self.files: dict[tuple[str, str, str], tuple[bytes, float]] = {}
        self.is_down = False
        self.awake = asyncio.Event()  # cleared: it accepts, and answers nobody
        self.awake.set()
        self.is_forgetful = False  # for a while, queue and history show nothing: another ComfyUI at its address
        self._seconds_of = seconds_of or (lambda node: STEP_SECONDS)
        self._work = asyncio.Event()
        self._forget()

    def _forget(self) -> None:
        self.number = 0
        self.heap: list[tuple[float, str, Any, Any, Any]] = []
        self.running: tuple[float, str, Any, Any, Any] | None = None
        self.history: dict[str, Any] = {}
        self.sockets: dict[str, SimSocket] = {}
        self.all_sockets: list[SimSocket] = []
        self.interrupted: set[str] = set()
        self.last_node: str | None = None
        self._cache: dict[Any, Any] = {}
        self.boot = object()

    def restart(self) -> None:
        """Lose memory and temp files; sockets break."""
        old = self.all_sockets
        self.files = {key: value for key, value in self.files.items() if key[0] != "temp"}
        self._forget()
        for socket in old:
            self.drop(socket)

    def drop(self, socket: SimSocket) -> None:
        """The connection breaks."""
        self.disconnect(socket)
        socket.on_close()

    def now_ms(self) -> int:
        """The server's clock."""
        return int(asyncio.get_running_loop().time() * 1000)

    # Sockets

    def connect(
        self, client_id: str, deliver: Callable[[str | bytes], None], on_close: Callable[[], None]
    ) -> SimSocket:
        """A new socket; the newer one of a client_id gets its events, the older stays open and deaf."""
        socket = SimSocket(client_id, deliver, on_close)
        self.sockets[client_id] = socket
        self.all_sockets.append(socket)
        socket.send(_text("status", {"status": {"exec_info": {"queue_remaining": self.remaining}}, "sid": client_id}))
        if self.running and self.running[3].get("client_id") == client_id and self.last_node is not None:
            socket.send(_text("executing", {"node": self.last_node}))
        return socket

    def hear(self, socket: SimSocket, text: str) -> None:
        """A message from the client: feature flags count only as the very first one."""
        if not socket.has_spoken:
            message = json.loads(text)
            if message.get("type") == "feature_flags":
                socket.has_metadata = bool(message["data"].get("supports_preview_metadata"))
                features = {"supports_preview_metadata": True, "max_upload_size": 104857600}
                socket.send(_text("feature_flags", features))
        socket.has_spoken = True

    def disconnect(self, socket: SimSocket) -> None:
        """The client's end is gone: the server forgets the client_id, whichever socket of it was closed."""
        if socket.deliver is None:
            return
        socket.deliver = None
        self.sockets.pop(socket.client_id, None)
        if socket in self.all_sockets:
            self.all_sockets.remove(socket)

    def _tell(self, kind: str, data: dict[str, Any], client_id: str | None) -> None:
        if client_id is not None and client_id in self.sockets:
            self.sockets[client_id].send(_text(kind, data))

    def _tell_status(self) -> None:
        for socket in tuple(self.sockets.values()):
            socket.send(_text("status", {"status": {"exec_info": {"queue_remaining": self.remaining}}}))

    @property
    def remaining(self) -> int:
        return len(self.heap) + (self.running is not None)

    # HTTP

    async def request(  # noqa: PLR0912 (one case per route)
        self, method: str, path: str, query: dict[str, str], body: bytes = b""
    ) -> Answer:
        """One exchange; `path` without the doubled /api."""
        parts = [part for part in path.removeprefix("/api").split("/") if part]
        if self.is_forgetful and method == "GET" and parts[0] in {"queue", "history"}:
            return _json({"queue_running": [], "queue_pending": []} if parts[0] == "queue" else {})
        match method, parts:
            case "GET", ["queue"]:
                running = [list(self.running)] if self.running else []
                return _json({"queue_running": running, "queue_pending": [list(item) for item in self.heap]})
            case "GET", ["prompt"]:
                return _json({"exec_info": {"queue_remaining": self.remaining}})
            case "GET", ["history"]:
                return _json(self.history)
            case "GET", ["history", prompt_id]:
                return _json({prompt_id: self.history[prompt_id]} if prompt_id in self.history else {})
            case "GET", ["system_stats"]:
                return _json({"system": {"comfyui_version": "0.3.64", "argv": ["main.py"]}, "devices": []})
            case "GET", ["features"]:
                return _json({"supports_preview_metadata": True, "max_upload_size": 104857600})
            case "GET", ["view"]:
                return self._view(query)
            case "POST", ["prompt"]:
                return self._prompt(body)
            case "POST", ["queue"]:
                return self._delete(json.loads(body))
            case "POST", ["interrupt"]:
                return self._interrupt(json.loads(body or b"{}"))
            case "POST", ["history"]:
                for prompt_id in json.loads(body).get("delete", []):
                    self.history.pop(prompt_id, None)
                return Answer(200)
        return Answer(404, b"404: Not Found")

    def upload(self, filename: str, data: bytes, subfolder: str = "", folder: str = "input") -> Answer:
        """POST /upload/image: same name and bytes, same name; same name and other bytes, a numbered one."""
        stem, dot, suffix = filename.rpartition(".")
        name, count = filename, 0
        while (folder, subfolder, name) in self.files and self.files[folder, subfolder, name][0] != data:
            count += 1
            name = f"{stem or suffix} ({count}){dot}{suffix}" if dot else f"{filename} ({count})"
        self.files.setdefault((folder, subfolder, name), (data, asyncio.get_running_loop().time()))
        return _json({"name": name, "subfolder": subfolder, "type": folder})

    def _view(self, query: dict[str, str]) -> Answer:
        key = (query.get("type", "output"), query.get("subfolder", ""), query.get("filename", ""))
        if key not in self.files:
            return Answer(404, b"404: Not Found")
        data, modified = self.files[key]
        headers = {"content-type": "image/png", "last-modified": formatdate(int(modified), usegmt=True)}
        return Answer(200, data, headers)

    def _prompt(self, body: bytes) -> Answer:
        try:
            message = json.loads(body)
        except ValueError:
            return Answer(500, b"500 Internal Server Error")
        if not isinstance(message, dict) or "prompt" not in message:
            return _error("no_prompt", "No prompt provided", {})
        graph = message["prompt"]
        if not isinstance(graph, dict) or not graph:
            return _error("prompt_no_outputs", "Prompt has no outputs", {})
        refusal = self._validate(graph)
        if refusal is not None:
            return refusal
        outputs = [node_id for node_id, node in graph.items() if node["class_type"] in OUTPUT_NODES]
        number = float(message["number"]) if "number" in message else float(self.number)
        if message.get("front"):
            number = -number
        self.number += 1
        prompt_id = str(message.get("prompt_id") or f"{self.name}-{self.number}")
        extra = {**message.get("extra_data", {})}
        if "client_id" in message:
            extra["client_id"] = message["client_id"]
        heapq.heappush(self.heap, (number, prompt_id, graph, extra, outputs))
        self._tell_status()
        self._work.set()
        return _json({"prompt_id": prompt_id, "number": number, "node_errors": {}})

    def _validate(self, graph: dict[str, Any]) -> Answer | None:
        for node_id, node in graph.items():
            class_type = node.get("class_type")
            if class_type not in KNOWN_NODES:
                told = f"Cannot execute because node {class_type} does not exist."
                return _error("invalid_prompt", told, {}, f"Node ID '#{node_id}'")
        outputs = [node_id for node_id, node in graph.items() if node["class_type"] in OUTPUT_NODES]
        if not outputs:
            return _error("prompt_no_outputs", "Prompt has no outputs", {})
        errors = {
            node_id: _missing(node["class_type"], "images", outputs)
            for node_id, node in graph.items()
            if node["class_type"] in OUTPUT_NODES and "images" not in node["inputs"]
        }
        errors |= {
            node_id: _invalid_image(node["inputs"]["image"], outputs)
            for node_id, node in graph.items()
            if node["class_type"] == "LoadImage" and not self._has_input(node["inputs"].get("image", ""))
        }
        if errors:
            return _error("prompt_outputs_failed_validation", "Prompt outputs failed validation", errors)
        return None

    def _has_input(self, value: str) -> bool:
        subfolder, _, name = value.rpartition("/")
        return ("input", subfolder, name) in self.files

    def _delete(self, message: dict[str, Any]) -> Answer:
        doomed = message.get("delete", [])
        for prompt_id in doomed:
            index = next((i for i, item in enumerate(self.heap) if item[1] == prompt_id), None)
            if index is not None:
                del self.heap[index]
                heapq.heapify(self.heap)
                self.finished[prompt_id] = "deleted"
                self._tell_status()
        return Answer(200)

    def _interrupt(self, message: dict[str, Any]) -> Answer:
        wanted = message.get("prompt_id")
        if self.running is not None and wanted in (None, self.running[1]):
            self.interrupted.add(self.running[1])
        return Answer(200)

    # Running

    async def run(self) -> None:
        """The executor, for ever."""
        while True:
            if not self.heap:
                self._work.clear()
                await self._work.wait() if not self.heap else None
                continue
            boot = self.boot
            item = heapq.heappop(self.heap)
            self.running = item
            self.ran.append(item[1])
            self._tell_status()
            end = await self._execute(item, boot)
            if self.boot is not boot:
                continue  # restarted meanwhile: nothing of it is left
            self.finished[item[1]] = end

    async def _execute(self, item: tuple[float, str, Any, Any, Any], boot: object) -> str:
        _, prompt_id, graph, extra, outputs = item
        client_id = extra.get("client_id")
        messages: list[Any] = []
        made: dict[str, Any] = {}

        def tell(kind: str, data: dict[str, Any], *, keep: bool = False) -> None:
            data = {**data, "prompt_id": prompt_id}
            if keep:
                data["timestamp"] = self.now_ms()
                messages.append([kind, data])
            self._tell(kind, data, client_id)

        tell("execution_start", {}, keep=True)
        cached = self._cached(graph)
        tell("execution_cached", {"nodes": cached}, keep=True)
        end = "success"
        for node_id, node in graph.items():
            self.last_node = node_id
            if node_id not in cached:
                tell("executing", {"node": node_id, "display_node": node_id})
                end = await self._steps(node_id, node, prompt_id, tell)
                if self.boot is not boot:
                    return "forgotten"
            if end != "success":
                tell(*_bad_end(end, node_id, node, sorted(made)), keep=True)
                break
            if node["class_type"] in OUTPUT_NODES:
                made[node_id] = self._save(node_id, node, graph)
                tell("executed", {"node": node_id, "display_node": node_id, "output": made[node_id]})
        if end == "success":
            tell("execution_success", {}, keep=True)
        await asyncio.sleep(0.001)  # history may lag the event (COMFYUI.md 3)
        if self.boot is not boot:
            return "forgotten"
        self._file(item, made, messages, end, outputs)
        self._tell_status()
        self._tell("executing", {"node": None, "prompt_id": prompt_id}, client_id)
        return end

    def _file(
        self, item: tuple[float, str, Any, Any, Any], made: dict[str, Any], messages: list[Any], end: str, outputs: Any
    ) -> None:
        is_success = end == "success"
        meta = {node_id: {"node_id": node_id, "display_node": node_id, "parent_node": None} for node_id in made}
        status = {"status_str": "success" if is_success else "error", "completed": is_success, "messages": messages}
        self.history[item[1]] = {"prompt": list(item), "outputs": made, "status": status, "meta": meta}
        self.running = None
        self.last_node = None

    async def _steps(self, node_id: str, node: dict[str, Any], prompt_id: str, tell: Callable[..., None]) -> str:
        steps = int(node["inputs"].get("steps", 1)) if isinstance(node["inputs"].get("steps", 1), int) else 1
        for step in range(steps):
            await asyncio.sleep(self._seconds_of(node))
            if prompt_id in self.interrupted:
                return "interrupted"
            if node["class_type"] == "DemoFailAt" and step + 1 >= node["inputs"].get("fail_at", 1):
                return "error"
            if steps > 1:
                tell("progress", {"value": step + 1, "max": steps, "node": node_id})
        return "success"

    def _cached(self, graph: dict[str, Any]) -> list[str]:
        signatures = {node_id: json.dumps(node, sort_keys=True) for node_id, node in graph.items()}
        whole = json.dumps(graph, sort_keys=True)
        cached = [node_id for node_id in signatures if self._cache.get("whole") == whole]
        self._cache["whole"] = whole
        return cached

    def _save(self, node_id: str, node: dict[str, Any], graph: dict[str, Any]) -> dict[str, Any]:
        folder = OUTPUT_NODES[node["class_type"]]
        prefix = str(node["inputs"].get("filename_prefix", "ComfyUI"))
        text = json.dumps(graph, sort_keys=True)
        digest = hashlib.sha256(f"{self.name}{text}".encode()).digest()  # another server makes other bytes
        known = self._cache.get(("file", node_id, text))
        if known is not None:
            return {"images": [known]}
        count = sum(1 for kind, _, name in self.files if kind == folder and name.startswith(prefix)) + 1
        filename = f"{prefix}_{count:05}_.png"
        self.files[folder, "", filename] = (digest, asyncio.get_running_loop().time())
        self._cache["file", node_id, text] = {"filename": filename, "subfolder": "", "type": folder}
        return {"images": [{"filename": filename, "subfolder": "", "type": folder}]}


def _bad_end(end: str, node_id: str, node: dict[str, Any], executed: list[str]) -> tuple[str, dict[str, Any]]:
    data: dict[str, Any] = {"node_id": node_id, "node_type": node["class_type"], "executed": executed}
    if end == "interrupted":
        return "execution_interrupted", data
    told = {"exception_message": "failed as asked", "exception_type": "RuntimeError", "traceback": ["…\n"]}
    return "execution_error", {**data, **told, "current_inputs": {}, "current_outputs": []}


def _text(kind: str, data: dict[str, Any]) -> str:
    return json.dumps({"type": kind, "data": data})


def _json(value: Any, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value).encode(), {"content-type": "application/json; charset=utf-8"})


def _error(kind: str, message: str, node_errors: dict[str, Any], details: str = "") -> Answer:
    error = {"type": kind, "message": message, "details": details, "extra_info": {}}
    return _json({"error": error, "node_errors": node_errors}, 400)


def _missing(class_type: str, name: str, outputs: list[str]) -> dict[str, Any]:
    error = {
        "type": "required_input_missing",
        "message": "Required input is missing",
        "details": name,
        "extra_info": {"input_name": name},
    }
    return {"errors": [error], "dependent_outputs": outputs, "class_type": class_type}


def _invalid_image(value: str, outputs: list[str]) -> dict[str, Any]:
    error = {
        "type": "custom_validation_failed",
        "message": "Custom validation failed for node",
        "details": f"image - Invalid image file: {value}",
        "extra_info": {"input_name": "image"},
    }
    return {"errors": [error], "dependent_outputs": outputs, "class_type": "LoadImage"}
