"""Admin actions, requested from the gateway: the core's `FleetAdmin`, over `/fleet/…`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from app.core.comfy import gateway_cause
from app.core.errors import ConfigError, GatewayRefused, reason_of
from app.core.model import PromptId, ServerId
from app.core.ports.fleet import QueuedPrompt
from app.core.ports.http import Http, Request, Response
from wire.new_servers import AddedServer, CheckedServer, read_added, read_checked

DEADLINE = 20.0
CHECK_DEADLINE = 60.0  # each question to the server has its own

T = TypeVar("T")


class GatewayAdmin:
    """Sends admin actions to the gateway."""

    def __init__(self, http: Http) -> None:
        self._http = http

    async def check(self, url: str) -> CheckedServer:
        """FleetAdmin.check."""
        return _read(await self._send("/fleet/check", {"url": url}, deadline=CHECK_DEADLINE), read_checked)

    async def add(self, url: str, name: str) -> AddedServer:
        """FleetAdmin.add."""
        return _read(await self._send("/fleet/servers", {"url": url, "name": name}), read_added)

    async def rename(self, server_id: ServerId, name: str) -> None:
        """FleetAdmin.rename."""
        await self._post(server_id, "rename", {"name": name})

    async def remove(self, server_id: ServerId) -> None:
        """FleetAdmin.remove."""
        await self._post(server_id, "remove", {})

    async def drain(self, server_id: ServerId, *, is_drained: bool) -> None:
        """FleetAdmin.drain."""
        await self._post(server_id, "drain", {"drain": is_drained})

    async def free(self, server_id: ServerId) -> None:
        """FleetAdmin.free."""
        await self._post(server_id, "free", {})

    async def queue(self, server_id: ServerId) -> tuple[QueuedPrompt, ...]:
        """FleetAdmin.queue."""
        path = _path(server_id, "queue")
        answer = await self._http.send(Request(method="GET", path=path, deadline=DEADLINE))
        check_taken(answer, server_id)
        return read_queue(answer.text)

    async def cancel(self, server_id: ServerId, prompt_id: PromptId) -> None:
        """FleetAdmin.cancel."""
        await self._post(server_id, "cancel", {"prompt_id": prompt_id})

    async def _post(self, server_id: ServerId, action: str, body: Mapping[str, object]) -> None:
        await self._send(_path(server_id, action), body, server_id)

    async def _send(
        self, path: str, body: Mapping[str, object], server_id: ServerId | None = None, deadline: float = DEADLINE
    ) -> Response:
        answer = await self._http.send(Request(method="POST", path=path, deadline=deadline, json=json.dumps(body)))
        check_taken(answer, server_id)
        return answer


def _path(server_id: ServerId, action: str) -> str:
    return f"/fleet/servers/{server_id}/{action}"


def check_taken(answer: Response, server_id: ServerId | None = None) -> None:
    """Raise GatewayRefused unless the gateway did it."""
    if answer.status == 200:
        return
    try:
        detail = str(json.loads(answer.text)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        detail = ""
    raise GatewayRefused(server_id, gateway_cause(answer) or str(answer.status), detail)


def _read(answer: Response, read: Callable[[Mapping[str, Any]], T]) -> T:
    try:
        return read(json.loads(answer.text))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ConfigError(f"not the gateway's answer about a server: {reason_of(error)}") from error


def read_queue(text: str) -> tuple[QueuedPrompt, ...]:
    """Parse the gateway's JSON; ConfigError if it is invalid."""
    try:
        return tuple(_prompt(row) for row in json.loads(text)["rows"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ConfigError(f"not the gateway's queue: {reason_of(error)}") from error


def _prompt(row: Mapping[str, Any]) -> QueuedPrompt:
    number = row.get("number")
    return QueuedPrompt(
        prompt_id=PromptId(str(row["prompt_id"])),
        number=number if isinstance(number, int | float) else 0,
        is_running=row.get("is_running") is True,
        name=str(row.get("name") or ""),
    )
