"""A picture's bytes left to the nginx in front: the gateway judges who asks and the seal, nginx fetches the file.

nginx says which server it can reach itself (`ASKS`), and only a proxy that the fleet file names is heard. The answer
names that place of nginx's own (`X-Accel-Redirect`) and the file's Etag as it was sealed (`FITS`), which nginx sends
to the server as `If-Match`: a file that has become another in between is refused there (412), and so 410 here.

Where the server tells no strong Etag nothing could be compared, so the gateway passes the bytes on itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aiohttp import web

from gateway.fleet.rules import Rules
from gateway.http.refusal import Cause, Refusal, Refused
from gateway.http.servers import Server

ASKS = "X-Mooring-Hand-Over"
FITS = "X-Mooring-Fits"
PLACE = "/@server/"  # in nginx's configuration: places that no browser can ask for


def place_of(server: Server) -> str:
    """What nginx calls a server: at another address it is another."""
    return f"{server.id}@{server.tag}"


def may_hand_over(headers: Mapping[str, str], peer: str, server: Server, rules: Rules) -> bool:
    """Whether a request with these headers came by an nginx of ours that can reach this very server."""
    return headers.get(ASKS) == place_of(server) and rules.is_proxy(peer)


def hand_over(server: Server, query: str, etag: str, fits: Callable[[str], bool]) -> web.Response | None:
    """What nginx is told; `Refused` if the file is another by now, None if it cannot be left to nginx.

    nginx goes by the path that it has compared itself; the query tells it what to call the file.
    """
    if not etag or etag.startswith("W/"):
        return None
    if not fits(etag):
        raise Refused(Refusal(Cause.PICTURE_CHANGED, "Another file has this name by now."))
    return web.Response(headers={"X-Accel-Redirect": f"{PLACE}{place_of(server)}?{query}", FITS: etag})
