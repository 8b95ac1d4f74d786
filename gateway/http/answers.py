"""The gateway's own answers: its refusals, its JSON, and what it keeps for pages."""

from __future__ import annotations

import json
import logging

from aiohttp import web

from gateway.fleet.catalogue_contents import Content
from gateway.http.refusal import Cause, Refusal, Refused

_log = logging.getLogger(__name__)


def refuse(request: web.BaseRequest, refusal: Refusal) -> web.Response:
    """The answer of a refusal; logged with its cause, never with what the request carried."""
    _log.info("refused %s: %s (%s)", request.method, refusal.header, refusal.message)
    answer = refusal.answer()
    if request.can_read_body:
        answer.force_close()
    return answer


OWN_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def json_answer(value: object) -> web.Response:
    """One of the gateway's own JSON answers."""
    return web.Response(body=json.dumps(value).encode(), headers=OWN_HEADERS | {"Content-Type": "application/json"})


def workflow_answer(data: bytes | None, path: str) -> web.Response:
    """A published file as bytes that no browser shows by itself; `Refused` if there is none."""
    if data is None:
        raise Refused(Refusal(Cause.NOT_LISTED, f"No workflow is published as {path}."))
    return web.Response(body=data, headers=OWN_HEADERS | {"Content-Type": "application/octet-stream"})


def catalogue_answer(request: web.BaseRequest, content: Content | None) -> web.Response:
    """A content that may be kept for ever under its hash; `Refused` if this gateway has it no more."""
    if content is None:
        raise Refused(Refusal(Cause.NOT_LISTED, "This catalogue is not known any more; ask for it again."))
    is_packed = "gzip" in request.headers.get("Accept-Encoding", "").lower()
    packing = {"Content-Encoding": "gzip"} if is_packed else {}
    return web.Response(
        body=content.packed if is_packed else content.plain(),
        headers=OWN_HEADERS
        | packing
        | {
            "Content-Type": "text/plain; charset=utf-8",
            "Cache-Control": "private, max-age=31536000, immutable",
            "Vary": "Accept-Encoding",
        },
    )
