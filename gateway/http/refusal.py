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
from wire.turns import NOT_YOUR_TURN

if TYPE_CHECKING:  # keep the import small: the process that reads large texts imports this module
    from aiohttp import web

HEADER = "X-Mooring-Gateway"


class Cause(Enum):
    """The cause of a refusal, and its HTTP status."""

    BAD_REQUEST = ("bad-request", 400)
    REFUSED_BODY = ("refused-body", 400)
    NOT_LOGGED_IN = ("not-logged-in", 401)
    OTHER_USER = ("other-person", 401)
    WRONG_LOGIN = ("wrong-login", 401)
    BAD_HOST = ("bad-host", 403)
    BAD_ORIGIN = ("bad-origin", 403)
    CROSS_SITE = ("cross-site", 403)
    NOT_YOURS = ("not-yours", 403)
    NOT_ALLOWED = ("not-allowed", 403)
    DENIED_NODE = ("denied-node", 403)
    UNSAFE_PATH = ("unsafe-path", 403)
    MODEL_SOURCE = ("model-source", 403)
    NO_PARTNER_KEY = ("no-partner-key", 403)
    NO_PARTNER_SERVER = ("no-partner-server", 403)
    NOT_LISTED = ("not-listed", 404)
    UNKNOWN_SERVER = ("unknown-server", 404)
    BAD_METHOD = ("bad-method", 405)
    ALREADY_SENT = ("already-sent", 409)
    SERVER_MOVED = ("server-moved", 409)
    LINK_EXPIRED = ("link-expired", 410)
    PICTURE_CHANGED = ("picture-changed", 410)
    TOO_LARGE = ("too-large", 413)
    BAD_TYPE = ("bad-type", 415)
    TOO_MANY_REQUESTS = ("too-many-requests", 429)
    TOO_MANY_PROMPTS = ("too-many-prompts", 429)
    NOT_YOUR_TURN = (NOT_YOUR_TURN, 429)
    TOO_MANY_LOGINS = ("too-many-logins", 429)
    INTERNAL = ("internal", 500)
    CONNECT_FAILED = ("connect-failed", 502)
    UPSTREAM_LOST = ("upstream-lost", 502)
    UPSTREAM_REFUSED = ("upstream-refused", 502)
    NOT_COMFYUI = ("not-comfyui", 502)
    REDIRECT = ("redirect", 502)
    ANSWER_TOO_LARGE = ("answer-too-large", 502)
    GATEWAY_BUSY = ("gateway-busy", 503)
    UPSTREAM_BUSY = ("upstream-busy", 503)
    TIMEOUT = ("timeout", 504)

    def __init__(self, code: str, status: int) -> None:
        self.code = code
        self.status = status


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
