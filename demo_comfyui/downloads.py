"""Downloads of models as in newer servers: each is a task that writes a small file.

Nothing is fetched: the address only gives the file its name. Downloads of one name fail.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from aiohttp import web

from demo_comfyui.catalogue import add_model
from demo_comfyui.model.prompt_server import PromptServer
from demo_comfyui.sockets import Socket
from wire.downloads import DOWNLOAD, TASKS

STEPS = 20
STEP_BYTES = 100_000
FAILING = "never.safetensors"
ENDED = ("completed", "failed")
_EMPTY = b"\x08\x00\x00\x00\x00\x00\x00\x00{}      "  # the header of a file without tensors


@dataclass
class _Task:
    source: str
    folder: str
    task_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "created"
    done: int = 0
    error: str = ""
    work: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        return unquote(urlsplit(self.source).path.rpartition("/")[2])

    @property
    def total(self) -> int:
        return STEPS * STEP_BYTES


class Downloads:
    """The downloads of one server."""

    def __init__(self, folder: Path, server: PromptServer[Socket], step_seconds: float) -> None:
        self._folder = folder
        self._server = server
        self._step_seconds = step_seconds
        self._tasks: dict[str, _Task] = {}
        for path in sorted(folder.glob("*/*.safetensors")):
            add_model(server.catalogue, path.parent.name, path.name)

    def table(self) -> list[web.RouteDef]:
        """The routes, which exist only below /api."""
        return [
            web.post(DOWNLOAD, self.start),
            web.get(f"{TASKS}/{{task_id}}", self.show),
            web.delete(f"{TASKS}/{{task_id}}", self.cancel),
        ]

    async def start(self, request: web.Request) -> web.Response:
        """Start a download: 202 with its task, or 201 if the file exists."""
        body = await request.json()
        task = _Task(body["source_url"], body["tags"][1])
        path = self._folder / task.folder / task.name
        if path.exists():
            return web.json_response({"id": str(uuid.uuid4()), "name": task.name, "tags": body["tags"]}, status=201)
        self._tasks[task.task_id] = task
        task.work = asyncio.create_task(self._download(task, path))
        return web.json_response({"task_id": task.task_id, "status": task.status}, status=202)

    async def show(self, request: web.Request) -> web.Response:
        """Return one task, or 404."""
        task = self._tasks.get(request.match_info["task_id"])
        return _missing() if task is None else web.json_response(_describe(task))

    async def cancel(self, request: web.Request) -> web.Response:
        """End a task and remove what it has written."""
        task = self._tasks.get(request.match_info["task_id"])
        if task is None or task.work is None:
            return _missing()
        if task.status not in ENDED:
            task.work.cancel()
            self._end(task, "Cancelled")
        return web.json_response({"cancelled": True})

    async def _download(self, task: _Task, path: Path) -> None:
        task.status = "running"
        while task.done < task.total:
            await asyncio.sleep(self._step_seconds)
            task.done += STEP_BYTES
            if task.name == FAILING and task.done > task.total // 2:
                self._end(task, "404 Not Found: the file is not there")
                return
            self._report(task)
        await asyncio.to_thread(_write, path, task.total)
        add_model(self._server.catalogue, task.folder, task.name)
        task.status = "completed"
        self._report(task)

    def _end(self, task: _Task, error: str) -> None:
        task.status, task.error = "failed", error
        self._report(task)

    def _report(self, task: _Task) -> None:
        """Send the event to every socket."""
        facts = {
            "task_id": task.task_id,
            "asset_name": task.name,
            "bytes_total": task.total,
            "bytes_downloaded": task.done,
            "progress": 100 * task.done / task.total,
            "status": task.status,
        }
        self._server.post("asset_download", facts | ({"error": task.error} if task.error else {}))


def _write(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_EMPTY.ljust(size, b"\0"))


def _missing() -> web.Response:
    return web.json_response({"error": "Task not found"}, status=404)


def _describe(task: _Task) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return {
        "id": task.task_id,
        "idempotency_key": task.task_id,
        "task_name": "task:download_file",
        "payload": {"source_url": task.source, "tags": ["models", task.folder]},
        "status": task.status,
        "result": {
            "success": task.status == "completed",
            "filename": task.name,
            "bytes_downloaded": task.done,
            "bytes_total": task.total,
        },
        **({"error_message": task.error} if task.error else {}),
        "create_time": now,
        "update_time": now,
    }
