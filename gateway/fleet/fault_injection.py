"""*Break it*: injects the faults that the page requests into demo servers, and reports which faults are active.

It exists only if this gateway has started the servers itself, with `--faults`. It cannot reach a real server, because
it knows the demo fleet's processes and nothing else.
"""

from __future__ import annotations

import asyncio
import json
import logging
import struct
import zlib
from collections.abc import Mapping
from typing import Any

import aiohttp
from aiohttp import web

from gateway.errors import StartError
from gateway.fleet.demo import DemoFleet
from gateway.fleet.faults import LARGEST_WISH, FaultWish, read_active_faults, read_wish
from gateway.fleet.prober import Prober
from gateway.fleet.state import FleetState
from gateway.http.json_reader import build
from gateway.http.refusal import Refusal, RefusedRequest
from gateway.http.servers import ServerId
from gateway.http.upstream import Upstream
from gateway.tasks import start_task
from wire.faults import CHANGES, Fault
from wire.refusals import Cause

_PATH = "/demo/faults"
_PAUSE = 1.0  # between polls of active faults: a fault of the next submit ends by itself
_JSON = {"Content-Type": "application/json"}

_log = logging.getLogger(__name__)


class FaultInjector:
    """Acts on one demo server at a time, also if the page that requested it closes."""

    def __init__(
        self,
        demo: DemoFleet,
        state: FleetState,
        prober: Prober,
        upstreams: Mapping[ServerId, Upstream],
    ) -> None:
        self._demo = demo
        self._state = state
        self._prober = prober
        self._upstreams = upstreams
        self._deadlines = next(iter(upstreams.values())).deadlines
        self._turns = {server_id: asyncio.Lock() for server_id in upstreams}
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self) -> None:
        """Begin to poll the active faults."""
        for server_id in self._upstreams:
            self._tasks.add(start_task(self._watch(server_id)))

    async def close(self) -> None:
        """Stop polling, and leave unfinished work undone: the servers end with the gateway."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def answer(self, request: web.BaseRequest) -> dict[str, object]:
        """Do what the request's body says; return the server's active faults, or raise `Refused`."""
        wish = read_wish(await self._read_body(request))
        if isinstance(wish, str):
            raise RefusedRequest(Refusal(Cause.REFUSED_BODY, wish))
        if wish.server_id not in self._upstreams:
            raise RefusedRequest(Refusal(Cause.UNKNOWN_SERVER, f"The fleet has no server {wish.server_id!r}."))
        action = asyncio.create_task(self._act(wish))
        self._tasks.add(action)
        action.add_done_callback(self._settle)
        broken = await asyncio.shield(action)
        return {"server": wish.server_id, "broken": broken}

    def _settle(self, action: asyncio.Task[Any]) -> None:
        self._tasks.discard(action)
        if not action.cancelled() and (error := action.exception()) is not None:
            _log.info("a fault was not injected: %s", error)

    async def _read_body(self, request: web.BaseRequest) -> bytes:
        body = bytearray()
        try:
            async with asyncio.timeout(self._deadlines.read):
                while chunk := await request.content.readany():
                    body += chunk
                    if len(body) > LARGEST_WISH:
                        raise RefusedRequest(
                            Refusal(Cause.TOO_LARGE, f"The body may have at most {LARGEST_WISH} bytes.")
                        )
        except (TimeoutError, web.RequestPayloadError) as error:
            raise RefusedRequest(Refusal(Cause.BAD_REQUEST, "The body did not arrive whole.")) from error
        return bytes(body)

    async def _act(self, wish: FaultWish) -> list[str]:
        server_id = ServerId(wish.server_id)
        async with self._turns[server_id]:
            _log.info("%s: %s, by Break it", server_id, wish.fault.value)
            try:
                await self._do(server_id, wish.fault)
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                raise RefusedRequest(self._upstreams[server_id].explain(error)) from error
            await self._poll(server_id)
        self._prober.probe_soon(server_id)
        return list(self._state.broken(server_id))

    async def _do(self, server_id: ServerId, fault: Fault) -> None:
        is_running = self._demo.is_running(server_id)
        match fault:
            case Fault.KILL:
                await self._demo.kill(server_id)
            case Fault.START | Fault.RESET if not is_running:
                await self._start(server_id)
            case Fault.START:
                raise RefusedRequest(Refusal(Cause.REFUSED_BODY, f"{server_id} is running."))
            case _ if not is_running:
                raise RefusedRequest(Refusal(Cause.CONNECT_FAILED, f"{server_id} is not running: start it first."))
            case Fault.RESTART:
                await self._restart(server_id)
            case Fault.CLEAR_HISTORY:
                await self._call(server_id, "/history", {"clear": True})
            case Fault.OVERWRITE_FILE:
                await self._overwrite(server_id)
            case _:
                await self._call(server_id, _PATH, CHANGES[fault])

    async def _start(self, server_id: ServerId) -> None:
        try:
            await self._demo.restart(server_id, self._deadlines.demo_start)
        except StartError as error:
            raise RefusedRequest(Refusal(Cause.CONNECT_FAILED, str(error))) from error

    async def _restart(self, server_id: ServerId) -> None:
        """Wait until another process answers under the same number; until then connections are refused."""
        before = (await self._ask(server_id, _PATH))["boot"]
        await self._call(server_id, _PATH, CHANGES[Fault.RESTART])
        async with asyncio.timeout(self._deadlines.demo_start):
            while self._demo.is_running(server_id):
                try:
                    if (await self._ask(server_id, _PATH))["boot"] != before:
                        return
                except (aiohttp.ClientError, OSError):
                    pass  # it is starting
                await asyncio.sleep(0.05)

    async def _overwrite(self, server_id: ServerId) -> None:
        """Replace the newest result by another picture, as a second program on that machine might."""
        history = await self._ask(server_id, "/history")
        files = [
            file
            for entry in history.values()
            for output in entry["outputs"].values()
            for file in output.get("images", ())
            if file["type"] == "output"
        ]
        if not files:
            raise RefusedRequest(
                Refusal(Cause.REFUSED_BODY, f"{server_id} has made no picture yet: run something there.")
            )
        form = aiohttp.FormData({"type": "output", "overwrite": "true", "subfolder": files[-1]["subfolder"]})
        form.add_field("image", another_picture(), filename=files[-1]["filename"], content_type="image/png")
        body = form()
        await self._post(server_id, "/upload/image", body, {"Content-Type": body.content_type})

    # Requests to the server

    async def _watch(self, server_id: ServerId) -> None:
        while True:
            async with self._turns[server_id]:
                await self._poll(server_id)
            await asyncio.sleep(_PAUSE)

    async def _poll(self, server_id: ServerId) -> None:
        """Record the active faults; a failed request leaves them as they were."""
        if not self._demo.is_running(server_id):
            self._state.note_faults(server_id, (Fault.KILL.value,))
            return
        try:
            broken = read_active_faults(await self._ask(server_id, _PATH))
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError, KeyError) as error:
            _log.debug("%s did not report its faults: %r", server_id, error)
            return
        self._state.note_faults(server_id, tuple(fault.value for fault in broken))

    async def _ask(self, server_id: ServerId, path: str) -> dict[str, Any]:
        upstream = self._upstreams[server_id]
        async with (
            asyncio.timeout(self._deadlines.read),
            upstream.session(is_fresh=True).get(upstream.url(path)) as reply,
        ):
            reply.raise_for_status()
            found: dict[str, Any] = build(await reply.read())
            return found

    async def _call(self, server_id: ServerId, path: str, change: Mapping[str, object]) -> None:
        await self._post(server_id, path, json.dumps(dict(change)).encode(), _JSON)

    async def _post(self, server_id: ServerId, path: str, body: Any, headers: Mapping[str, str]) -> None:
        upstream = self._upstreams[server_id]
        async with (
            asyncio.timeout(self._deadlines.read),
            upstream.session(is_fresh=True).post(upstream.url(path), data=body, headers=headers) as reply,
        ):
            reply.raise_for_status()


def another_picture(side: int = 64) -> bytes:
    """Return a grey PNG, which no node of the demo servers makes."""
    row = b"\0" + b"\x80" * side
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(row * side)),
        (b"IEND", b""),
    )
    chunks = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
