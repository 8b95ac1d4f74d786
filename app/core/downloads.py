"""Downloads of models by a server: the requests, and what is in their answers (docs/comfyui.md 11)."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from app.core.comfy import LOOK_DEADLINE, check_arrived, gateway_cause
from app.core.errors import GatewayRefused, HttpStatusError, ProtocolError
from app.core.model import ServerId
from app.core.ports.http import Request, Response
from wire.downloads import DOWNLOAD, TASKS, DownloadTask, read_task, write_download

_RULES = frozenset({"model-source", "not-allowed", "not-listed", "refused-body"})  # the gateway's causes
_TAKEN = frozenset({200, 201, 202, 204})


def download_request(base: str, source: str, folder: str) -> Request:
    """POST /api/assets/download: have the server download a file into a folder of models."""
    body = json.dumps(write_download(source, folder))
    return Request(method="POST", path=f"{base}{DOWNLOAD}", deadline=LOOK_DEADLINE, json=body)


def download_task_request(base: str, task_id: str) -> Request:
    """GET /api/tasks/{id}: how far it is."""
    return Request(method="GET", path=f"{base}{TASKS}/{quote(task_id, safe='')}", deadline=LOOK_DEADLINE)


def download_cancel_request(base: str, task_id: str) -> Request:
    """DELETE /api/tasks/{id}."""
    return Request(method="DELETE", path=f"{base}{TASKS}/{quote(task_id, safe='')}", deadline=LOOK_DEADLINE)


def read_download(response: Response, server_id: ServerId) -> DownloadTask:
    """Return the task in an answer; GatewayRefused, HttpStatusError, ProtocolError or TransportError otherwise.

    A server without the route answers 404 or 405, and one that has forgotten the task 404.
    """
    check_download_taken(response, server_id)
    task = read_task(_parse(response))
    if task is None:
        raise ProtocolError(server_id, "not a task of a download")
    return task


def check_download_taken(response: Response, server_id: ServerId) -> None:
    """Raise unless the server has taken the request."""
    if (cause := gateway_cause(response)) in _RULES:
        raise GatewayRefused(server_id, cause, _message(response))
    check_arrived(response, server_id)
    if response.status not in _TAKEN:
        raise HttpStatusError(server_id, response.status, _message(response))


def _message(response: Response) -> str:
    """What the server or the gateway says of a refusal."""
    answer = _parse(response)
    error = answer.get("error") if isinstance(answer, dict) else None
    for found in (error, *(item.get("message") for item in (error, answer) if isinstance(item, dict))):
        if isinstance(found, str) and found:
            return found[:300]
    return response.text.strip()[:300]


def _parse(response: Response) -> Any:
    try:
        return json.loads(response.text)
    except (ValueError, RecursionError):
        return None
