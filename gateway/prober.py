"""One prober for all windows: it looks at each server now and then, and reads all queues when asked.

Every two seconds while a server is well, less and less often while it is not. Windows do not probe: they are told
by `/fleet/ws`. `loads` reads afresh, for a window that is about to choose a server; reads of one server that
overlap are one read.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace

import aiohttp

from gateway.deadlines import Deadlines
from gateway.fleet import ServerId
from gateway.looks import (
    NotComfyError,
    Queue,
    StatusError,
    judge_failure,
    look,
    read_max_upload,
    read_queue,
)
from gateway.state import VERSION, Condition, FleetState, Health
from gateway.tasks import start_task
from gateway.upstream import Upstream

_BACKOFF = 1.6  # from one pause to the next while a server is not well

_log = logging.getLogger(__name__)


class Prober:
    """Keeps a `FleetState` current."""

    def __init__(self, state: FleetState, upstreams: Mapping[ServerId, Upstream], deadlines: Deadlines) -> None:
        self._state = state
        self._upstreams = upstreams
        self._deadlines = deadlines
        self._watches: list[asyncio.Task[None]] = []
        self._reads: dict[ServerId, asyncio.Task[dict[str, object]]] = {}
        self._notices: dict[ServerId, str] = {}

    def start(self) -> None:
        """Begin to look at all servers."""
        self._watches = [start_task(self._watch(server_id)) for server_id in self._upstreams]

    async def close(self) -> None:
        """Stop looking."""
        tasks = [*self._watches, *self._reads.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def explain_down(self, server_id: ServerId, reason: str) -> None:
        """Tell why a server that does not answer is down, where that is known better than from outside."""
        self._notices[server_id] = reason
        self._note(server_id, Condition(Health.DOWN))

    async def loads(self) -> dict[str, object]:
        """Every server's queue, read now, as `GET /fleet/loads` sends it: ids only."""
        answers = await asyncio.gather(*(self._load(server_id) for server_id in self._upstreams))
        return {"v": VERSION, "servers": dict(zip(self._upstreams, answers, strict=True))}

    async def _load(self, server_id: ServerId) -> dict[str, object]:
        read = self._reads.get(server_id)
        if read is None:
            read = start_task(self._read_load(server_id))
            self._reads[server_id] = read
            read.add_done_callback(lambda _: self._reads.pop(server_id, None))
        return await asyncio.shield(read)  # others may wait for the same read

    async def _read_load(self, server_id: ServerId) -> dict[str, object]:
        try:
            async with asyncio.timeout(self._deadlines.loads):
                queue = await read_queue(self._upstreams[server_id])
        except (aiohttp.ClientError, OSError, TimeoutError, NotComfyError, StatusError) as error:
            return {"ok": False, "cause": judge_failure(error).health.value}
        self._note_queue(server_id, queue)
        return {"ok": True, "running": list(queue.running), "pending": list(queue.pending)}

    def _note_queue(self, server_id: ServerId, queue: Queue) -> None:
        self._state.note_queue(server_id, running=len(queue.running), pending=len(queue.pending))

    async def _watch(self, server_id: ServerId) -> None:
        pause = self._deadlines.probe_well
        while True:
            condition = await look(self._upstreams[server_id])
            is_news = condition.health is not self._state.condition(server_id).health
            if condition.health is Health.WELL:
                pause = self._deadlines.probe_well
                self._notices.pop(server_id, None)
                if is_news:
                    self._state.max_upload[server_id] = await read_max_upload(self._upstreams[server_id])
            else:
                pause = min(pause * _BACKOFF, self._deadlines.probe_ill)
            self._note(server_id, condition)
            if is_news:
                _log.info("%s is %s %s", server_id, condition.health.value, condition.detail)
            await asyncio.sleep(pause)

    def _note(self, server_id: ServerId, condition: Condition) -> None:
        if condition.health is not Health.WELL:
            known = self._state.condition(server_id)  # what it was stays true while it does not answer
            condition = replace(condition, version=known.version, is_demo=known.is_demo)
        if condition.health is Health.DOWN and server_id in self._notices:
            condition = replace(condition, detail=self._notices[server_id])
        self._state.note(server_id, condition)
