"""The guard: a pure function from the facts of a request to *admitted* or a refusal.

The gateway rewrites Host and Origin for the servers and thereby removes ComfyUI's own protection, so it has to check
them itself. Every request that is not clearly from our own page (or a command-line tool) is refused:

- an Origin that is not the one of this Host; none at all on a WebSocket;
- `Sec-Fetch-Site` other than `same-origin` or `none`: another port of this machine counts as *same-site*. The one
  exception is a user who follows a link to the page itself;
- a target in another form than origin form, and any path, method or content type that is not listed;
- two Host, Origin or length headers, a length and a chunked body, an unexpected upgrade.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gateway.http.bodies import is_client_id
from gateway.http.own_hosts import Alias, OwnHosts
from gateway.http.queries import QueryError, judge_query, read_query
from gateway.http.refusal import Refusal
from gateway.http.routes import (
    DemoBreak,
    FleetAction,
    FleetCatalogue,
    FleetChange,
    FleetSocket,
    LogIn,
    LogOut,
    PageRoute,
    RequiredBody,
    Route,
    ServerCall,
    ServerSocket,
    ShareTarget,
    find_route,
    split_target,
)
from wire.refusals import Cause

_SINGLE = (
    "host",
    "origin",
    "content-type",
    "content-length",
    "transfer-encoding",
    "sec-fetch-site",
    "expect",
    "upgrade",
    "sec-websocket-key",
    "sec-websocket-version",
)
_OWN_SITE = {"same-origin", "none"}
_SITE_METHODS = ("GET", "HEAD")
_OWN_ACTS = DemoBreak | LogIn | LogOut | FleetAction | FleetChange  # the POSTs to the gateway itself
_WEBSOCKET_KEY = re.compile(r"[A-Za-z0-9+/]{21}[AQgw]==", re.ASCII)  # 16 bytes
_SHARED = (
    "Shared files are kept by Mooring's page in the browser, and never sent to this gateway. Open Mooring once in this"
    " browser, wait until it is ready, then share again."
)
_JSON_CHARSETS = {"", "charset=utf-8", 'charset="utf-8"'}


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """The facts about a request: the request line and the headers, unchanged."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    _named: Mapping[str, list[str]] = field(init=False, repr=False, compare=False)  # by name in lower case

    def __post_init__(self) -> None:
        named: dict[str, list[str]] = {}
        for name, value in self.headers:
            named.setdefault(name.lower(), []).append(value)
        object.__setattr__(self, "_named", named)

    def all(self, name: str) -> Sequence[str]:
        """Return every value of a header, in order."""
        return self._named.get(name, ())

    def one(self, name: str) -> str | None:
        """Return the only value of a header, or None."""
        values = self._named.get(name)
        return values[0] if values else None


@dataclass(frozen=True, slots=True)
class Admitted:
    """A request that is answered."""

    route: Route
    query: Mapping[str, str]  # of a ServerCall, judged; else empty
    origin: str  # of a page under this request's Host
    body: RequiredBody
    client_id: str  # of a ServerSocket, else empty


@dataclass(frozen=True, slots=True)
class Redirect:
    """A page requested under one of our names that is not the canonical one."""

    location: str


Verdict = Admitted | Redirect | Refusal


def judge(
    facts: RequestFacts,
    own_hosts: OwnHosts,
    tags: Mapping[str, str],
    *,
    is_breakable: bool = False,
    has_seals: bool = False,
) -> Verdict:
    """Judge one request. `tags` has each server's tag by id; `is_breakable` admits fault injection.

    With users (`has_seals`), a link to a sealed picture may be followed from any site, since users share such links.
    """
    malformed = _find_malformed(facts)
    if malformed is not None:
        return malformed
    host = facts.one("host")
    origin = None if host is None else own_hosts.origin_for(host)
    if origin is None:
        return Refusal(Cause.BAD_HOST, f"This gateway is not called {host!r}; open {own_hosts.origin}/ instead.")
    parts = split_target(facts.target)
    route = None if parts is None else find_route(parts[0])
    if isinstance(origin, Alias):
        if isinstance(route, PageRoute) and facts.method in _SITE_METHODS:
            return Redirect(own_hosts.origin + facts.target)
        return Refusal(Cause.BAD_HOST, f"Requests go to {own_hosts.origin}, not to {host}.")
    if parts is None or route is None or (isinstance(route, DemoBreak) and not is_breakable):
        return Refusal(Cause.NOT_LISTED, "This gateway has no such route.")
    if isinstance(route, ShareTarget):  # from any sender: the worker of a browser that may share sends none on
        return Refusal(Cause.NOT_LISTED, _SHARED)
    refusal = _judge_sender(facts, route, origin, has_seals=has_seals) or _judge_route(facts, route, tags)
    return refusal or _admit(facts, route, parts[1], origin)


def _find_malformed(facts: RequestFacts) -> Refusal | None:
    for name in _SINGLE:
        if len(facts.all(name)) > 1:
            return Refusal(Cause.BAD_REQUEST, f"The header {name} occurs twice.")
    coding = facts.one("transfer-encoding")
    if coding is not None:
        if facts.one("content-length") is not None:
            return Refusal(Cause.BAD_REQUEST, "A body has either a length or a transfer coding.")
        if coding.lower() != "chunked":
            return Refusal(Cause.BAD_REQUEST, "The only transfer coding is chunked.")
    if (facts.one("expect") or "100-continue").lower() != "100-continue":
        return Refusal(Cause.BAD_REQUEST, "The only expectation is 100-continue.")
    if facts.method != "POST" and _has_body(facts):
        return Refusal(Cause.BAD_REQUEST, f"A {facts.method} has no body here.")
    return None


def _has_body(facts: RequestFacts) -> bool:
    return facts.one("transfer-encoding") is not None or facts.one("content-length") not in {None, "0"}


def _judge_sender(facts: RequestFacts, route: Route, origin: str, *, has_seals: bool) -> Refusal | None:
    """Judge the sender: our own page, a tool without an origin, or a foreign page."""
    is_socket = isinstance(route, ServerSocket | FleetSocket)
    claimed = facts.one("origin")
    if claimed is None and is_socket:
        return Refusal(Cause.BAD_ORIGIN, "A WebSocket needs the Origin of this gateway's own page.")
    if claimed is None and facts.method == "POST" and isinstance(route, _OWN_ACTS):
        return Refusal(Cause.BAD_ORIGIN, "Only this gateway's own page may send this: the request needs its Origin.")
    if claimed is not None and claimed != origin:
        return Refusal(Cause.BAD_ORIGIN, f"The origin {claimed!r} is not this gateway's.")
    site = facts.one("sec-fetch-site")
    if site is None or site.lower() in _OWN_SITE or _follows_link(facts, route, has_seals=has_seals):
        return None
    return Refusal(Cause.CROSS_SITE, "Another site's page asked for this.")


def _follows_link(facts: RequestFacts, route: Route, *, has_seals: bool) -> bool:
    """Whether a user followed a link, to the page or to a sealed picture. No other page can embed or read either."""
    return (
        (isinstance(route, PageRoute | LogIn) or (has_seals and isinstance(route, ServerCall) and route.is_view))
        and facts.method == "GET"
        and facts.one("origin") is None
        and facts.one("sec-fetch-mode") == "navigate"
        and facts.one("sec-fetch-dest") == "document"
    )


def _judge_route(facts: RequestFacts, route: Route, tags: Mapping[str, str]) -> Refusal | None:
    if isinstance(route, ServerCall | ServerSocket | FleetCatalogue | FleetAction) and route.server_id not in tags:
        return Refusal(Cause.UNKNOWN_SERVER, f"The fleet has no server {route.server_id!r}.")
    if isinstance(route, ServerCall | ServerSocket) and route.tag and route.tag != tags[route.server_id]:
        return Refusal(Cause.SERVER_MOVED, f"The fleet has another address for {route.server_id} by now.")
    methods = _methods(route)
    if facts.method not in methods:
        return Refusal(Cause.BAD_METHOD, f"{facts.method} is not for this route.", allow=methods)
    if isinstance(route, ServerSocket | FleetSocket):
        return _judge_handshake(facts)
    if facts.all("upgrade"):
        return Refusal(Cause.BAD_REQUEST, "Only the /ws routes are WebSockets.")
    if isinstance(route, ServerCall):
        return _judge_type(facts, route.bodies[facts.method])
    if isinstance(route, _OWN_ACTS) and facts.method == "POST":
        return _judge_type(facts, RequiredBody.SMALL)
    return None


def _judge_handshake(facts: RequestFacts) -> Refusal | None:
    """Check for a complete WebSocket handshake, so that nothing less opens a socket at a server."""
    connection = [word.strip().lower() for value in facts.all("connection") for word in value.split(",")]
    is_whole = (
        (facts.one("upgrade") or "").lower() == "websocket"
        and "upgrade" in connection
        and facts.one("sec-websocket-version") == "13"
        and _WEBSOCKET_KEY.fullmatch(facts.one("sec-websocket-key") or "")
    )
    return None if is_whole else Refusal(Cause.BAD_REQUEST, "This route is a WebSocket, version 13.")


def _methods(route: Route) -> tuple[str, ...]:
    match route:
        case ServerCall(bodies=bodies):
            return tuple(bodies)
        case ServerSocket() | FleetSocket():
            return ("GET",)
        case LogIn():
            return (*_SITE_METHODS, "POST")
        case FleetAction(action="queue"):
            return ("GET",)
        case DemoBreak() | LogOut() | FleetAction() | FleetChange():
            return ("POST",)
        case _:
            return _SITE_METHODS


def _judge_type(facts: RequestFacts, body: RequiredBody) -> Refusal | None:
    if body is RequiredBody.NONE:
        return None
    if facts.all("content-encoding"):
        return Refusal(Cause.BAD_TYPE, "A body is sent as it is, without a content coding.")
    kind, _, parameters = (facts.one("content-type") or "").partition(";")
    kind = kind.strip().lower()
    if body is RequiredBody.UPLOAD:
        is_right = kind == "multipart/form-data" and "boundary=" in parameters.lower()
        return None if is_right else Refusal(Cause.BAD_TYPE, "An upload is multipart/form-data.")
    if body is RequiredBody.JOB_CANCEL and not _has_body(facts):
        return None
    if kind != "application/json" or parameters.strip().lower() not in _JSON_CHARSETS:
        return Refusal(Cause.BAD_TYPE, "The body of this request is application/json in UTF-8.")
    return None


def _admit(facts: RequestFacts, route: Route, raw: str, origin: str) -> Admitted | Refusal:
    try:
        match route:
            case ServerCall():
                return Admitted(route, judge_query(route.path, raw), origin, route.bodies[facts.method], "")
            case ServerSocket():
                return Admitted(route, {}, origin, RequiredBody.NONE, _read_client_id(raw))
    except QueryError as error:
        return Refusal(Cause.BAD_REQUEST, str(error))
    return Admitted(route, {}, origin, RequiredBody.NONE, "")


def _read_client_id(raw: str) -> str:
    named = read_query(raw)
    if list(named) != ["clientId"] or not is_client_id(named["clientId"]):
        raise QueryError("The socket needs one clientId, printable and not empty.")
    return named["clientId"]
