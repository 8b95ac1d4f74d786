"""Actions of administrators on the fleet: add, rename and remove servers; drain one, free its memory, list its queue,
cancel any user's prompt there."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace

import aiohttp
from aiohttp import web

from gateway.check.examination import examine
from gateway.errors import ConfigError
from gateway.fleet.changes import FleetChanges
from gateway.fleet.new_server import AddressError, judge_address, propose_id, propose_name, read_address
from gateway.http.deadlines import Deadlines
from gateway.http.refusal import Refusal, RefusedRequest, Sent
from gateway.http.servers import Server, ServerId
from gateway.http.upstream import Upstream
from gateway.people.audit import audit
from gateway.people.login import read_small
from gateway.people.projection import Row
from gateway.people.upstream_query import fetch_rows
from gateway.people.user import User
from wire.new_servers import AddedServer, CheckedServer, DeviceName
from wire.refusals import Cause
from wire.versions import interrupts_by_id

LONGEST_ID = 200  # characters of a prompt_id; clients that bypass the gateway may choose any

MOST_CHECKS = 10  # of one user in a minute
_MINUTE = 60.0


class FleetAdmin:
    """Administers the fleet. `users` are all accounts."""

    def __init__(
        self,
        changes: FleetChanges,
        deadlines: Deadlines,
        users: Callable[[], Iterable[User]],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._changes = changes
        self._deadlines = deadlines
        self._users = users
        self._now = now
        self._checks: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=MOST_CHECKS))

    async def answer(
        self, request: web.BaseRequest, upstream: Upstream, action: str, version: str, who: str
    ) -> dict[str, object]:
        """Perform an action of `FleetAction`; `version` is the server's, `who` the administrator."""
        if action == "queue":
            return await self._queue(upstream)
        body = await read_small(request)
        match action:
            case "drain":
                return await self._drain(upstream.server.id, body, who)
            case "rename":
                return await self._rename(upstream.server.id, body, who)
            case "remove":
                return await self._remove(upstream.server.id, who)
            case "free":
                return await self._free(upstream, who)
            case _:
                return await self._cancel(upstream, body, version, who)

    async def change(self, request: web.BaseRequest, action: str, who: str) -> dict[str, object]:
        """Perform an action of `FleetChange`: check an address, or add its server."""
        body = await read_small(request)
        typed, name = body.get("url"), body.get("name", "")
        if not isinstance(typed, str) or not isinstance(name, str):
            raise RefusedRequest(Refusal(Cause.REFUSED_BODY, '{"url": "…"} is needed.'))
        if action == "check":
            return (await self._check(typed, who)).as_json()
        return (await self._add(typed, name, who)).as_json()

    async def _check(self, typed: str, who: str) -> CheckedServer:
        """Check an address."""
        self._count_check(who)
        try:
            address = read_address(typed)
            server, is_listed, was_removed = await self._server_at(address)
            found = CheckedServer(address=address, server_id=server.id, name=server.name, was_removed=was_removed)
            if is_listed:
                return replace(found, is_known=True)
            await judge_address(address, self._deadlines.probe)
        except AddressError as error:
            return CheckedServer(fault=error.fault)
        async with Upstream(server, self._deadlines) as upstream:
            report = await examine(upstream)
        audit("check", name=who, url=address, health=report.condition.health.value)
        return replace(
            found,
            health=report.condition.health,
            cause=report.condition.cause,
            version=report.condition.version,
            devices=tuple(DeviceName(one.title, one.total or 0) for one in report.devices),
            has_socket=report.socket == "",
        )

    async def _add(self, typed: str, name: str, who: str) -> AddedServer:
        """Add a server to the fleet."""
        try:
            address = read_address(typed)
            await judge_address(address, self._deadlines.probe)
        except AddressError as error:
            return AddedServer(fault=error.fault)
        server, _, _ = await self._server_at(address)
        try:
            added = await self._changes.add(replace(server, name=name.strip()) if name.strip() else server)
        except ConfigError as error:
            raise RefusedRequest(Refusal(Cause.NOT_ALLOWED, str(error))) from error
        if added.server_id:
            audit("add", name=who, server=added.server_id, url=address)
        return added

    async def _server_at(self, address: str) -> tuple[Server, bool, bool]:
        """Return the server at an address, a new one if it is unknown; whether it is in the fleet, and was removed."""
        try:
            known = await self._changes.known(address)
        except ConfigError as error:
            raise RefusedRequest(Refusal(Cause.NOT_ALLOWED, str(error))) from error
        if known.server is not None:
            return known.server, known.is_listed, not known.is_listed
        server_id = propose_id(address, known.taken)
        return Server(server_id, propose_name(address, server_id), address), False, False

    def _count_check(self, who: str) -> None:
        """Count a check of this user; `Refused` if there were too many in the last minute."""
        checks, now = self._checks[who], self._now()
        wait = checks[0] + _MINUTE - now if len(checks) == MOST_CHECKS else 0.0
        if wait > 0:
            message = f"{MOST_CHECKS} addresses a minute can be checked. Try again in {math.ceil(wait)} s."
            raise RefusedRequest(Refusal(Cause.TOO_MANY_REQUESTS, message, retry_after=wait))
        checks.append(now)

    async def _drain(self, server_id: ServerId, body: dict[str, object], who: str) -> dict[str, object]:
        """Drain a server, or end its draining."""
        wanted = body.get("drain")
        if not isinstance(wanted, bool):
            raise RefusedRequest(Refusal(Cause.REFUSED_BODY, '{"drain": true} or {"drain": false} is needed.'))
        await _changed(self._changes.drain(server_id, is_drained=wanted))
        audit("drain" if wanted else "drain ended", name=who, server=server_id)
        return {"drain": wanted}

    async def _rename(self, server_id: ServerId, body: dict[str, object], who: str) -> dict[str, object]:
        """Change what people call a server."""
        name = body.get("name")
        if not isinstance(name, str):
            raise RefusedRequest(Refusal(Cause.REFUSED_BODY, '{"name": "…"} is needed.'))
        await _changed(self._changes.rename(server_id, name.strip()))
        audit("rename", name=who, server=server_id)
        return {"name": name.strip()}

    async def _remove(self, server_id: ServerId, who: str) -> dict[str, object]:
        """Remove a drained server from the fleet."""
        await _changed(self._changes.remove(server_id))
        audit("remove", name=who, server=server_id)
        return {}

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


async def _changed(work: Awaitable[None]) -> None:
    """Await a change of the fleet; `Refused` if it cannot be."""
    try:
        await work
    except ConfigError as error:
        raise RefusedRequest(Refusal(Cause.NOT_ALLOWED, str(error))) from error


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
