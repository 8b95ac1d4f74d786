"""The jobs API of newer versions, over the same queue and history."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from demo_comfyui.model.jobs import Item, Jobs
from demo_comfyui.model.reply import Reply

STATUSES = ("pending", "in_progress", "completed", "failed", "cancelled")
SORTED_BY = ("created_at", "execution_duration")
ENDS = ("execution_success", "execution_error", "execution_interrupted")

Job = dict[str, Any]


class _BadQueryError(Exception):
    """A parameter has no valid value; the message is the server's."""


def is_job_id(value: object) -> bool:
    """Whether it is a UUID as newer versions require one: with hyphens and in lower case."""
    try:
        return isinstance(value, str) and str(uuid.UUID(value)) == value
    except ValueError:
        return False


class JobsApi:
    """The routes below /api/jobs; `interrupt` interrupts the running job."""

    def __init__(self, jobs: Jobs, interrupt: Callable[[], None]) -> None:
        self._jobs = jobs
        self._interrupt = interrupt

    def all(self, query: Mapping[str, str]) -> Reply:
        """The jobs that the query asks for, the newest first."""
        try:
            statuses, limit, offset = _statuses(query), _limit(query), _offset(query)
            key, is_rising = _order(query)
        except _BadQueryError as error:
            return Reply({"error": str(error)}, 400)
        jobs = [*self._unfinished(), *(_ended(entry) for entry in self._jobs.history.values())]
        jobs = [job for job in jobs if job["status"] in statuses]
        if "workflow_id" in query:
            jobs = [job for job in jobs if job.get("workflow_id") == query["workflow_id"]]
        jobs.sort(key=_duration if key == "execution_duration" else _created, reverse=not is_rising)
        shown = jobs[offset:] if limit is None else jobs[offset : offset + limit]
        has_more = offset + len(shown) < len(jobs)
        pagination = {"offset": offset, "limit": limit, "total": len(jobs), "has_more": has_more}
        return Reply({"jobs": shown, "pagination": pagination})

    def one(self, prompt_id: str) -> Reply:
        """One job, or 404."""
        entry = self._jobs.history.get(prompt_id)
        if entry is not None:
            whole = {"outputs": entry["outputs"], "execution_status": entry["status"], "workflow": _workflow(entry)}
            return Reply(_ended(entry) | whole)
        job = next((job for job in self._unfinished() if job["id"] == prompt_id), None)
        return Reply({"error": "Job not found"}, 404) if job is None else Reply(job)

    def cancel(self, prompt_id: str) -> Reply:
        """Remove a waiting job, interrupt a running one; do nothing otherwise."""
        return Reply({"cancelled": self._cancel(prompt_id)})

    def cancel_all(self, body: bytes) -> Reply:
        """Do the same for several."""
        try:
            said = json.loads(body)
        except json.JSONDecodeError:
            return Reply({"error": "Request body must be valid JSON"}, 400)
        ids = said.get("job_ids") if isinstance(said, dict) else None
        if not isinstance(ids, list):
            return Reply({"error": "job_ids must be a list"}, 400)
        invalid = [each if isinstance(each, str) else repr(each) for each in ids if not is_job_id(each)]
        if invalid:
            return Reply({"error": "job_ids contains invalid id(s)", "invalid_ids": invalid}, 400)
        cancelled = [self._cancel(each) for each in ids]
        return Reply({"cancelled": any(cancelled)})

    def _cancel(self, prompt_id: str) -> bool:
        if self._jobs.delete(prompt_id):
            return True
        is_running = self._jobs.is_running(prompt_id)
        if is_running:
            self._interrupt()
        return is_running

    def _unfinished(self) -> list[Job]:
        running = [] if self._jobs.running is None else [_job(self._jobs.running, "in_progress")]
        return running + [_job(item, "pending") for item in self._jobs.pending]


def _statuses(query: Mapping[str, str]) -> tuple[str, ...]:
    wanted = tuple(each.strip().lower() for each in query.get("status", "").split(",") if each.strip())
    unknown = [each for each in wanted if each not in STATUSES]
    if unknown:
        valid = ", ".join(STATUSES)
        raise _BadQueryError(f"Invalid status value(s): {', '.join(unknown)}. Valid values: {valid}")
    return wanted or STATUSES


def _order(query: Mapping[str, str]) -> tuple[str, bool]:
    """Return what the jobs are sorted by, and whether the smallest comes first."""
    key, order = query.get("sort_by", "created_at").lower(), query.get("sort_order", "desc").lower()
    if key not in SORTED_BY:
        raise _BadQueryError("sort_by must be 'created_at' or 'execution_duration'")
    if order not in {"asc", "desc"}:
        raise _BadQueryError("sort_order must be 'asc' or 'desc'")
    return key, order == "asc"


def _limit(query: Mapping[str, str]) -> int | None:
    if "limit" not in query:
        return None
    limit = _int(query, "limit")
    if limit <= 0:
        raise _BadQueryError("limit must be a positive integer")
    return limit


def _offset(query: Mapping[str, str]) -> int:
    return max(0, _int(query, "offset")) if "offset" in query else 0


def _int(query: Mapping[str, str], name: str) -> int:
    try:
        return int(query[name])
    except ValueError:
        raise _BadQueryError(f"{name} must be an integer") from None


def _created(job: Job) -> int:
    return int(job.get("create_time", 0))


def _duration(job: Job) -> int:
    return int(job.get("execution_end_time", 0) - job.get("execution_start_time", 0))


def _job(item: Item, status: str) -> Job:
    """Return a job; what is unknown is left out."""
    workflow = item[3].get("extra_pnginfo", {}).get("workflow", {})
    facts = {
        "id": item[1],
        "status": status,
        "priority": item[0],
        "create_time": item[3].get("create_time"),
        "outputs_count": 0,
        "workflow_id": workflow.get("id"),
    }
    return {key: value for key, value in facts.items() if value is not None}


def _ended(entry: dict[str, Any]) -> Job:
    messages = dict(entry["status"]["messages"])
    status = "completed" if entry["status"]["completed"] else "failed"
    if "execution_interrupted" in messages:
        status = "cancelled"
    items = [
        (item, node_id, kind)
        for node_id, shown in entry["outputs"].items()
        for kind, made in shown.items()
        for item in (made if isinstance(made, list) else ())
        if isinstance(item, dict)
    ]
    previews = [{**item, "nodeId": node_id, "mediaType": kind} for item, node_id, kind in items]
    facts = {
        "execution_start_time": messages.get("execution_start", {}).get("timestamp"),
        "execution_end_time": next((messages[end]["timestamp"] for end in ENDS if end in messages), None),
        "execution_error": messages.get("execution_error"),
        "preview_output": min(previews, key=lambda item: item["type"] != "output", default=None),
    }
    known = {key: value for key, value in facts.items() if value is not None}
    return {**_job(entry["prompt"], status), "outputs_count": len(items), **known}


def _workflow(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the prompt with all that its sender wrote beside it."""
    _, _, prompt, extra_data, _ = entry["prompt"]
    return {"prompt": prompt, "extra_data": extra_data}
