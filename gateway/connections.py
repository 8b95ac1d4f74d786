"""The browser's side of the gateway: aiohttp's server with our limits, and its own error answers as refusals."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from aiohttp import web

from gateway.answers import refuse
from gateway.guard import RequestFacts
from gateway.refusal import Cause, Refusal, Sent
from gateway.upstream import LARGEST_HEADER

_KEEPALIVE_SECONDS = 75.0
_LINGER_SECONDS = 10.0  # a refused upload is read and dropped this long, so that its browser sees the refusal

_log = logging.getLogger(__name__)


class BrowserServer(web.Server):
    """aiohttp's server with our limits, whose own error answers are refusals like all others."""

    def __init__(self, handler: Any) -> None:
        super().__init__(
            handler,
            handler_cancellation=True,
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=_KEEPALIVE_SECONDS,
            lingering_time=_LINGER_SECONDS,
            max_line_size=LARGEST_HEADER,
            max_field_size=LARGEST_HEADER,
        )

    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class _Connection(web.RequestHandler):
    """One browser's connection."""

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 (aiohttp passes it; it may quote what the peer sent)
    ) -> web.StreamResponse:
        """What aiohttp answers to a request that it cannot read, or whose handler failed."""
        if isinstance(exc, ConnectionError) or request.writer.output_size > 0:
            raise ConnectionResetError("the answer had begun already") from exc
        if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            refusal = Refusal(Cause.BAD_REQUEST, "This is not HTTP as the gateway speaks it.")
        else:
            _log.error("a request failed in the gateway itself", exc_info=exc)
            refusal = Refusal(Cause.INTERNAL, "The gateway failed; its log says why.", Sent.UNKNOWN)
        answer = refuse(request, refusal)
        answer.force_close()
        return answer


def facts_of(request: web.BaseRequest) -> RequestFacts:
    """A request as the guard sees it: nothing decoded, nothing merged."""
    headers = [(name.decode("latin-1"), value.decode("latin-1").strip(" \t")) for name, value in request.raw_headers]
    return RequestFacts(request.method, request.raw_path, tuple(headers))
