"""The servers that a page without a gateway probes itself: the core's `FleetSource` and `StatsSource`.

The list is a file beside the page, and is reread regularly. If it becomes unreadable, the last one stays.
Each server has a `ServerProbe`, so that this window knows its health without a gateway.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress

from app.browser.server_probe import ProbePorts, ServerProbe
from app.core.direct import ListedServers, loads_response, read_listed
from app.core.errors import ConfigError, ListError, TransportError
from app.core.model import Fleet, ServerId
from app.core.ports.http import Request, Response
from wire.server_stats import ServerStats

SOURCE = "beside-page"
DEADLINE = 12.0  # seconds, as all here
REREAD_EVERY = 60.0  # between two reads of the list
AFTER_FAILURE = 3.0

log = logging.getLogger("mooring.browser")


class DirectFleet:
    """Follows all servers of the list. `file` is its path, `on_build` gets the build of the page beside it."""

    def __init__(self, file: str, ports: ProbePorts, on_build: Callable[[str], None] = lambda _build: None) -> None:
        self._file, self._ports, self._on_build = file, ports, on_build
        self._probes: tuple[ServerProbe, ...] = ()
        self._problem = ""
        self._latest: Fleet | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._news, self._hurry = asyncio.Event(), asyncio.Event()
        self._reading = asyncio.Lock()

    async def first(self) -> Fleet:
        """The fleet now; ListError if the list cannot be read."""
        try:
            self._take(await self._read())
        except TransportError as error:
            raise ListError(error.cause, self._file) from error
        if self._keeping is None:
            self._keeping = asyncio.ensure_future(self._keep())
        self._latest = self._fleet()
        return self._latest

    async def changes(self) -> Fleet:
        """The next fleet that differs, or the first one."""
        while self._latest is None:
            await self._rest(AFTER_FAILURE)
            try:
                return await self.first()
            except ListError as error:
                log.info("the list of servers cannot be read: %s", error)
        while (fleet := self._fleet()) == self._latest:
            await self._news.wait()
            self._news.clear()
        self._latest = fleet
        return fleet

    def hurry(self) -> None:
        """Probe all servers now: the network or the user is back."""
        self._hurry.set()
        for probe in self._probes:
            probe.hurry()

    def come(self, name: str) -> None:
        """Do nothing: there is no login without a gateway."""

    def go(self, name: str) -> None:
        """Do nothing: there is no login without a gateway."""

    # The gateway's other answers

    async def stats(self) -> Mapping[ServerId, ServerStats]:
        """The stats of all servers, from this window's own probes."""
        return {item.server.server_id: item.stats() for item in self._probes}

    async def loads(self) -> Response:
        """Each server's queue, read now."""
        asked = self._probes
        found = await asyncio.gather(*(item.load() for item in asked))
        loads = zip(asked, found, strict=True)
        return loads_response({item.server.server_id: load for item, load in loads})

    async def read_catalogue(self, server_id: ServerId) -> tuple[str, str]:
        """Reread a server's catalogue; return the hashes of its nodes and of its lists of uploaded files."""
        for item in self._probes:
            if item.server.server_id == server_id:
                return await item.read_catalogue()
        raise ConfigError(f"{server_id} is not in {self._file}")

    def server_at(self, path: str) -> ServerId | None:
        """The server of a full URL, for errors."""
        found = (item.server for item in self._probes if path.startswith(f"{item.server.address}/"))
        return next((server.server_id for server in found), None)

    # The list

    async def _read(self) -> ListedServers:
        response = await self._ports.http.send(Request(method="GET", path=self._file, deadline=DEADLINE))
        if response.status != 200:
            raise ListError(f"{self._file} answered {response.status}", self._file)
        try:
            return read_listed(response.text)
        except ConfigError as error:
            raise ListError(error.cause, self._file) from error

    async def _keep(self) -> None:
        while True:
            await self._rest(REREAD_EVERY)
            try:
                self._take(await self._read())
            except TransportError as error:  # its host may be down: the servers are probed without it
                log.info("the list of servers cannot be reread: %s", error)
            except ListError as error:
                self._problem = error.cause
                self._news.set()

    def _take(self, listed: ListedServers) -> None:
        there = {(item.server.server_id, item.server.address): item for item in self._probes}
        probes = []
        for server in listed.servers:
            known = there.pop((server.server_id, server.address), None)
            if known is None:  # another address is another server
                known = ServerProbe(server, self._ports, self._reading, self._news.set)
            known.server = server
            probes.append(known)
        for gone in there.values():
            gone.close()
        self._probes, self._problem = tuple(probes), ""
        self._on_build(listed.build)
        self._news.set()

    def _fleet(self) -> Fleet:
        return Fleet(tuple(item.seen() for item in self._probes), SOURCE, self._file, problem=self._problem)

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._hurry.wait(), seconds)
        self._hurry.clear()
