"""A small ComfyUI whose nodes show their inputs, as some node packs do, for attacks on sealed files.

async with serve_echo() as echo, open_studio(server=echo.url) as studio:
    echo.now += 60                      # its clock is stopped between runs
    await alice.submit({"1": {"class_type": "Echo", "inputs": {"ui": {"images": [{"filename": …}]}}}})

`Save` writes a file into `output` and lists it. `Echo` shows its input `ui`, which may also be JSON text or a list of
pieces of such a text. A node with the inputs of an earlier one is cached: it shows the same and writes nothing.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from demo_comfyui.object_info import definitions
from tests.kit.gateways import serve_all
from wire.versions import OLDEST

SECONDS = 5.0  # duration of one run
FileKey = tuple[str, str, str]  # type, subfolder, name


@dataclass
class EchoServer:
    """The files with their bytes and times, the history, and a clock that tests move."""

    url: str = ""
    now: float = 1_760_000_000.25
    files: dict[FileKey, tuple[bytes, float]] = field(default_factory=dict)
    history: dict[str, Any] = field(default_factory=dict)
    waiting: list[list[Any]] = field(default_factory=list)
    is_held: bool = False
    has_etags: bool = True
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    _cache: dict[str, Any] = field(default_factory=dict)

    async def submit(self, request: web.Request) -> web.Response:
        """Run a prompt immediately, or keep it in the queue while `is_held`."""
        body = await request.json()
        extra = {**body.get("extra_data", {}), "client_id": body["client_id"]}
        self.waiting.append([0, body["prompt_id"], body["prompt"], extra, ["1"]])
        if not self.is_held:
            self.run()
        return web.json_response({"prompt_id": body["prompt_id"], "number": 0, "node_errors": {}})

    def run(self) -> None:
        """Run the waiting prompts."""
        while self.waiting:
            item = self.waiting.pop(0)
            began, self.now = self.now, self.now + SECONDS / 2
            outputs = {node_id: self._show(node) for node_id, node in item[2].items()}
            self.now += SECONDS / 2
            messages = [
                ["execution_start", {"prompt_id": item[1], "timestamp": int(began * 1_000)}],
                ["execution_success", {"prompt_id": item[1], "timestamp": int(self.now * 1_000)}],
            ]
            status = {"status_str": "success", "completed": True, "messages": messages}
            self.history[item[1]] = {"prompt": item, "outputs": outputs, "status": status, "meta": {}}

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        """Accept a window's socket, to which tests send events."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"type": "status", "data": {"status": {}, "sid": request.query["clientId"]}})
        self.sockets.append(socket)
        async for _ in socket:
            pass
        return socket

    async def send_event(self, kind: str, **data: Any) -> None:
        """Send an event of the first waiting prompt to every socket."""
        for socket in self.sockets:
            await socket.send_json({"type": kind, "data": {"prompt_id": self.waiting[0][1], **data}})

    async def send_outputs(self) -> None:
        """Compute the outputs of the first waiting prompt, and send them as if it were still running."""
        for node_id, node in self.waiting[0][2].items():
            await self.send_event("executed", node=node_id, display_node=node_id, output=self._show(node))

    def _show(self, node: dict[str, Any]) -> Any:
        key = json.dumps(node, sort_keys=True)
        if key not in self._cache:
            self._cache[key] = self._compute(node["class_type"], node["inputs"])
        return json.loads(json.dumps(self._cache[key]))

    def _compute(self, class_type: str, inputs: dict[str, Any]) -> Any:
        if class_type == "Save":
            name = f"{inputs.get('prefix', 'ComfyUI')}_{len(self.files) + 1:05}_.png"
            return {"images": [self.write("output", name)]}
        if class_type == "Copy":  # of a 3D model, as Preview3D makes it
            subfolder, _, name = inputs["file"].rpartition("/")
            self.files["output", "", "copy.glb"] = self.files["input", subfolder, name]
            return {"result": ["copy.glb", None]}
        ui = inputs.get("ui", {})
        text = "".join(ui) if isinstance(ui, list) else ui
        return json.loads(text) if isinstance(text, str) else text

    def write(self, folder: str, name: str, subfolder: str = "") -> dict[str, str]:
        """Write a file with the current time, and return its description."""
        self.files[folder, subfolder, name] = (name.encode(), self.now)
        return {"filename": name, "subfolder": subfolder, "type": folder}

    def find(self, query: Any) -> tuple[bytes, float] | None:
        """Return the file that a query names; as in ComfyUI on Windows, a name may have a path or end with a folder."""
        name, folder = query["filename"], query.get("type", "output")
        for kind in ("output", "input", "temp"):
            if name.endswith(f"[{kind}]"):
                name, folder = name[: -len(kind) - 3], kind
        return self.files.get((folder, query.get("subfolder", ""), re.split(r"[/\\]", name)[-1]))

    async def upload(self, request: web.Request) -> web.Response:
        """Write a file into the input folder."""
        form = await request.post()
        file, subfolder = form["image"], str(form["subfolder"])
        assert isinstance(file, web.FileField)
        self.files["input", subfolder, file.filename] = (file.file.read(), self.now)
        return web.json_response({"name": file.filename, "subfolder": subfolder, "type": "input"})

    async def view(self, request: web.Request) -> web.Response:
        """Answer with a file."""
        found = self.find(request.query)
        if found is None:
            return web.Response(status=404)
        headers = {"ETag": f'"{int(found[1] * 1e9):x}-{len(found[0]):x}"'} if self.has_etags else {}
        return web.Response(body=found[0], headers={**headers, "Content-Type": "image/png"})

    async def jobs(self, _: web.Request) -> web.Response:
        """Answer with all ended jobs, each with the preview that a real server picks."""
        found = [self._job(prompt_id) for prompt_id in self.history]
        return web.json_response({"jobs": found, "pagination": {}})

    def _job(self, prompt_id: str) -> dict[str, Any]:
        listed = [
            item
            for shown in self.history[prompt_id]["outputs"].values()
            for items in shown.values()
            if isinstance(items, list)
            for item in items
            if isinstance(item, dict)
        ]
        preview = {"preview_output": {**listed[0], "nodeId": "1", "mediaType": "images"}} if listed else {}
        return {"id": prompt_id, "status": "completed", **preview}

    async def job(self, request: web.Request) -> web.Response:
        """Answer with one ended job, with its prompt and extra data."""
        prompt_id = request.match_info["prompt_id"]
        if prompt_id not in self.history:
            return web.json_response({"error": "Job not found"}, status=404)
        entry = self.history[prompt_id]
        workflow = {"prompt": entry["prompt"][2], "extra_data": entry["prompt"][3]}
        return web.json_response({**self._job(prompt_id), "outputs": entry["outputs"], "workflow": workflow})

    async def answer_history(self, request: web.Request) -> web.Response:
        """Answer with the whole history, or one entry."""
        prompt_id = request.match_info.get("prompt_id")
        known = self.history if prompt_id is None else {k: v for k, v in self.history.items() if k == prompt_id}
        return web.json_response(known)

    async def queue(self, _: web.Request) -> web.Response:
        """Answer with the waiting prompts."""
        return web.json_response({"queue_running": self.waiting, "queue_pending": []})

    def app(self) -> web.Application:
        """Return the application with its routes."""
        own = {"python_module": "custom_nodes.echo"}
        real = definitions(OLDEST)
        classes = {name: {**real["SaveImage"], "name": name, **own} for name in ("Save", "Echo", "Copy")}
        fixed: dict[str, Any] = {
            "/object_info": {**classes, "LoadImage": real["LoadImage"]},
            "/features": {"supports_preview_metadata": True, "max_upload_size": 1_000_000},
            "/system_stats": {"system": {"comfyui_version": "0.30.0", "argv": []}, "devices": []},
        }
        app = web.Application()
        for path, value in fixed.items():
            app.router.add_get(path, _fixed(value))
        app.router.add_post("/prompt", self.submit)
        app.router.add_get("/queue", self.queue)
        app.router.add_get("/history", self.answer_history)
        app.router.add_get("/history/{prompt_id}", self.answer_history)
        app.router.add_get("/api/jobs", self.jobs)
        app.router.add_get("/api/jobs/{prompt_id}", self.job)
        app.router.add_get("/view", self.view)
        app.router.add_post("/upload/image", self.upload)
        app.router.add_get("/ws", self.socket)
        return app


def _fixed(value: Any) -> Any:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response(value)

    return answer


@contextlib.asynccontextmanager
async def serve_echo() -> AsyncIterator[EchoServer]:
    """Start such a server on a free port."""
    echo = EchoServer()
    async with serve_all(echo.app()) as echo.url:
        yield echo
