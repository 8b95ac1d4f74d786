"""Injecting faults into demo servers, `POST /demo/break`; the gateway has it only with `--demo N --faults`."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from app.core.errors import BadInput, ConnectError, HttpStatusError
from app.core.model import ServerId
from app.core.ports.http import Http, Request, Response

PATH = "/demo/break"
DEADLINE = 60.0  # restarting a server on a busy machine takes a while


def make_breaker(http: Http) -> Callable[[ServerId, str], Awaitable[None]]:
    """`await break_server(server_id, fault)` returns when it is done, or raises the MooringError why it is not."""

    async def break_server(server_id: ServerId, fault: str) -> None:
        body = json.dumps({"server": server_id, "fault": fault})
        response = await http.send(Request(method="POST", path=PATH, deadline=DEADLINE, json=body))
        if response.status != 200:
            raise _refusal(server_id, response)

    return break_server


def _refusal(server_id: ServerId, response: Response) -> BadInput | ConnectError | HttpStatusError:
    cause = response.headers.get("x-mooring-gateway", "").partition(";")[0]
    message = _message(response.text)
    match cause:
        case "connect-failed":
            return ConnectError(server_id, cause)
        case "refused-body":
            return BadInput("cannot-break", server_id, message)
    return HttpStatusError(server_id, response.status, message)


def _message(text: str) -> str:
    try:
        return str(json.loads(text)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return ""
