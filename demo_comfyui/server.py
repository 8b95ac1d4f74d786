"""One demo server: its routes, each also under /api, its worker, and its shutdown."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
import time
import uuid
from contextlib import suppress
from functools import partial
from pathlib import Path

from aiohttp import web

from demo_comfyui.downloads import Downloads
from demo_comfyui.executor import Executor
from demo_comfyui.faults import Faults
from demo_comfyui.guard import admit_origin, guard_origin
from demo_comfyui.model.catalogue import LOADERS
from demo_comfyui.model.prompt_server import PromptServer, Surroundings
from demo_comfyui.nodes.files import file_mark, input_exists
from demo_comfyui.routes_faults import FaultRoutes, fault_middleware
from demo_comfyui.routes_files import FileRoutes
from demo_comfyui.routes_info import InfoRoutes, features_of
from demo_comfyui.routes_user import UserRoutes
from demo_comfyui.routes_work import WorkRoutes
from demo_comfyui.settings import Settings
from demo_comfyui.sockets import SocketHub
from demo_comfyui.storage import Storage

log = logging.getLogger(__name__)

WEB_FILES = Path(__file__).parent / "web"
GOODBYE_SECONDS = 0.2
"""How long open requests may still take at shutdown."""
RESTART_SECONDS = 0.05
"""How long the answer to `restart` may take before the server ends."""


class DemoServer:
    """One server. `run` returns when it was asked to end: by a signal, or by the end of its standard input."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self._faults = Faults()
        self._storage = Storage(settings.data, settings.version.separator)
        self._hub = SocketHub(self._faults)
        self._server = PromptServer(
            settings.version,
            settings.catalogue,
            features_of(settings),
            Surroundings(
                clients=self._hub.clients,
                deliver=self._hub.deliver,
                now_ms=lambda: int(time.time() * 1000),
                new_id=lambda: str(uuid.uuid4()),
                is_input=partial(input_exists, self._storage),
                fingerprints=dict.fromkeys(LOADERS, partial(file_mark, self._storage)),
            ),
        )
        self._executor = Executor(self._server, self._storage, settings, self._faults)
        self._restarts = False

    async def run(self) -> bool:
        """Serve until asked to end; return True if another one should follow in this process."""
        runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=GOODBYE_SECONDS)
        await runner.setup()
        await web.TCPSite(runner, self._settings.host, self._settings.port).start()
        self._executor.start()
        publisher = asyncio.create_task(self._hub.publish())
        self._listen_for_the_end()
        sys.stdout.write(f"demo-comfyui ready {self._address()}\n")
        sys.stdout.flush()
        await self._ended.wait()
        self._executor.abandon()
        publisher.cancel()
        with suppress(asyncio.CancelledError):
            await publisher
        self._hub.drop_all()
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(runner.cleanup(), 2 * GOODBYE_SECONDS)
        self._storage.clean_temp()
        return self._restarts

    def _app(self) -> web.Application:
        settings, version = self._settings, self._settings.version
        guard = admit_origin(settings.cors) if settings.cors else guard_origin(version)
        app = web.Application(
            client_max_size=settings.max_upload_bytes, middlewares=[fault_middleware(self._faults), guard]
        )
        info = InfoRoutes(settings, self._storage, time.time())
        files = FileRoutes(self._storage, version, settings.assets)
        twins = [
            *WorkRoutes(self._server, self._executor, self._hub, self._faults).table(),
            *files.table(),
            *UserRoutes(settings.data / "user").table(),
            *info.table(),
        ]
        app.add_routes(twins)
        app.add_routes([web.route(route.method, f"/api{route.path}", route.handler) for route in twins])
        app.add_routes([*info.internal_table(), *files.asset_table()])
        if settings.downloads:
            folder = settings.data / "models"
            app.add_routes(Downloads(folder, self._server, settings.step_seconds).table())
        if settings.faults:
            app.add_routes(FaultRoutes(self._faults, self._hub, self._executor, self._restart).table())
        app.add_routes([web.get("/", _index), web.get("/api/", _index), web.static("/", WEB_FILES)])
        return app

    def _address(self) -> str:
        return f"http://{self._settings.host}:{self._settings.port}"

    def _restart(self) -> None:
        self._restarts = True
        self._loop.call_later(RESTART_SECONDS, self._ended.set)

    def _listen_for_the_end(self) -> None:
        for number in {signal.SIGTERM, signal.SIGINT, getattr(signal, "SIGBREAK", signal.SIGINT)}:  # the last: Windows
            signal.signal(number, self._end)  # as some event loops have no signal handlers
        if self._settings.until_eof:
            threading.Thread(target=self._watch_input, name="stdin-watch", daemon=True).start()

    def _watch_input(self) -> None:
        while os.read(0, 4096):
            pass
        self._end()

    def _end(self, *_: object) -> None:
        """End from a signal handler or another thread; a server that has restarted is a newer one's matter."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._ended.set)


async def _index(_: web.Request) -> web.FileResponse:
    return web.FileResponse(WEB_FILES / "index.html", headers={"Cache-Control": "no-cache"})
