"""The routes of work: /prompt, /queue, /history, /interrupt, /free, and the socket /ws.

What the real server does not check is not checked here: a body that is no JSON, or of another shape, becomes a 500.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiohttp import web

from demo_comfyui.executor import Executor
from demo_comfyui.faults import Faults, NextSubmit
from demo_comfyui.model.catalogue import Catalogue
from demo_comfyui.model.replacements import apply_replacements
from demo_comfyui.model.validation import Verdict, validate_prompt
from demo_comfyui.model.versions import Version
from demo_comfyui.nodes.files import input_exists
from demo_comfyui.prompt_queue import SECRET_EXTRA_DATA, PromptQueue
from demo_comfyui.sockets import SocketHub
from demo_comfyui.storage import Storage

NO_PROMPT = {
    "type": "no_prompt",
    "message": "No prompt provided",
    "details": "No prompt provided",
    "extra_info": {},
}
DEADLY = {"client_id": str, "extra_data": dict}
"""Fields that a real server accepts with any type, and whose wrong type kills its process or its worker."""
BAD_PROMPT_ID = (
    "prompt_id must be a UUID string in canonical lowercase hyphenated form; omit it to let the server generate one"
)


@dataclass(slots=True)
class WorkRoutes:
    """Handlers over one queue and one executor. `number` is the next sort key; it starts at 0."""

    queue: PromptQueue
    executor: Executor
    hub: SocketHub
    storage: Storage
    faults: Faults
    version: Version
    catalogue: Catalogue
    number: int = 0

    def table(self) -> list[web.RouteDef]:
        """The routes, without the /api twins."""
        return [
            web.get("/ws", self.socket),
            web.get("/prompt", self.get_prompt),
            web.post("/prompt", self.post_prompt),
            web.get("/queue", self.get_queue),
            web.post("/queue", self.post_queue),
            web.get("/history", self.get_history),
            web.get("/history/{prompt_id}", self.get_history_of),
            web.post("/history", self.post_history),
            web.post("/interrupt", self.post_interrupt),
            web.post("/free", self.post_free),
        ]

    async def socket(self, request: web.Request) -> web.StreamResponse:
        """Run one WebSocket: `status` first, and `executing` without a prompt_id for the client whose job runs now."""
        if self.faults.refuse_sockets:
            return web.Response(status=403)
        return await self.hub.serve(request, self._greeting)

    def _greeting(self, sid: str) -> list[tuple[str, dict[str, Any]]]:
        greeting: list[tuple[str, dict[str, Any]]] = [("status", {"status": self._info(), "sid": sid})]
        if self.executor.client_id == sid and self.executor.last_node is not None:
            greeting.append(("executing", {"node": self.executor.last_node}))
        return greeting

    async def get_prompt(self, _: web.Request) -> web.Response:
        """How many jobs are pending or running."""
        return web.json_response(self._info())

    def _info(self) -> dict[str, Any]:
        return {"exec_info": {"queue_remaining": self.queue.remaining()}}

    async def post_prompt(self, request: web.Request) -> web.StreamResponse:
        """Queue a prompt, unless a fault changes that."""
        body = await request.json()
        fault = self.faults.pop_next_submit()
        match fault:
            case NextSubmit.REFUSE:
                return _refused("demo_refused", "Refused on command")
            case NextSubmit.UNSENT:
                return await _cut(request)
            case NextSubmit.HOLD:
                await self.faults.hold()
                if request.transport is None or request.transport.is_closing():
                    return await _cut(request)
        answer = await self._submit(body)
        match fault:
            case NextSubmit.QUEUED_THEN_500:
                raise web.HTTPInternalServerError(text="500 Internal Server Error\n\nServer got itself in trouble")
            case NextSubmit.LOST:
                return await _cut(request)
            case NextSubmit.SILENCE:
                await asyncio.Event().wait()
        return answer

    async def _submit(self, body: Any) -> web.Response:
        number = self._next_number(body)
        if "prompt" not in body:
            return web.json_response({"error": NO_PROMPT, "node_errors": {}}, status=400)
        prompt = body["prompt"]
        prompt_id = self._prompt_id(body)
        if prompt_id is None:
            return _refused("invalid_prompt_id", "prompt_id must be a valid UUID", BAD_PROMPT_ID)
        for field, kind in DEADLY.items():
            if field in body and not isinstance(body[field], kind):
                return _refused(f"invalid_{field}", f"{field} is no {kind.__name__}")
        verdict = await asyncio.to_thread(self._verdict, prompt, body.get("partial_execution_targets"))
        extra_data = body.get("extra_data", {})
        if "client_id" in body:
            extra_data["client_id"] = body["client_id"]
        if verdict.error is not None:
            return web.json_response({"error": verdict.error, "node_errors": verdict.node_errors}, status=400)
        if self.version.rewrites_extra_data:
            for key in SECRET_EXTRA_DATA:
                extra_data.pop(key, None)
            extra_data["create_time"] = int(time.time() * 1000)
        self.queue.put((number, prompt_id, prompt, extra_data, verdict.outputs))
        return web.json_response({"prompt_id": prompt_id, "number": number, "node_errors": verdict.node_errors})

    def _next_number(self, body: Any) -> float:
        if "number" in body:
            return float(body["number"])
        number = self.number
        self.number += 1
        return -number if "front" in body and body["front"] else number  # noqa: RUF019 - the body may be a list

    def _prompt_id(self, body: Any) -> str | None:
        """Return the id of a submit: the client's or a new one, or None if a newer version refuses the client's."""
        if not self.version.requires_uuids:
            return str(body.get("prompt_id", uuid.uuid4()))
        given = body.get("prompt_id")
        if given is None:
            return str(uuid.uuid4())
        return given if is_job_id(given) else None

    def _verdict(self, prompt: Any, targets: Any) -> Verdict:
        if self.version.replaces_nodes:
            apply_replacements(prompt, self.catalogue)
        is_input = partial(input_exists, self.storage)
        return validate_prompt(prompt, targets, is_input, self.version, self.catalogue)

    async def get_queue(self, _: web.Request) -> web.Response:
        """The running and waiting prompts of all clients."""
        running, pending = self.queue.listing()
        return web.json_response({"queue_running": running, "queue_pending": pending})

    async def post_queue(self, request: web.Request) -> web.Response:
        """`clear` drops all pending jobs, `delete` one pending job per id."""
        body = await request.json()
        if _said(body, "clear", False):
            self.queue.clear()
        for prompt_id in _said(body, "delete", []):
            self.queue.delete(prompt_id)
        return web.Response()

    async def get_history(self, request: web.Request) -> web.Response:
        """Return all entries, or a part by `max_items` and `offset`."""
        query = request.rel_url.query
        max_items = int(query["max_items"]) if "max_items" in query else None
        offset = int(query["offset"]) if "offset" in query else -1
        return web.json_response(self.queue.history(max_items, offset))

    async def get_history_of(self, request: web.Request) -> web.Response:
        """One entry, or `{}`."""
        return web.json_response(self.queue.history_of(request.match_info["prompt_id"]))

    async def post_history(self, request: web.Request) -> web.Response:
        """`clear` deletes the whole history, `delete` the given ids."""
        body = await request.json()
        if _said(body, "clear", False):
            self.queue.clear_history()
        for prompt_id in _said(body, "delete", []):
            self.queue.delete_history(prompt_id)
        return web.Response()

    async def post_interrupt(self, request: web.Request) -> web.Response:
        """Interrupt the job of the prompt_id, if it runs now; without one, any running job."""
        try:
            body = await request.json()
        except json.JSONDecodeError:
            body = {}
        prompt_id = body.get("prompt_id")
        if not prompt_id:
            self.executor.interrupt()
        else:
            self.queue.interrupt_running(prompt_id, self.executor.interrupt)
        return web.Response()

    async def post_free(self, request: web.Request) -> web.Response:
        """`free_memory` drops the output cache; there are no models to unload."""
        body = await request.json()
        if body.get("free_memory", False):
            self.queue.want_cache_drop()
        return web.Response()


def _said(body: Any, key: str, default: Any) -> Any:
    """Return the value of a key. Lists and strings have no keys: they fail here, or not, as in the real server."""
    return body[key] if key in body else default  # noqa: SIM401 - `get` is for objects only


def is_job_id(value: object) -> bool:
    """Whether it is a UUID as newer versions require one: with hyphens and in lower case."""
    try:
        return isinstance(value, str) and str(uuid.UUID(value)) == value
    except ValueError:
        return False


def _refused(kind: str, message: str, details: str = "") -> web.Response:
    error = {"type": kind, "message": message, "details": details, "extra_info": {}}
    return web.json_response({"error": error, "node_errors": {}}, status=400)


async def _cut(request: web.Request) -> web.StreamResponse:
    """Close the connection without a byte of an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
