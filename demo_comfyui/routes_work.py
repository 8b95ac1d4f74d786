"""The routes of work: /prompt, /queue, /history, /interrupt, /free, the jobs API, and the socket /ws."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from demo_comfyui.executor import Executor
from demo_comfyui.faults import Faults, NextSubmit
from demo_comfyui.model.prompt_server import PromptServer, refused
from demo_comfyui.model.reply import Reply
from demo_comfyui.model.validation import error_of
from demo_comfyui.sockets import Socket, SocketHub


@dataclass(slots=True)
class WorkRoutes:
    """Handlers over one server of the model."""

    server: PromptServer[Socket]
    executor: Executor
    hub: SocketHub
    faults: Faults

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
            *(self._jobs_table() if self.server.version.has_jobs else ()),
        ]

    def _jobs_table(self) -> list[web.RouteDef]:
        """The routes of the jobs API: they begin with /api, and have twins too."""
        return [
            web.get("/api/jobs", self.get_jobs),
            web.post("/api/jobs/cancel", self.cancel_jobs),
            web.get("/api/jobs/{prompt_id}", self.get_job),
            web.post("/api/jobs/{prompt_id}/cancel", self.cancel_job),
        ]

    async def socket(self, request: web.Request) -> web.StreamResponse:
        """Run one WebSocket."""
        if self.faults.refuse_sockets:
            return web.Response(status=403)
        return await self.hub.serve(request, self.server)

    async def get_prompt(self, _: web.Request) -> web.Response:
        return web.json_response(self.server.info())

    async def post_prompt(self, request: web.Request) -> web.StreamResponse:
        """Queue a prompt, unless a fault changes that."""
        body = await request.json()
        fault = self.faults.pop_next_submit()
        match fault:
            case NextSubmit.REFUSE:
                return _answer(refused(error_of("demo_refused", "Refused on command", "")))
            case NextSubmit.UNSENT:
                return await _cut(request)
            case NextSubmit.HOLD:
                await self.faults.hold()
                if request.transport is None or request.transport.is_closing():
                    return await _cut(request)
        answer = self._submit(body)
        match fault:
            case NextSubmit.QUEUED_THEN_500:
                raise web.HTTPInternalServerError(text="500 Internal Server Error\n\nServer got itself in trouble")
            case NextSubmit.LOST:
                return await _cut(request)
            case NextSubmit.SILENCE:
                await asyncio.Event().wait()
        return answer

    def _submit(self, body: Any) -> web.Response:
        try:
            return _answer(self.server.submit(body))
        finally:
            self.executor.wake()

    async def get_queue(self, _: web.Request) -> web.Response:
        """The running and waiting prompts of all clients."""
        return web.json_response(self.server.jobs.listing())

    async def post_queue(self, request: web.Request) -> web.Response:
        return _answer(self.server.change_queue(await request.json()))

    async def get_history(self, request: web.Request) -> web.Response:
        return _answer(self.server.history(request.rel_url.query))

    async def get_history_of(self, request: web.Request) -> web.Response:
        return web.json_response(self.server.jobs.entry(request.match_info["prompt_id"]))

    async def post_history(self, request: web.Request) -> web.Response:
        return _answer(self.server.change_history(await request.json()))

    async def post_interrupt(self, request: web.Request) -> web.Response:
        return _answer(self.server.interrupt(await request.read()))

    async def post_free(self, request: web.Request) -> web.Response:
        return _answer(self.server.free(await request.json()))

    async def get_jobs(self, request: web.Request) -> web.Response:
        return _answer(self.server.jobs_api.all(request.rel_url.query))

    async def get_job(self, request: web.Request) -> web.Response:
        return _answer(self.server.jobs_api.one(request.match_info["prompt_id"]))

    async def cancel_job(self, request: web.Request) -> web.Response:
        return _answer(self.server.jobs_api.cancel(request.match_info["prompt_id"]))

    async def cancel_jobs(self, request: web.Request) -> web.Response:
        return _answer(self.server.jobs_api.cancel_all(await request.read()))


def _answer(reply: Reply) -> web.Response:
    if reply.value is None:
        return web.Response(status=reply.status)
    return web.json_response(reply.value, status=reply.status)


async def _cut(request: web.Request) -> web.StreamResponse:
    """Close the connection without a byte of an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
