"""The jobs API of newer versions (docs/comfyui.md 9), over the queue and the history."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.simulation.server.exchange import Answer, json_answer, not_allowed
from tests.simulation.server.jobs import Jobs

STATES = ("pending", "in_progress", "completed", "failed", "cancelled")


@dataclass
class JobsApi:
    """The routes below /api/jobs; `interrupt` stops the running job."""

    jobs: Jobs
    interrupt: Callable[[], None]

    def answer(self, method: str, parts: list[str], query: Mapping[str, str], body: bytes) -> Answer:
        """Answer a request; `parts` are those of the path after `jobs`."""
        match method, parts:
            case "GET", []:
                return self._list(query)
            case "GET", [prompt_id]:
                found = self._one(prompt_id)
                return json_answer({"error": "Job not found"}, 404) if found is None else json_answer(found)
            case "POST", ["cancel"]:
                return self._cancel_all(json.loads(body))
            case "POST", [prompt_id, "cancel"]:
                return json_answer({"cancelled": self._cancel(prompt_id)})
            case _:
                return not_allowed()

    def _list(self, query: Mapping[str, str]) -> Answer:
        wanted = [state for state in query.get("status", "").split(",") if state]
        unknown = [state for state in wanted if state not in STATES]
        if unknown:
            message = f"Invalid status value(s): {', '.join(unknown)}. Valid values: {', '.join(STATES)}"
            return json_answer({"error": message}, 400)
        jobs = [*self._active(), *(_ended(entry) for entry in self.jobs.history.values())]
        jobs = [job for job in jobs if job["status"] in (wanted or STATES)]
        jobs.sort(key=lambda job: job["create_time"], reverse=query.get("sort_order", "desc") == "desc")
        offset, limit = int(query.get("offset", 0)), int(query["limit"]) if "limit" in query else None
        shown = jobs[offset:][:limit]
        has_more = offset + len(shown) < len(jobs)
        pagination = {"offset": offset, "limit": limit, "total": len(jobs), "has_more": has_more}
        return json_answer({"jobs": shown, "pagination": pagination})

    def _active(self) -> list[dict[str, Any]]:
        running = [] if self.jobs.running is None else [_job(self.jobs.running, "in_progress")]
        return [*running, *(_job(item, "pending") for item in self.jobs.heap)]

    def _one(self, prompt_id: str) -> dict[str, Any] | None:
        entry = self.jobs.history.get(prompt_id)
        if entry is None:
            return next((job for job in self._active() if job["id"] == prompt_id), None)
        _, _, prompt, extra_data, _ = entry["prompt"]
        workflow = {"prompt": prompt, "extra_data": extra_data}
        more = {"outputs": entry["outputs"], "execution_status": entry["status"], "workflow": workflow}
        return _ended(entry) | more

    def _cancel_all(self, said: Any) -> Answer:
        ids = said.get("job_ids") if isinstance(said, dict) else None
        if not isinstance(ids, list):
            return json_answer({"error": "job_ids must be a list"}, 400)
        invalid = [each if isinstance(each, str) else repr(each) for each in ids if not is_job_id(each)]
        if invalid:
            return json_answer({"error": "job_ids contains invalid id(s)", "invalid_ids": invalid}, 400)
        cancelled = [self._cancel(prompt_id) for prompt_id in ids]
        return json_answer({"cancelled": any(cancelled)})

    def _cancel(self, prompt_id: str) -> bool:
        if self.jobs.running is not None and self.jobs.running[1] == prompt_id:
            self.interrupt()
            return True
        return self.jobs.delete(prompt_id)


def is_job_id(value: object) -> bool:
    """Return whether it is a UUID as newer versions require one."""
    try:
        return isinstance(value, str) and str(uuid.UUID(value)) == value
    except ValueError:
        return False


def _job(item: Any, state: str) -> dict[str, Any]:
    number, prompt_id, _, extra_data, _ = item
    workflow_id = extra_data.get("extra_pnginfo", {}).get("workflow", {}).get("id")
    job = {
        "id": prompt_id,
        "status": state,
        "priority": number,
        "create_time": extra_data.get("create_time", 0),
        "outputs_count": 0,
    }
    return job if workflow_id is None else {**job, "workflow_id": workflow_id}


def _ended(entry: dict[str, Any]) -> dict[str, Any]:
    messages = dict(entry["status"]["messages"])
    last, said = entry["status"]["messages"][-1]
    state = {"execution_success": "completed", "execution_interrupted": "cancelled"}.get(last, "failed")
    files = [
        {**file, "nodeId": node_id, "mediaType": kind}
        for node_id, shown in entry["outputs"].items()
        for kind, made in shown.items()
        for file in made
    ]
    job = {
        **_job(entry["prompt"], state),
        "execution_start_time": messages["execution_start"]["timestamp"],
        "execution_end_time": said["timestamp"],
        "outputs_count": len(files),
    }
    job |= {"execution_error": said} if state == "failed" else {}
    return job | ({"preview_output": min(files, key=lambda file: file["type"] != "output")} if files else {})
