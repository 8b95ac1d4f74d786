"""A web site with the real editor: its static files, and the few answers that it needs from a server.

The editor is `comfyui-frontend-package` as it is on PyPI. The site adds a node catalogue, empty answers to the other
requests at start, and a socket that sends nothing. Everything is on loopback.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.kit.gateways import serve_all

_SETTINGS = {
    "Comfy.TutorialCompleted": True,
    "Comfy.Workflow.Persist": False,
    "Use Everywhere.Options.always_modify_graph": True,  # also where nothing is run
}
_ANSWERS: dict[str, Any] = {
    "system_stats": {
        "system": {"os": "posix", "comfyui_version": "0.3.64", "python_version": "3", "argv": [], "ram_total": 1},
        "devices": [],
    },
    "users": {"storage": "server", "migrated": False},
    "settings": _SETTINGS,
    "features": {"supports_preview_metadata": True},
    "prompt": {"exec_info": {"queue_remaining": 0}},
    "queue": {"queue_running": [], "queue_pending": []},
    "jobs": {"jobs": [], "pagination": {"offset": 0, "limit": 0, "total": 0, "has_more": False}},
    **{path: {} for path in ("i18n", "history", "node_replacements", "workflow_templates", "global_subgraphs")},
    **{path: [] for path in ("extensions", "embeddings", "userdata", "models", "experiment/models")},
}


def package_files(package: str, folder: str) -> Path:
    """Return a folder of an installed package's files."""
    spec = find_spec(package)
    assert spec is not None and spec.origin is not None, f"{package} is not installed: run python3 -m tests"
    return Path(spec.origin).parent / folder


class EditorSite:
    """The site with this catalogue, the editor's files from a folder, and scripts of packs of nodes."""

    def __init__(self, object_info: str, static: Path | None = None, scripts: Sequence[Path] = ()) -> None:
        self._object_info = object_info
        self._scripts = list(scripts)
        folders = dict.fromkeys(script.parent for script in self._scripts)
        self._places = {folder: f"/extensions/{number}" for number, folder in enumerate(folders)}
        self.static = static or package_files("comfyui_frontend_package", "static")

    def app(self) -> web.Application:
        """The web application."""
        app = web.Application()
        app.router.add_get("/ws", self._socket)
        app.router.add_route("*", "/api/{path:.*}", self._answer)
        for folder, place in self._places.items():
            app.router.add_static(place, folder)
            if (common := folder.parent / "common").is_dir():  # of rgthree's pack
                app.router.add_static("/rgthree/common", common)
                config = (folder.parent.parent / "rgthree_config.json.default").read_text("utf-8")
                app.router.add_get("/rgthree/config.js", _script(f"export const rgthreeConfig = {config};"))
        app.router.add_get("/{path:.*}", self.file)
        return app

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json(
            {"type": "status", "data": {"status": {"exec_info": {"queue_remaining": 0}}, "sid": "1"}}
        )
        async for _ in socket:
            pass
        return socket

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        if path == "object_info":
            return web.Response(text=self._object_info, content_type="application/json")
        if path == "extensions":
            return web.json_response([f"{self._places[script.parent]}/{script.name}" for script in self._scripts])
        if path == "ws":
            return await self._socket(request)
        if request.method != "GET":
            return web.json_response({})
        return web.json_response(_ANSWERS[path]) if path in _ANSWERS else web.Response(status=404)

    async def file(self, request: web.Request) -> web.StreamResponse:
        """A file of the editor."""
        path = (self.static / (request.match_info["path"] or "index.html")).resolve()
        if not path.is_relative_to(self.static) or not path.is_file():
            return web.Response(status=404)
        return web.FileResponse(path)


def _script(text: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=text, content_type="text/javascript")

    return answer


@contextlib.asynccontextmanager
async def serve_editor(object_info: str, scripts: Sequence[Path] = ()) -> AsyncIterator[str]:
    """Serve a site with this catalogue, and yield its address."""
    async with serve_site(EditorSite(object_info, scripts=scripts)) as address:
        yield address


@contextlib.asynccontextmanager
async def serve_site(editor: EditorSite) -> AsyncIterator[str]:
    """Serve such a site, and yield its address."""
    async with serve_all(editor.app()) as url:
        yield f"{url}/"
