"""The routes about the server: system, features, node catalogue, internals."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from demo_comfyui.model.description import Machine, features, system_stats
from demo_comfyui.model.replacements import REPLACEMENTS
from demo_comfyui.routes_models import ModelRoutes
from demo_comfyui.settings import Settings
from demo_comfyui.storage import Storage
from wire.system_stats import DEMO_MARK

TOTAL_MEMORY, FREE_MEMORY = 32 * 1024**3, 24 * 1024**3
"""Bytes that a demo server says it has: it needs none, and only some systems say."""


def features_of(settings: Settings) -> dict[str, Any]:
    """Return what this server can do."""
    return features(settings.version, settings.max_upload_bytes, assets=settings.assets, downloads=settings.downloads)


def machine_of(settings: Settings) -> Machine:
    """Return this machine, or one with Windows for a server with its paths."""
    platform, name = ("win32", "nt") if settings.version.separator == "\\" else (sys.platform, os.name)
    argv = ("demo_comfyui", DEMO_MARK, *settings.argv)
    return Machine(platform, name, sys.version, "none (demo)", argv, TOTAL_MEMORY, FREE_MEMORY)


@dataclass(slots=True)
class InfoRoutes:
    """Handlers that only read."""

    settings: Settings
    storage: Storage
    started: float

    def table(self) -> list[web.RouteDef]:
        """The routes, without the /api twins."""
        return [
            web.get("/system_stats", self.system_stats),
            web.get("/features", self.features),
            web.get("/object_info", self.object_info),
            web.get("/object_info/{node_class}", self.object_info_of),
            *([web.get("/node_replacements", self.node_replacements)] if self.settings.version.replaces_nodes else []),
            *ModelRoutes(self.settings).table(),
            web.get("/embeddings", _empty_list),
            web.get("/extensions", _empty_list),
            web.get("/workflow_templates", _empty_object),
            web.get("/i18n", _empty_object),
        ]

    def internal_table(self) -> list[web.RouteDef]:
        """Routes that have no /api twin."""
        return [
            web.get("/internal/logs", self.logs),
            web.get("/internal/files/{kind}", self.files),
        ]

    async def system_stats(self, _: web.Request) -> web.Response:
        """Machine and version. `DEMO_MARK` in argv shows that this is no real ComfyUI."""
        return web.json_response(system_stats(self.settings.version, machine_of(self.settings)))

    async def features(self, _: web.Request) -> web.Response:
        return web.json_response(features_of(self.settings))

    async def node_replacements(self, _: web.Request) -> web.Response:
        """Answer with the replaced node classes and their replacements."""
        return web.json_response(REPLACEMENTS)

    async def object_info(self, _: web.Request) -> web.Response:
        catalogue, images = self.settings.catalogue, self.storage.input_images()
        return web.json_response({name: catalogue.describe(name, images) for name in catalogue})

    async def object_info_of(self, request: web.Request) -> web.Response:
        """One node class, or `{}`."""
        catalogue, name = self.settings.catalogue, request.match_info["node_class"]
        known = name in catalogue
        return web.json_response({name: catalogue.describe(name, self.storage.input_images())} if known else {})

    async def logs(self, _: web.Request) -> web.Response:
        """A log, as one JSON string."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(self.started))
        return web.json_response(
            f"{stamp} - Demo server without a model, speaking ComfyUI {self.settings.version.number}\n"
        )

    async def files(self, request: web.Request) -> web.Response:
        """The file names of one folder, newest first."""
        try:
            folder = self.storage.folder(request.match_info["kind"])
        except KeyError:
            return web.json_response({"error": "Invalid directory type"}, status=400)
        files = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
        files.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        return web.json_response([path.name for path in files])


async def _empty_list(_: web.Request) -> web.Response:
    return web.json_response([])


async def _empty_object(_: web.Request) -> web.Response:
    return web.json_response({})
