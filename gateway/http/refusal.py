"""The gateway's own refusals: a cause, whether the server can have acted, and a message.

In HTTP a refusal is a JSON body `{"error": {"cause", "message"}}` and the header
`X-Mooring-Gateway: <cause>; sent=no|unknown`. `sent=no` is a promise: no byte of the request can have been
acted on by the server. A page therefore treats it as a certain failure, and everything else as unclear.
Answers of a ComfyUI server never carry this header: the gateway drops it from them.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from gateway.http.headers import OWN_HEADERS
from wire.refusals import Cause

if TYPE_CHECKING:  # keep the import small: the process that reads large texts imports this module
    from aiohttp import web

HEADER = "X-Mooring-Gateway"


class Sent(Enum):
    """Whether the server can have acted on the request."""

    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refusal; `allow` lists the methods that would be accepted, if the method was wrong."""

    cause: Cause
    message: str
    sent: Sent = Sent.NO
    allow: tuple[str, ...] = field(default=())
    retry_after: float = 0.0  # seconds until a retry may succeed; 0 if unknown

    @property
    def header(self) -> str:
        """The value of the `X-Mooring-Gateway` header."""
        return f"{self.cause.code}; sent={self.sent.value}"

    def answer(self) -> web.Response:
        """Return the HTTP answer."""
        from aiohttp import web

        body = {"error": {"cause": self.cause.code, "message": self.message}}
        response = web.Response(
            status=self.cause.status,
            body=json.dumps(body).encode(),
            headers=OWN_HEADERS | {HEADER: self.header, "Content-Type": "application/json"},
        )
        if self.allow:
            response.headers["Allow"] = ", ".join(self.allow)
        if self.retry_after:
            response.headers["Retry-After"] = str(math.ceil(self.retry_after))
        return response


class RefusedRequest(Exception):
    """Raises a refusal to the one place that answers it."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(f"{refusal.header}: {refusal.message}")
