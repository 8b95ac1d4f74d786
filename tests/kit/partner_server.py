"""A small ComfyUI with a partner node, which can show keys wherever an older or a defective one would.

async with serve_partner() as server: ...
    server.shows = {"queue"}            # as 0.3.64: keys are in the rows of /queue
    assert server.keys == [key]         # those that came with the prompts of users

A prompt runs until the queue was read once, so that a reader always sees it there.
"""

from __future__ import annotations

import contextlib
import gzip
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.kit.gateways import serve_all
from wire.partner import API_KEY

PICTURE = {"input": {"required": {}}, "output": ["IMAGE"], "output_node": False}
SAVE = {"input": {"required": {"images": ["IMAGE"]}, "hidden": {"prompt": "PROMPT"}}, "output": [], "output_node": True}
HIDDEN = {"hidden": {"api_key_comfy_org": ["API_KEY_COMFY_ORG"], "unique_id": ["UNIQUE_ID"]}}
NODES: dict[str, Any] = {
    "EmptyImage": PICTURE,
    "PreviewImage": SAVE,
    "SaveImage": SAVE,
    "PartnerImage": PICTURE | {"input": {"required": {"text": ["STRING", {}]}, **HIDDEN}, "api_node": True},
    "PartnerModel": SAVE | {"input": {"required": {}, **HIDDEN}, "api_node": True},
    "KeyReader": PICTURE | {"input": {"required": {}, "hidden": {"key": "API_KEY_COMFY_ORG"}}},
}
REPLACED = {"OldPartner": [{"new_node_id": "PartnerImage", "input_mapping": None}]}
STATS = {"system": {"comfyui_version": "0.30.0", "argv": ["main.py"]}, "devices": []}
MODEL = {"1": {"class_type": "PartnerModel", "inputs": {}}}


def partner_prompt(class_type: str = "PartnerImage", **inputs: Any) -> dict[str, Any]:
    """Return a prompt that saves a picture of this class."""
    return {
        "1": {"class_type": class_type, "inputs": {"text": "hills", **inputs}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0]}},
    }


@dataclass
class PartnerServer:
    """The server's state. `shows` names where it shows keys: queue, pending, history, jobs, error, answer, stream."""

    url: str = ""
    shows: set[str] = field(default_factory=set)
    status: int = 200  # of the answer to a submit
    is_escaped: bool = False  # spells keys as escapes of JSON, and is the only one to show one in its ETag
    is_packed: bool = False  # sends everything compressed
    is_quick: int = 0  # prompts that end before the queue is read
    is_held: bool = False  # nothing ends
    keys: list[str] = field(default_factory=list)  # of users' prompts
    fakes: list[str] = field(default_factory=list)  # of examinations
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: set[str] = field(default_factory=set)  # of all requests, by name
    rows: list[dict[str, Any]] = field(default_factory=list)
    history: dict[str, Any] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    sockets: dict[str, web.WebSocketResponse] = field(default_factory=dict)

    def restart(self) -> None:
        """Lose what a process has in its memory."""
        self.rows.clear()
        self.history.clear()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer any request."""
        path = request.path
        if not path.startswith("/view"):
            self.headers |= {name.lower() for name in request.headers}
        if path == "/ws":
            return await self._socket(request)
        if path == "/prompt" and request.method == "POST":
            return await self._submit(request)
        if path in {"/queue", "/history"} and request.method == "POST":
            for prompt_id in (await request.json())["delete"]:
                self.deleted.append(prompt_id)
                self.rows = [row for row in self.rows if row["prompt_id"] != prompt_id]
                self.history.pop(prompt_id, None)
            return web.Response()
        known = {
            "/system_stats": STATS,
            "/features": {"max_upload_size": 4_000_000, "node_replacements": True},
            "/object_info": NODES,
            "/node_replacements": REPLACED,
            "/history": self.history,
        }
        if path == "/queue":
            return await self._queue(request)
        if path.startswith("/history/"):
            prompt_id = path.rpartition("/")[2]
            return self._json({prompt_id: self.history[prompt_id]} if prompt_id in self.history else {})
        if path.startswith("/api/jobs/"):
            return self._job(path.rpartition("/")[2])
        return self._json(known[path]) if path in known else web.Response(status=404)

    def _json(self, value: object, status: int = 200) -> web.Response:
        body = self._dumps(value).encode()
        if self.is_packed:
            packed = gzip.compress(body)
            return web.Response(
                body=packed, status=status, headers={"Content-Encoding": "gzip", "Content-Type": "application/json"}
            )
        headers = {"ETag": f'"{self.keys[-1]}"'} if self.is_escaped and self.keys else {}
        return web.Response(body=body, status=status, content_type="application/json", headers=headers)

    def _dumps(self, value: object) -> str:
        text = json.dumps(value)
        for key in (*self.keys, *self.fakes) if self.is_escaped else ():
            text = text.replace(key, "".join(f"\\u{ord(letter):04x}" for letter in key))
        return text

    async def _submit(self, request: web.Request) -> web.Response:
        body = await request.json()
        extra = body.get("extra_data", {})
        if API_KEY in extra:
            (self.fakes if _is_examination(body) else self.keys).append(extra[API_KEY])
        self.bodies.append(body)
        if self.status != 200 and not _is_examination(body):
            return self._json({"error": {"message": str(extra)}, "node_errors": {}, "extra": extra}, self.status)
        self.rows.append(body)
        if self.is_quick > 0:
            self.is_quick -= 1
            await self._end()
        shown = extra if "answer" in self.shows else {}
        number = len(self.bodies)
        return self._json({"prompt_id": body["prompt_id"], "number": number, "node_errors": {}, **shown})

    def _row(self, body: dict[str, Any], place: str) -> list[Any]:
        extra = {**body.get("extra_data", {}), "client_id": body["client_id"]}
        if place not in self.shows:
            extra.pop(API_KEY, None)
        return [0, body["prompt_id"], body["prompt"], extra, ["2"]]

    async def _queue(self, request: web.Request) -> web.StreamResponse:
        running = [self._row(row, "queue") for row in self.rows[:1]]
        pending = [self._row(row, "pending") for row in self.rows[1:]]
        answer = self._json({"queue_running": running, "queue_pending": pending})
        if not self.is_held and self.rows:
            await self._end()
        if "stream" not in self.shows:
            return answer
        streamed = web.StreamResponse(headers={"Content-Type": "application/json"})
        await streamed.prepare(request)
        assert isinstance(answer.body, bytes)
        for start in range(0, len(answer.body), 7):
            await streamed.write(answer.body[start : start + 7])
        return streamed

    def _job(self, prompt_id: str) -> web.Response:
        entry = self.history.get(prompt_id)
        row = next((row for row in self.rows if row["prompt_id"] == prompt_id), None)
        if entry is None and row is None:
            return self._json({"error": "Job not found"}, 404)
        extra = self._row(row, "jobs")[3] if row is not None else entry["job"]
        return self._json({"id": prompt_id, "status": "completed", "workflow": {"extra_data": extra}})

    async def _end(self) -> None:
        body = self.rows.pop(0)
        messages: list[Any] = [["execution_success", {"prompt_id": body["prompt_id"]}]]
        if "error" in self.shows and not _is_examination(body):  # an older node fails, and its inputs are sent
            inputs = {"api_key": [body.get("extra_data", {}).get(API_KEY)]}
            messages = [["execution_error", {"prompt_id": body["prompt_id"], "current_inputs": inputs}]]
        self.history[body["prompt_id"]] = {
            "prompt": self._row(body, "history"),
            "outputs": {},
            "status": {"status_str": "success", "completed": True, "messages": messages},
            "job": self._row(body, "jobs")[3],
        }
        socket = self.sockets.get(body["client_id"])
        for kind, data in messages:
            if socket is not None:
                await socket.send_str(self._dumps({"type": kind, "data": data}))
                await socket.send_bytes(b"\0\0\0\3" + self._dumps(data).encode())

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        sid = request.query["clientId"]
        self.sockets[sid] = socket
        await socket.send_str(json.dumps({"type": "status", "data": {"status": {"exec_info": {}}, "sid": sid}}))
        async for _ in socket:
            pass
        return socket


def _is_examination(body: dict[str, Any]) -> bool:
    return str(body["client_id"]).startswith("mooring-proof-")


@contextlib.asynccontextmanager
async def serve_partner() -> AsyncIterator[PartnerServer]:
    """Start the server."""
    server = PartnerServer()
    app = web.Application(client_max_size=2**24)
    app.router.add_route("*", "/{path:.*}", server.answer)
    async with serve_all(app) as server.url:
        yield server
