"""Choices that a node does not list itself: it names the route of its server that lists them."""

from __future__ import annotations

import json

from app.core.comfy import check_arrived
from app.core.errors import BadInput, ProtocolError
from app.core.model import Server
from app.core.ports.http import Http, Request

LISTED = frozenset({"/internal/files/output"})  # those that the gateway allows: ComfyUI's own nodes name no other
DEADLINE = 8.0  # seconds


async def read_choices(http: Http, server: Server, route: str) -> tuple[str, ...]:
    """Return the choices listed there now. BadInput for a route that is not allowed, else why it could not be read."""
    if route not in LISTED:
        raise BadInput("list-elsewhere", route)
    response = await http.send(Request(method="GET", path=f"{server.base}{route}", deadline=DEADLINE))
    check_arrived(response, server.server_id)
    try:
        choices = json.loads(response.text) if response.status == 200 else None
    except ValueError:
        choices = None
    if not isinstance(choices, list):
        raise ProtocolError(server.server_id, "not a list of choices")
    return tuple(item for item in choices if isinstance(item, str))
