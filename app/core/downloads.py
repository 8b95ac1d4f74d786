"""Requests to a server about its downloads of models, and their answers (docs/comfyui.md 11)."""

from __future__ import annotations

import json
from urllib.parse import quote

from app.core.comfy import LOOK_DEADLINE, check_arrived, gateway_cause, parse_object
from app.core.errors import GatewayRefused, HttpStatusError, ProtocolError
from app.core.model import ServerId
from app.core.ports.http import Request, Response
from wire.downloads import DOWNLOAD, TASKS, DownloadTask, read_task, write_download

_RULES = frozenset({"model-source", "not-allowed", "not-listed", "refused-body"})  # the gateway's causes
_ACCEPTED = frozenset({200, 201, 202, 204})


def download_request(base: str, source: str, folder: str) -> Request:
    """POST /api/assets/download: have the server download a file into a folder of models."""
    body = json.dumps(write_download(source, folder))
    return Request(method="POST", path=f"{base}{DOWNLOAD}", deadline=LOOK_DEADLINE, json=body)


def download_task_request(base: str, task_id: str) -> Request:
    """GET /api/tasks/{id}: how far a download is."""
    return Request(method="GET", path=f"{base}{TASKS}/{quote(task_id, safe='')}", deadline=LOOK_DEADLINE)


def download_cancel_request(base: str, task_id: str) -> Request:
    """DELETE /api/tasks/{id}: cancel a download."""
    return Request(method="DELETE", path=f"{base}{TASKS}/{quote(task_id, safe='')}", deadline=LOOK_DEADLINE)


def read_download(response: Response, server_id: ServerId) -> DownloadTask:
    """Return the task that an answer describes.

    Raises GatewayRefused, HttpStatusError, ProtocolError or TransportError. A server without the route answers 404 or
    405; one that has forgotten the task, 404.
    """
    check_accepted(response, server_id)
    task = read_task(parse_object(response))
    if task is None:
        raise ProtocolError(server_id, "not a task of a download")
    return task


def check_accepted(response: Response, server_id: ServerId) -> None:
    """Raise unless the server has accepted the request."""
    if (cause := gateway_cause(response)) in _RULES:
        raise GatewayRefused(server_id, cause, _message(response))
    check_arrived(response, server_id)
    if response.status not in _ACCEPTED:
        raise HttpStatusError(server_id, response.status, _message(response))


def _message(response: Response) -> str:
    """Return the server's or the gateway's own explanation of an error."""
    answer = parse_object(response) or {}
    error = answer.get("error")
    for found in (error, error.get("message") if isinstance(error, dict) else None, answer.get("message")):
        if isinstance(found, str) and found:
            return found[:300]
    return response.text.strip()[:300]
