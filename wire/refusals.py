"""The causes for which a gateway refuses a request itself, as its answer names them (`X-Mooring-Gateway`)."""

from __future__ import annotations

from enum import Enum

from wire.turns import NOT_YOUR_TURN

RULE, UNFIT = "rule", "unfit"


class Cause(Enum):
    """The cause of a refusal, and its HTTP status.

    `RULE` if a rule of the installation forbids the request, `UNFIT` if its body is one that no server ever gets.
    """

    BAD_REQUEST = ("bad-request", 400)
    REFUSED_BODY = ("refused-body", 400, UNFIT)
    NOT_LOGGED_IN = ("not-logged-in", 401)
    OTHER_USER = ("other-person", 401)
    WRONG_LOGIN = ("wrong-login", 401)
    BAD_HOST = ("bad-host", 403)
    BAD_ORIGIN = ("bad-origin", 403)
    CROSS_SITE = ("cross-site", 403)
    NOT_YOURS = ("not-yours", 403, RULE)
    NOT_ALLOWED = ("not-allowed", 403, RULE)
    DENIED_NODE = ("denied-node", 403, RULE)
    UNSAFE_PATH = ("unsafe-path", 403, RULE)
    MODEL_SOURCE = ("model-source", 403)
    NO_PARTNER_KEY = ("no-partner-key", 403, RULE)
    NO_PARTNER_SERVER = ("no-partner-server", 403, RULE)
    NOT_LISTED = ("not-listed", 404)
    UNKNOWN_SERVER = ("unknown-server", 404)
    BAD_METHOD = ("bad-method", 405)
    ALREADY_SENT = ("already-sent", 409)
    SERVER_MOVED = ("server-moved", 409)
    LINK_EXPIRED = ("link-expired", 410)
    PICTURE_CHANGED = ("picture-changed", 410)
    TOO_LARGE = ("too-large", 413, UNFIT)
    BAD_TYPE = ("bad-type", 415)
    TOO_MANY_REQUESTS = ("too-many-requests", 429)
    TOO_MANY_PROMPTS = ("too-many-prompts", 429, RULE)
    NOT_YOUR_TURN = (NOT_YOUR_TURN, 429, RULE)
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

    def __init__(self, code: str, status: int, kind: str = "") -> None:
        self.code = code
        self.status = status
        self.kind = kind


FORBIDDEN = frozenset(cause.code for cause in Cause if cause.kind == RULE)
UNFIT_BODIES = frozenset(cause.code for cause in Cause if cause.kind == UNFIT)
