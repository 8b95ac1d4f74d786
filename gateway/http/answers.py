"""The gateway's own answers: refusals, JSON, and published files."""

from __future__ import annotations

import json
import logging

from aiohttp import web

from gateway.http.headers import OWN_HEADERS
from gateway.http.refusal import Refusal, RefusedRequest
from wire.refusals import Cause

_log = logging.getLogger(__name__)


def refuse(request: web.BaseRequest, refusal: Refusal) -> web.Response:
    """Return the answer of a refusal, and log its cause, but never the request's content."""
    _log.info("refused %s: %s (%s)", request.method, refusal.header, refusal.message)
    answer = refusal.answer()
    if request.can_read_body:
        answer.force_close()
    return answer


def json_answer(value: object) -> web.Response:
    """Return one of the gateway's own JSON answers; bytes are JSON already."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return web.Response(body=body, headers=OWN_HEADERS | {"Content-Type": "application/json"})


def workflow_answer(data: bytes | None, path: str) -> web.Response:
    """Return a published file as bytes that no browser displays by itself; `Refused` if there is none."""
    if data is None:
        raise RefusedRequest(Refusal(Cause.NOT_LISTED, f"No workflow is published as {path}."))
    return web.Response(body=data, headers=OWN_HEADERS | {"Content-Type": "application/octet-stream"})
