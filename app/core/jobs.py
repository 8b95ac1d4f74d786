"""The jobs API that newer servers have (COMFYUI.md 9): one question about one job, and a cancel in one step.

Beneath it are the same queue and history, with the same losses. A server without it answers 404 or 405.
"""

from __future__ import annotations

from urllib.parse import quote

from app.core.comfy import LOOK_DEADLINE, check_arrived, check_done, read_object
from app.core.errors import ProtocolError
from app.core.model import PromptId, ServerId
from app.core.ports import Request, Response

NO_SUCH_ROUTE = frozenset({404, 405})  # 0.3.64 answers 405 to the cancel


def job_request(base: str, prompt_id: PromptId) -> Request:
    """GET /api/jobs/{id}."""
    return Request(method="GET", path=f"{base}/api/jobs/{quote(prompt_id, safe='')}", deadline=LOOK_DEADLINE)


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


def read_job(response: Response, server_id: ServerId) -> str | None:
    """pending | in_progress | completed | failed | cancelled, or None: unknown there, or no such route."""
    check_arrived(response, server_id)
    if response.status in NO_SUCH_ROUTE:
        return None
    status = read_object(response, server_id).get("status")
    if not isinstance(status, str):
        raise ProtocolError(server_id, "not a job")
    return status
