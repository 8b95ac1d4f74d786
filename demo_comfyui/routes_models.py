"""The routes about models: names, pictures and metadata, by folder."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from demo_comfyui.models import MODELS, MODIFIED, Model, find, picture_of
from demo_comfyui.settings import Settings
from wire.model_files import NO_MODELS

_ENDINGS = (".bin", ".ckpt", ".pkl", ".pt", ".pt2", ".pth", ".safetensors", ".sft")


@dataclass(frozen=True, slots=True)
class ModelRoutes:
    """Handlers that list and describe models. Each server lists and accepts its own spelling."""

    settings: Settings

    def table(self) -> list[web.RouteDef]:
        """The routes, without the /api twins."""
        return [
            web.get("/models", self.folders),
            web.get("/models/{folder}", self.names),
            web.get("/experiment/models", self.directories),
            web.get("/experiment/models/{folder}", self.models),
            web.get("/experiment/models/preview/{folder}/{path_index}/{filename:.*}", self.preview),
            web.get("/view_metadata/{folder}", self.metadata),
        ]

    async def folders(self, _: web.Request) -> web.Response:
        return web.json_response(self.settings.version.model_folders)

    async def names(self, request: web.Request) -> web.Response:
        """The names of one folder, or 404 for a folder that does not exist."""
        folder = request.match_info["folder"]
        if not self._has(folder):
            return web.Response(status=404)
        return web.json_response([self._spell(model) for model in MODELS.get(folder, ())])

    async def directories(self, _: web.Request) -> web.Response:
        """Where the folders are on this machine."""
        version = self.settings.version
        more: dict[str, Any] = {"extensions": _ENDINGS} if version.lists_endings else {}
        shown = [folder for folder in version.model_folders if folder not in NO_MODELS]
        base = self.settings.data / "models"
        return web.json_response([{"name": folder, "folders": [str(base / folder)], **more} for folder in shown])

    async def models(self, request: web.Request) -> web.Response:
        """The files of one folder with their sizes."""
        folder = request.match_info["folder"]
        if not self._has(folder):
            return web.Response(status=404)
        return web.json_response(
            [
                {
                    "name": self._spell(model),
                    "pathIndex": 0,
                    "modified": MODIFIED,
                    "created": MODIFIED,
                    "size": model.size,
                }
                for model in MODELS.get(folder, ())
            ]
        )

    async def preview(self, request: web.Request) -> web.Response:
        """The picture beside a model, or 404."""
        folder, index, name = (request.match_info[key] for key in ("folder", "path_index", "filename"))
        if self.settings.version.checks_model_paths:
            if not self._has(folder):
                return web.Response(status=404)
            if not name or not index.removeprefix("-").isdecimal():
                return web.Response(status=400)
            if int(index) != 0:
                return web.Response(status=404)
            if ".." in name.split("/"):
                return web.Response(status=403)
        elif int(index) != 0:  # 0.3.64 fails in the same way if it is not a number
            return web.Response(status=404)
        model = find(folder, self._plain(name))
        picture = await asyncio.to_thread(picture_of, model) if model is not None else b""
        return web.Response(body=picture, content_type="image/webp") if picture else web.Response(status=404)

    async def metadata(self, request: web.Request) -> web.Response:
        """The metadata of a model, or 404."""
        model = find(request.match_info["folder"], self._plain(request.query.get("filename", "")))
        return web.json_response(dict(model.metadata)) if model and model.metadata else web.Response(status=404)

    def _has(self, folder: str) -> bool:
        return folder in self.settings.version.model_folders

    def _spell(self, model: Model) -> str:
        return model.name.replace("/", self.settings.version.separator)

    def _plain(self, name: str) -> str:
        """Return a name in this server's spelling as `MODELS` spells it; empty for another spelling."""
        separator = self.settings.version.separator
        return name.replace(separator, "/") if separator == "/" or "/" not in name else ""
