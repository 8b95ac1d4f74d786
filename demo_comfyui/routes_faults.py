"""The route /demo/faults, and the middleware by which delays and hangs reach every other route."""

from __future__ import annotations

import json
import os
import urllib.parse
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.typedefs import Middleware

from demo_comfyui.executor import Executor
from demo_comfyui.faults import BadFault, Faults
from demo_comfyui.guard import Handler, is_loopback
from demo_comfyui.sockets import SocketHub

PATH = "/demo/faults"


@dataclass(slots=True)
class FaultRoutes:
    """The routes of the faults; `restart` is called after the answer was written."""

    faults: Faults
    hub: SocketHub
    executor: Executor
    restart: Callable[[], None]
    boot: str = field(default_factory=lambda: uuid.uuid4().hex)

    def table(self) -> list[web.RouteDef]:
        """The routes; they have no /api twin."""
        return [web.get(PATH, self.get), web.post(PATH, self.post)]

    async def get(self, request: web.Request) -> web.Response:
        """The state of the faults."""
        await _check(request)
        return self._state()

    async def post(self, request: web.Request) -> web.Response:
        """Change the faults; an unknown fault is answered 400 with a message."""
        await _check(request)
        try:
            actions = self.faults.apply(json.loads(await request.read()))
        except (json.JSONDecodeError, UnicodeDecodeError):
            return web.json_response({"error": "the body must be JSON"}, status=400)
        except BadFault as error:
            return web.json_response({"error": str(error)}, status=400)
        self.executor.wake()
        if "drop_sockets" in actions:
            self.hub.drop_all()
        if "restart" in actions:
            self.restart()
        return self._state()

    def _state(self) -> web.Response:
        return web.json_response(
            {
                "faults": self.faults.state(),
                "pid": os.getpid(),
                "boot": self.boot,
                "submits": self.faults.submits,
                "holding": self.faults.holding,
                "sockets": self.hub.describe(),
            }
        )


def fault_middleware(faults: Faults) -> Middleware:
    """Return a middleware that delays every answer, except those of /demo/faults, as the faults say."""

    @web.middleware
    async def wait_for_faults(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path != PATH:
            await faults.pause()
        return await handler(request)

    return wait_for_faults


async def _check(request: web.Request) -> None:
    host = urllib.parse.urlsplit(f"//{request.headers.get('Host', '')}").hostname
    if "Origin" in request.headers or not await is_loopback(host):
        raise web.HTTPForbidden
