"""Leaves a picture's bytes to the nginx in front: the gateway checks user and seal, nginx fetches the file.

nginx says which server it can reach itself (`ASKS`), and only a proxy in the fleet file is believed. The answer
names a location of nginx (`X-Accel-Redirect`) and the file's Etag as it was sealed (`FITS`), which nginx sends
to the server as `If-Match`: a file that was replaced in between is refused there (412), and so 410 here. If the
server sends no strong Etag, nothing could be compared, so the gateway passes the bytes on itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aiohttp import web

from gateway.fleet.rules import Rules
from gateway.http.refusal import Refusal, RefusedRequest
from gateway.http.servers import Server
from wire.refusals import Cause

ASKS = "X-Mooring-Hand-Over"
FITS = "X-Mooring-Fits"
PLACE = "/@server/"  # in nginx's configuration: locations that no browser can request


def place_of(server: Server) -> str:
    """Return nginx's name of a server, which depends on its address."""
    return f"{server.id}@{server.tag}"


def may_hand_over(headers: Mapping[str, str], peer: str, server: Server, rules: Rules) -> bool:
    """Whether a request with these headers came through an nginx of ours that can reach this server."""
    return headers.get(ASKS) == place_of(server) and rules.is_proxy(peer)


def hand_over(server: Server, query: str, etag: str, fits: Callable[[str], bool]) -> web.Response | None:
    """Return the answer for nginx; `Refused` if the file was replaced, None if nginx cannot fetch it.

    nginx uses the path that it has compared itself, and this query, which is written from what was judged.
    """
    if not etag or etag.startswith("W/"):
        return None
    if not fits(etag):
        raise RefusedRequest(Refusal(Cause.PICTURE_CHANGED, "Another file has this name by now."))
    return web.Response(headers={"X-Accel-Redirect": f"{PLACE}{place_of(server)}?{query}", FITS: etag})
