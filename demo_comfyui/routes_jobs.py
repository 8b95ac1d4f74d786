"""The jobs API of newer servers, over the same queue and history: only below /api, and only with `--jobs`.

Written after what is known of 0.38.1 (`docs/comfyui.md` 9), which was read and not run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from demo_comfyui.executor import Executor
from demo_comfyui.prompt_queue import Item, PromptQueue


@dataclass(slots=True)
class JobRoutes:
    """Handlers over one queue and one executor."""

    queue: PromptQueue
    executor: Executor

    def table(self) -> list[web.RouteDef]:
        """The routes as they are; they have no twin."""
        return [
            web.get("/api/jobs", self.get_all),
            web.get("/api/jobs/{prompt_id}", self.get_one),
            web.post("/api/jobs/{prompt_id}/cancel", self.cancel),
        ]

    async def get_all(self, _: web.Request) -> web.Response:
        """Every job, the running ones first."""
        running, pending = self.queue.listing()
        jobs = [_job(item, "in_progress") for item in running] + [_job(item, "pending") for item in sorted(pending)]
        jobs += [_ended(entry) for entry in self.queue.history().values()]
        pagination = {"offset": 0, "limit": None, "total": len(jobs), "has_more": False}
        return web.json_response({"jobs": jobs, "pagination": pagination})

    async def get_one(self, request: web.Request) -> web.Response:
        """One job, or 404."""
        prompt_id = request.match_info["prompt_id"]
        running, pending = self.queue.listing()
        for items, status in ((running, "in_progress"), (pending, "pending")):
            for item in items:
                if item[1] == prompt_id:
                    return web.json_response(_job(item, status))
        entry = self.queue.history_of(prompt_id).get(prompt_id)
        if entry is None:
            return web.json_response({"error": "Job not found"}, status=404)
        return web.json_response({**_ended(entry), "outputs": entry["outputs"], "execution_status": entry["status"]})

    async def cancel(self, request: web.Request) -> web.Response:
        """Remove a waiting job, interrupt a running one; do nothing otherwise."""
        prompt_id = request.match_info["prompt_id"]
        if self.queue.is_running(prompt_id):
            self.executor.interrupt()
            return web.json_response({"cancelled": True})
        was_pending = any(item[1] == prompt_id for item in self.queue.listing()[1])
        self.queue.delete(prompt_id)
        return web.json_response({"cancelled": was_pending})


def _job(item: Item, status: str) -> dict[str, Any]:
    return {"id": item[1], "status": status, "priority": item[0], "outputs_count": 0}


def _ended(entry: dict[str, Any]) -> dict[str, Any]:
    status = "completed" if entry["status"]["completed"] else "failed"
    if any(message[0] == "execution_interrupted" for message in entry["status"]["messages"]):
        status = "cancelled"
    count = sum(
        len(files) for shown in entry["outputs"].values() for files in shown.values() if isinstance(files, list)
    )
    return {**_job(entry["prompt"], status), "outputs_count": count}
