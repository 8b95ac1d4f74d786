"""One server that this page probes itself, and the results.

It probes often while the window is visible, and rarely in a hidden window, whose own tasks are watched anyway. If a
probe gets no answer, `ProbePorts.reach` finds out what it can; it opens a WebSocket once per change only, since all
clients of the server notice it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from app.core.comfy import Queue, queue_request, read_queue
from app.core.direct import ExportedSite, Reach, Refusal, forbidden, judge_answers, judge_silence
from app.core.errors import ComfyError, MooringError, TransportError
from app.core.model import Server
from app.core.ports.http import Http, Request, Response
from wire.health import Condition, Health
from wire.server_stats import Hour, ServerStats
from wire.system_stats import ProbeResult

LOOK_DEADLINE = 6.0  # seconds, as all here
LOAD_DEADLINE, LOAD_DEADLINE_ILL = 4.0, 1.5  # of its queue, for a choice that waits
WELL, ILL, LONGEST_ILL, HIDDEN = 5.0, 3.0, 20.0, 60.0  # between probes
RELEARN_AFTER = 60.0  # after a catalogue that could not be read
GROWTH = 1.6  # from one pause to the next while it is not well
# A server that was only busy keeps its catalogue. Writing it takes seconds, for each window: if all windows reread it
# after a late answer, the next answer would be late too.
_SAME_ONE = frozenset({Health.WELL, Health.TIMEOUT})
_SOCKET_CAUSES = frozenset({Refusal.NO_CORS.value, Refusal.ORIGIN.value, Refusal.UNSEEN.value})

log = logging.getLogger("mooring.browser")


@dataclass(frozen=True, slots=True)
class ProbePorts:
    """What a probe needs. `reach(address, asks_socket)` probes a server without a readable answer, `learn` reads a
    catalogue and returns the hashes of its nodes and of its lists of files."""

    http: Http
    site: ExportedSite
    is_hidden: Callable[[], bool]
    reach: Callable[[str, bool], Awaitable[Reach]]
    learn: Callable[[str], Awaitable[tuple[str, str]]]


class ServerProbe:
    """See the module. `server` is as the list has it now; `on_news` is called when something has changed."""

    def __init__(self, server: Server, ports: ProbePorts, reading: asyncio.Lock, on_news: Callable[[], None]) -> None:
        self.server = server
        self._ports, self._reading, self._on_news = ports, reading, on_news
        self._seen = ProbeResult(Condition())
        self._hour = Hour()
        self._catalogue = ("", "")
        self._learning: asyncio.Task[None] | None = None
        self._tried_at: float | None = None
        self._hurry = asyncio.Event()
        self._task = asyncio.ensure_future(self._run())
        self._task.add_done_callback(_log_end)

    def close(self) -> None:
        """Stop probing."""
        self._task.cancel()
        if self._learning is not None:
            self._learning.cancel()

    def hurry(self) -> None:
        """Probe now."""
        self._hurry.set()

    def seen(self) -> Server:
        """Return the server with its condition and catalogue."""
        nodes, files = self._catalogue
        return replace(self.server, **self._seen.condition.facts(), catalogue=nodes, files=files)

    def stats(self) -> ServerStats:
        """Its devices, and its last hour as far as this page has looked."""
        return ServerStats(self._seen.devices, self._hour.minutes(_minute()))

    async def load(self) -> Queue | str:
        """Its queue, read now; the cause if it gives none."""
        known, address = self._seen.condition, self.server.address
        if forbidden(address, self._ports.site) is not None:
            return known.health.value
        deadline = LOAD_DEADLINE if known.health in {Health.WELL, Health.UNKNOWN} else LOAD_DEADLINE_ILL
        request = replace(queue_request(address), deadline=deadline)
        try:
            return read_queue(await self._ports.http.send(request), self.server.server_id)
        except (TransportError, ComfyError) as error:
            self.hurry()
            if isinstance(error, TransportError) and error.cause == "deadline":
                return Health.TIMEOUT.value
            return (known.health if known.health not in {Health.WELL, Health.UNKNOWN} else Health.DOWN).value

    async def read_catalogue(self) -> tuple[str, str]:
        """What nodes it has, and what files, as hashes; one server's at a time, since each may be megabytes."""
        async with self._reading:
            self._catalogue = await self._ports.learn(self.server.address)
        self._on_news()
        return self._catalogue

    async def _run(self) -> None:
        pause = ILL
        while True:
            seen = await self._probe()
            was = self._seen
            self._seen = replace(seen, condition=seen.condition.after(was.condition))
            self._hour = self._hour.with_probe(_minute(), seen.condition)
            if was != self._seen:
                self._on_news()
            health, before = seen.condition.health, was.condition.health
            is_well = health is Health.WELL
            if is_well and (before not in _SAME_ONE or self._is_unlearned()):
                self._learn_beside()
            pause = WELL if is_well else ILL if before is not health else min(LONGEST_ILL, pause * GROWTH)
            await self._rest(HIDDEN if self._ports.is_hidden() else pause)

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._hurry.wait(), seconds)
        self._hurry.clear()

    def _is_unlearned(self) -> bool:
        """Whether to retry its catalogue: not soon, since reading it may be what keeps the server busy."""
        tried = self._tried_at
        return not self._catalogue[0] and (tried is None or time.monotonic() - tried > RELEARN_AFTER)

    def _learn_beside(self) -> None:
        if self._learning is None or self._learning.done():
            self._learning = asyncio.ensure_future(self._learn())

    async def _learn(self) -> None:
        try:
            await self.read_catalogue()
        except MooringError as error:
            log.info("%s: no catalogue: %s", self.server.server_id, error)
        self._tried_at = time.monotonic()

    async def _probe(self) -> ProbeResult:
        address, site = self.server.address, self._ports.site
        if (refused := forbidden(address, site)) is not None:
            return ProbeResult(refused)
        try:
            return judge_answers(await self._ask("/system_stats"), await self._ask("/prompt"))
        except TransportError as error:
            if error.cause == "deadline":
                return ProbeResult(Condition(Health.TIMEOUT, "no answer in time"))
        is_known = self._seen.condition.cause in _SOCKET_CAUSES
        try:
            reach = await self._ports.reach(address, not is_known)
        except TransportError as error:  # the page's own host, which serves that script, may be down
            log.warning("%s: why it does not answer is unknown: %s", self.server.server_id, error)
            reach = Reach()
        if is_known and reach.answers:
            return self._seen  # no visible change: leave its socket alone
        return ProbeResult(judge_silence(address, site, reach))

    async def _ask(self, path: str) -> Response:
        request = Request(method="GET", path=f"{self.server.address}{path}", deadline=LOOK_DEADLINE)
        return await self._ports.http.send(request)


def _log_end(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("the probes of a server have ended", exc_info=task.exception())


def _minute() -> int:
    return int(time.monotonic() // 60)
