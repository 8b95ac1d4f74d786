"""One prober for all windows: it probes each server regularly, and reads all queues on request.

It probes every two seconds while a server is healthy, at growing intervals while it is not. Windows do not probe: they
are notified by `/fleet/ws`. `loads` reads the queues for a window that is about to choose a server; overlapping reads
of one server are shared. A read updates the condition as a probe does: a server that hangs delays one choice until the
deadline, and no later choice waits for it, though each reads it and so notices when it is back.

One late answer proves nothing: a healthy server is probed again at once, and its condition changes with the second.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import aiohttp

from gateway.fleet.fleet_stats import FleetStats
from gateway.fleet.probes import (
    LATE,
    StatusError,
    fetch_features,
    has_jobs,
    judge_failure,
    probe_closely,
    read_queue,
)
from gateway.fleet.server_answers import NotComfyError, QueueAnswer
from gateway.fleet.state import DEFAULT_MAX_UPLOAD, VERSION, FleetState
from gateway.http.deadlines import Deadlines
from gateway.http.servers import ServerId
from gateway.http.upstream import Upstream
from gateway.tasks import for_ever, start_task
from wire.features import Features
from wire.health import Condition, Health
from wire.refusals import Cause

_DOWN = {Health.DOWN, Health.TIMEOUT}
# A server that answered late is still the same process. Writing its catalogue can make it late: reading that again
# after each late answer would never end.
_SAME_PROCESS = {Health.WELL, Health.TIMEOUT}
_BACKOFF = 1.6  # from one pause to the next while a server is not healthy

_log = logging.getLogger(__name__)


class Prober:
    """Keeps a `FleetState` current. `on_well` is called with each server found healthy that may be another one now."""

    def __init__(
        self,
        state: FleetState,
        upstreams: Mapping[ServerId, Upstream],
        deadlines: Deadlines,
        *,
        on_well: Callable[[ServerId], object] = lambda _: None,
    ) -> None:
        self._state = state
        self._upstreams = upstreams
        self._deadlines = deadlines
        self._on_well = on_well
        self.stats = FleetStats()
        self.marks: dict[str, Mapping[str, str]] = {}  # owners' marks of the prompts that `loads` has reported
        self._watches: dict[Upstream, asyncio.Task[None]] = {}
        self._reads: dict[ServerId, asyncio.Task[dict[str, object]]] = {}
        self._notices: dict[ServerId, str] = {}
        self._hurries: dict[ServerId, asyncio.Event] = {}
        self._late: set[ServerId] = set()  # healthy servers whose last answer did not come in time

    def start(self) -> None:
        """Begin to probe all servers."""
        self.change()

    def change(self) -> None:
        """Probe the present servers soon, and stop probing those that have left."""
        there = set(self._upstreams.values())
        for upstream in set(self._watches) - there:
            self._watches.pop(upstream).cancel()
            self._reads.pop(upstream.server.id, None)  # it ends by itself, and its answer is not used
            self._notices.pop(upstream.server.id, None)
            self._late.discard(upstream.server.id)
            self.stats.forget(upstream.server.id)
        for server_id, upstream in self._upstreams.items():
            if upstream not in self._watches:
                self._hurries[server_id] = asyncio.Event()
                watch = for_ever(partial(self._watch, upstream), self._deadlines.probe_down)
                self._watches[upstream] = start_task(watch)
            else:
                self.probe_soon(server_id)

    async def close(self) -> None:
        """Stop probing."""
        tasks = [*self._watches.values(), *self._reads.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def explain_down(self, server_id: ServerId, reason: str) -> None:
        """Record why a server that does not answer is down, if the gateway knows better than a probe."""
        self._notices[server_id] = reason
        self._note(server_id, Condition(Health.DOWN))

    def probe_soon(self, server_id: ServerId) -> None:
        """Probe a server now, after something was done to it."""
        self._hurries[server_id].set()

    async def loads(self) -> dict[str, object]:
        """Read every server's queue now, and return what `GET /fleet/loads` sends: ids only."""
        asked = list(self._upstreams)
        answers = await asyncio.gather(*(self._load(server_id) for server_id in asked))
        found = dict(zip(asked, answers, strict=True))
        return {"v": VERSION, "servers": {key: value for key, value in found.items() if key in self._upstreams}}

    async def _load(self, server_id: ServerId) -> dict[str, object]:
        health = self._state.condition(server_id).health
        read = self._reads.get(server_id)
        if read is None:
            read = start_task(self._read_load(self._upstreams[server_id]))
            self._reads[server_id] = read
            read.add_done_callback(lambda done: self._forget(server_id, done))
        if health in _DOWN:  # the read continues in the background
            done, _ = await asyncio.wait({read}, timeout=self._deadlines.loads_down)
            if not done:
                return {"ok": False, "cause": health.value}
        return await asyncio.shield(read)  # other callers may share the read

    def _forget(self, server_id: ServerId, read: asyncio.Task[dict[str, object]]) -> None:
        if self._reads.get(server_id) is read:
            del self._reads[server_id]

    async def _read_load(self, upstream: Upstream) -> dict[str, object]:
        server_id = upstream.server.id
        try:
            async with asyncio.timeout(self._deadlines.loads):
                queue = await read_queue(upstream)
        except (aiohttp.ClientError, OSError, TimeoutError, NotComfyError, StatusError) as error:
            condition = judge_failure(error)
            if self._upstreams.get(server_id) is upstream:
                self._note(server_id, condition)
            return {"ok": False, "cause": condition.health.value}
        if self._upstreams.get(server_id) is not upstream:  # it has left the fleet in the meantime
            return {"ok": False, "cause": Cause.UNKNOWN_SERVER.code}
        self._late.discard(server_id)
        if self._state.condition(server_id).health is not Health.WELL:
            self._hurries[server_id].set()
        self._note_queue(server_id, queue)
        self.marks[server_id] = queue.marks
        return {"ok": True, "running": list(queue.running), "pending": list(queue.pending)}

    def _note_queue(self, server_id: ServerId, queue: QueueAnswer) -> None:
        self._state.note_queue(server_id, running=len(queue.running), pending=len(queue.pending))

    async def _watch(self, upstream: Upstream) -> None:
        server_id = upstream.server.id
        pause = self._deadlines.probe_well
        is_known, knows_jobs, features = False, False, Features()
        while True:
            seen = await probe_closely(upstream)
            condition = seen.condition
            self.stats.note(server_id, seen)
            known = self._state.condition(server_id)
            is_upgraded = condition.health is Health.WELL and condition.version != known.version
            if is_upgraded or not {condition.health, known.health} <= _SAME_PROCESS:
                is_known = False
            if condition.health is Health.WELL:
                pause = self._deadlines.probe_well
                self._notices.pop(server_id, None)
                if not is_known:  # it may be another server than before
                    is_known = True
                    features = await fetch_features(upstream)
                    self._state.max_upload[server_id] = features.max_upload or DEFAULT_MAX_UPLOAD
                    knows_jobs = await has_jobs(upstream)
                    self._on_well(server_id)
                condition = replace(condition, has_jobs=knows_jobs, can_download=features.can_download)
            else:
                pause = min(pause * _BACKOFF, self._deadlines.probe_down)
            self._note(server_id, condition)
            await self._rest(server_id, pause)

    async def _rest(self, server_id: ServerId, pause: float) -> None:
        """Sleep until the next probe; end early if the server was found to answer."""
        hurry = self._hurries[server_id]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await hurry.wait()
        hurry.clear()

    def _note(self, server_id: ServerId, condition: Condition) -> None:
        known = self._state.condition(server_id)
        if condition.cause == LATE and known.health is Health.WELL and server_id not in self._late:
            self._late.add(server_id)
            self._hurries[server_id].set()
            return
        self._late.discard(server_id)
        condition = condition.after(known)
        if condition.health is Health.DOWN and server_id in self._notices:
            condition = replace(condition, detail=self._notices[server_id])
        if condition.health is not known.health:
            _log.info("%s is %s %s", server_id, condition.health.value, condition.detail)
        self._state.note(server_id, condition)
