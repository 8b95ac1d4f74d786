"""Actions of administrators on a server: drain it, free its memory, list its queue, cancel any user's prompt, use one
that was found on this machine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable

import aiohttp
from aiohttp import web

from gateway.errors import ConfigError
from gateway.http.refusal import Refusal, RefusedRequest, Sent
from gateway.http.servers import ServerId
from gateway.http.upstream import Upstream
from gateway.people.audit import audit
from gateway.people.login import read_small
from gateway.people.projection import Row
from gateway.people.upstream_query import fetch_rows
from gateway.people.user import User
from wire.refusals import Cause
from wire.versions import interrupts_by_id

LONGEST_ID = 200  # characters of a prompt_id; clients that bypass the gateway may choose any

Drain = Callable[[ServerId, bool], Awaitable[object]]
Use = Callable[[ServerId], Awaitable[None]]


class FleetAdmin:
    """Administers servers. `drain` changes whether a server takes new work; `use` adds one that was found to the fleet;
    `users` are all accounts."""

    def __init__(self, drain: Drain, use: Use, users: Callable[[], Iterable[User]]) -> None:
        self._drain_server = drain
        self._use_server = use
        self._users = users

    async def answer(
        self, request: web.BaseRequest, upstream: Upstream, action: str, version: str, who: str
    ) -> dict[str, object]:
        """Perform an action of `FleetAction`; `version` is the server's, `who` the administrator."""
        if action == "queue":
            return await self._queue(upstream)
        body = await read_small(request)
        match action:
            case "drain":
                return await self._drain(upstream, body, who)
            case "free":
                return await self._free(upstream, who)
            case _:
                return await self._cancel(upstream, body, version, who)

    async def use(self, request: web.BaseRequest, who: str) -> dict[str, object]:
        """Use a server that was found on this machine."""
        server_id = (await read_small(request)).get("server")
        if not isinstance(server_id, str):
            raise RefusedRequest(Refusal(Cause.REFUSED_BODY, '{"server": "…"} is needed.'))
        try:
            await self._use_server(ServerId(server_id))
        except ConfigError as error:
            raise RefusedRequest(Refusal(Cause.NOT_ALLOWED, str(error))) from error
        audit("use", name=who, server=server_id)
        return {}

    async def _drain(self, upstream: Upstream, body: dict[str, object], who: str) -> dict[str, object]:
        """Drain a server, or end its draining."""
        wanted = body.get("drain")
        if not isinstance(wanted, bool):
            raise RefusedRequest(Refusal(Cause.REFUSED_BODY, '{"drain": true} or {"drain": false} is needed.'))
        try:
            await self._drain_server(upstream.server.id, wanted)
        except ConfigError as error:
            raise RefusedRequest(Refusal(Cause.NOT_ALLOWED, str(error))) from error
        audit("drain" if wanted else "drain ended", name=who, server=upstream.server.id)
        return {"drain": wanted}

    async def _free(self, upstream: Upstream, who: str) -> dict[str, object]:
        """Free a server's memory: it unloads models once no running prompt needs them."""
        await post(upstream, "/free", {"unload_models": True, "free_memory": True})
        audit("free memory", name=who, server=upstream.server.id)
        return {}

    async def _queue(self, upstream: Upstream) -> dict[str, object]:
        """Return a server's queue with the owners as far as they are known, but without the prompts themselves."""
        rows, known = await fetch_rows(upstream), tuple(self._users())
        listed = await asyncio.to_thread(lambda: [_row(row, known, upstream.server.id) for row in rows])
        return {"rows": listed}

    async def _cancel(self, upstream: Upstream, body: dict[str, object], version: str, who: str) -> dict[str, object]:
        """Remove a prompt from the queue, or interrupt it, whichever user owns it."""
        prompt_id = body.get("prompt_id")
        if not isinstance(prompt_id, str) or not 0 < len(prompt_id) <= LONGEST_ID:
            raise RefusedRequest(Refusal(Cause.REFUSED_BODY, "A prompt_id is needed."))
        rows = [row for row in await fetch_rows(upstream) if row.prompt_id == prompt_id]
        if not rows:
            raise RefusedRequest(Refusal(Cause.NOT_LISTED, "There is no such prompt in the queue; it may have ended."))
        is_running = any(row.is_running for row in rows)
        if is_running and not interrupts_by_id(version):
            message = f"The ComfyUI of {upstream.server.id} is too old to interrupt one prompt and no other."
            raise RefusedRequest(Refusal(Cause.NOT_ALLOWED, message))
        await post(upstream, "/queue", {"delete": [prompt_id]})
        if is_running or interrupts_by_id(version):  # it may have started in the meantime
            await post(upstream, "/interrupt", {"prompt_id": prompt_id})
        audit("cancel", name=who, server=upstream.server.id, id=prompt_id)
        return {"cancelled": prompt_id}


def _row(row: Row, people: tuple[User, ...], server_id: str) -> dict[str, object]:
    owner = next((one.name for one in people if one.owns(server_id, row.prompt_id, row.extra_data)), "")
    return {"prompt_id": row.prompt_id, "number": row.number, "is_running": row.is_running, "name": owner}


async def post(upstream: Upstream, path: str, body: object) -> None:
    """POST JSON and ignore the answer's body; `Refused` unless the server accepted it."""
    data = json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    try:
        async with (
            upstream.place(upstream.submits),
            asyncio.timeout(upstream.deadlines.read),
            upstream.session(is_fresh=True).post(upstream.url(path), data=data, headers=headers) as reply,
        ):
            status = reply.status
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise RefusedRequest(upstream.explain(error)) from error
    if status != 200:
        message = f"{upstream.server.id} answered with status {status}."
        raise RefusedRequest(Refusal(Cause.UPSTREAM_REFUSED, message, Sent.UNKNOWN))
