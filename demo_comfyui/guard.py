"""The real server's only protection: under a loopback Host, an Origin of another host or port is answered 403.

An Origin that is absent or `null` passes, and under any other Host nothing is checked. OPTIONS is always 200 and empty.
Newer versions also refuse what a browser marks as cross-site, under any Host.
With `--enable-cors-header` there is no check at all, and every answer names the one origin whose pages may read it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Middleware

from demo_comfyui.model.origin import differs, host_name
from demo_comfyui.model.versions import Version

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def guard_origin(version: Version) -> Middleware:
    """Return the middleware that refuses a foreign Origin, answers OPTIONS, and passes on the rest."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if version.hardens_answers and request.headers.get("Sec-Fetch-Site") == "cross-site":
            return web.Response(status=403)
        host, origin = request.headers.get("Host"), request.headers.get("Origin")
        if host and origin is not None and await is_loopback(host_name(host)) and differs(host, origin):
            log.warning("origin %s refused under host %s", origin, host)
            return web.Response(status=403)
        if request.method == "OPTIONS":
            return web.Response()
        return await handler(request)

    return guard


def admit_origin(allowed: str) -> Middleware:
    """Return the middleware used with the flag, instead of the guard. Raised answers (413, 500) have no headers."""

    @web.middleware
    async def admit(request: web.Request, handler: Handler) -> web.StreamResponse:
        answer = web.Response() if request.method == "OPTIONS" else await handler(request)
        answer.headers["Access-Control-Allow-Origin"] = allowed
        answer.headers["Access-Control-Allow-Methods"] = "POST, GET, DELETE, PUT, OPTIONS"
        answer.headers["Access-Control-Allow-Headers"] = "Content-Type, Authorization"
        answer.headers["Access-Control-Allow-Credentials"] = "true"
        return answer

    return admit


async def is_loopback(host: str | None) -> bool:
    """Whether a host name or address means this machine, by its spelling or by all that it resolves to."""
    if host is None:
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        pass
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False
    return bool(found) and all(ipaddress.ip_address(each[4][0]).is_loopback for each in found)
