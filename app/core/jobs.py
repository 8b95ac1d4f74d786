"""The jobs API of newer servers (docs/comfyui.md 9): the active jobs, and a cancel in one step.

It is built on the same queue and history and loses entries in the same cases. A server without it answers 404 or 405.
"""

from __future__ import annotations

from urllib.parse import quote

from app.core.comfy import LOOK_DEADLINE, check_arrived, check_done, read_object
from app.core.errors import ProtocolError
from app.core.model import PromptId, ServerId
from app.core.ports.http import Request, Response
from wire.features import JOBS

MOST_ACTIVE = 100
NO_SUCH_ROUTE = frozenset({404, 405})  # 0.3.64 answers 405 to the cancel


def active_request(base: str) -> Request:
    """GET /api/jobs: the waiting and running jobs, newest first.

    A single job is not requested, since a browser logs the 404 for one that is gone as an error.
    """
    query = f"status=pending,in_progress&sort_by=created_at&sort_order=desc&limit={MOST_ACTIVE}"
    return Request(method="GET", path=f"{base}{JOBS}?{query}", deadline=LOOK_DEADLINE)


def job_cancel_request(base: str, prompt_id: PromptId) -> Request:
    """POST /api/jobs/{id}/cancel: that job and no other, pending or running."""
    path = f"{base}{JOBS}/{quote(prompt_id, safe='')}/cancel"
    return Request(method="POST", path=path, deadline=LOOK_DEADLINE, json="{}")


def read_job_cancel(response: Response, server_id: ServerId) -> bool | None:
    """Return whether the job was active, and is cancelled; None from a server without this route.

    HttpStatusError if it failed.
    """
    check_arrived(response, server_id)
    if response.status in NO_SUCH_ROUTE:
        return None
    check_done(response, server_id)
    return read_object(response, server_id).get("cancelled") is True


def read_active(response: Response, server_id: ServerId, prompt_id: PromptId) -> str | None:
    """Return the status of an active job: pending or in_progress; None if it is not active.

    None too from a server without this route, which has just taken the place of one that has it.
    """
    check_arrived(response, server_id)
    if response.status in NO_SUCH_ROUTE:
        return None
    listed = read_object(response, server_id).get("jobs")
    if not isinstance(listed, list):
        raise ProtocolError(server_id, "not a list of jobs")
    states = {item.get("id"): item.get("status") for item in listed if isinstance(item, dict)}
    state = states.get(prompt_id)
    return state if state in {"pending", "in_progress"} else None
