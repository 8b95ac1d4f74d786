"""The jobs API that newer servers have (COMFYUI.md 9): what is active, and a cancel in one step.

Beneath it are the same queue and history, with the same losses. A server without it answers 404 or 405.
"""

from __future__ import annotations

from urllib.parse import quote

from app.core.comfy import LOOK_DEADLINE, check_arrived, check_done, read_object
from app.core.errors import ProtocolError
from app.core.model import PromptId, ServerId
from app.core.ports import Request, Response

MOST_ACTIVE = 100
NO_SUCH_ROUTE = frozenset({404, 405})  # 0.3.64 answers 405 to the cancel


def active_request(base: str) -> Request:
    """GET /api/jobs: what waits or runs, the newest first.

    Not the one job: a browser writes the 404 of one that is gone into its console as an error.
    """
    query = f"status=pending,in_progress&sort_by=created_at&sort_order=desc&limit={MOST_ACTIVE}"
    return Request(method="GET", path=f"{base}/api/jobs?{query}", deadline=LOOK_DEADLINE)


def job_cancel_request(base: str, prompt_id: PromptId) -> Request:
    """POST /api/jobs/{id}/cancel: that job and no other, pending or running."""
    path = f"{base}/api/jobs/{quote(prompt_id, safe='')}/cancel"
    return Request(method="POST", path=path, deadline=LOOK_DEADLINE, json="{}")


def read_job_cancel(response: Response, server_id: ServerId) -> bool:
    """Whether the server has this route; then it has done what there was to do. HttpStatusError if it failed."""
    check_arrived(response, server_id)
    if response.status in NO_SUCH_ROUTE:
        return False
    check_done(response, server_id)
    return True


def read_active(response: Response, server_id: ServerId, prompt_id: PromptId) -> str | None:
    """Whether that job waits (pending) or runs (in_progress); None if it does neither."""
    listed = read_object(response, server_id).get("jobs")
    if not isinstance(listed, list):
        raise ProtocolError(server_id, "not a list of jobs")
    states = {item.get("id"): item.get("status") for item in listed if isinstance(item, dict)}
    state = states.get(prompt_id)
    return state if state in {"pending", "in_progress"} else None
