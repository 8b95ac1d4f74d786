"""The routes of the one user that a server without --multi-user has: /users, /settings, /userdata.

Both are files below user/, so that they outlive a restart, as in the real server.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from demo_comfyui.model.description import ONLY_USER


@dataclass(slots=True)
class UserRoutes:
    """Handlers over the folder `root`."""

    root: Path

    def table(self) -> list[web.RouteDef]:
        """The routes, without the /api twins."""
        return [
            web.get("/users", self.users),
            web.get("/settings", self.get_settings),
            web.post("/settings", self.post_settings),
            web.get("/settings/{key}", self.get_setting),
            web.post("/settings/{key}", self.post_setting),
            web.get("/userdata", self.list_files),
            web.get("/userdata/{file}", self.get_file),
            web.post("/userdata/{file}", self.post_file),
            web.delete("/userdata/{file}", self.delete_file),
        ]

    async def users(self, _: web.Request) -> web.Response:
        """Report that there are no separate users."""
        return web.json_response(ONLY_USER)

    async def get_settings(self, _: web.Request) -> web.Response:
        return web.json_response(self._settings())

    async def post_settings(self, request: web.Request) -> web.Response:
        """Change the given settings."""
        self._save_settings({**self._settings(), **await request.json()})
        return web.Response()

    async def get_setting(self, request: web.Request) -> web.Response:
        """One setting, or null."""
        return web.json_response(self._settings().get(request.match_info["key"]))

    async def post_setting(self, request: web.Request) -> web.Response:
        """Change one setting."""
        self._save_settings({**self._settings(), request.match_info["key"]: await request.json()})
        return web.Response()

    async def list_files(self, request: web.Request) -> web.Response:
        """The files below one folder, as names or with size and times."""
        query = request.rel_url.query
        folder = self._path(query["dir"]) if query.get("dir") else None
        if folder is None:
            return web.Response(status=400, text="Directory not provided")
        if not folder.is_dir():
            return web.Response(status=404, text="Directory not found")
        found = folder.rglob("*") if query.get("recurse") == "true" else folder.glob("*")
        files = sorted(path for path in found if path.is_file())
        whole = query.get("full_info") == "true"
        names = [path.relative_to(folder).as_posix() for path in files]
        listing = [_info(path, name) if whole else name for path, name in zip(files, names, strict=True)]
        return web.json_response(listing)

    async def get_file(self, request: web.Request) -> web.StreamResponse:
        path = self._path(request.match_info["file"])
        if path is None:
            return web.Response(status=403)
        return web.FileResponse(path) if path.is_file() else web.Response(status=404)

    async def post_file(self, request: web.Request) -> web.Response:
        """Write a file; with `overwrite=false` only if there is none yet (409)."""
        name = request.match_info["file"]
        path = self._path(name)
        if path is None:
            return web.Response(status=403)
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = "xb" if request.rel_url.query.get("overwrite", "true") == "false" else "wb"
        body = await request.read()
        try:
            with path.open(mode) as file:
                file.write(body)
        except FileExistsError:
            return web.Response(status=409, text="File already exists")
        whole = request.rel_url.query.get("full_info") == "true"
        return web.json_response(_info(path, name) if whole else name)

    async def delete_file(self, request: web.Request) -> web.Response:
        path = self._path(request.match_info["file"])
        if path is None:
            return web.Response(status=403)
        if not path.is_file():
            return web.Response(status=404)
        path.unlink()
        return web.Response(status=204)

    def _path(self, name: str) -> Path | None:
        """Return the path of `name`, or None if it would be outside."""
        root = (self.root / "default").resolve()
        path = (root / name).resolve()
        return path if path.is_relative_to(root) else None

    def _settings(self) -> dict[str, Any]:
        path = self.root / "comfy.settings.json"
        settings: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
        return settings

    def _save_settings(self, settings: dict[str, Any]) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        (self.root / "comfy.settings.json").write_text(json.dumps(settings, indent=4), "utf-8")


def _info(path: Path, name: str) -> dict[str, Any]:
    stat = path.stat()
    return {"path": name, "size": stat.st_size, "modified": stat.st_mtime, "created": stat.st_ctime}
