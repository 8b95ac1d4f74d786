"""All DNS searches of a gateway, and the fleet that they and the fleet file make together.

    discovery = Discovery(state, deadlines, change)
    await discovery.start()
    fleet = discovery.merged(fleet)       # a declared fleet, with what was found

Each gateway searches by itself: ids and identities come from the servers and from DNS alone, so all gateways of one
fleet file reach the same result without communicating.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from gateway.flags import same_server
from gateway.fleet.discovery.search import Search
from gateway.fleet.fleet import Discover, Fleet
from gateway.fleet.state import FleetState, SearchReport
from gateway.fleet.watch import log_change
from gateway.http.deadlines import Deadlines
from gateway.http.servers import Server, ServerId
from gateway.tasks import for_ever, start_task


class Discovery:
    """Searches as long as the gateway runs. `change` makes the gateway use the declared fleet with the new results."""

    def __init__(self, state: FleetState, deadlines: Deadlines, change: Callable[[Fleet], None]) -> None:
        self._state = state
        self._deadlines = deadlines
        self._change = change
        self._searches: dict[Search, asyncio.Task[None]] = {}
        self._is_running = False

    async def start(self) -> None:
        """Start the searches, and wait briefly for their first results."""
        self._is_running = True
        self._follow(self._state.fleet.discover)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._deadlines.first_search):
                for search in list(self._searches):
                    await search.looked.wait()

    async def close(self) -> None:
        """Stop searching."""
        self._is_running = False
        for task in self._searches.values():
            task.cancel()
        await asyncio.gather(*self._searches.values(), return_exceptions=True)

    def merged(self, fleet: Fleet) -> Fleet:
        """Return a declared fleet with the servers that its searches have found, and search by it from now on."""
        if self._is_running:
            self._follow(fleet.discover)
        found, left_out = found_servers(fleet, list(self._searches))
        self._state.note_discovery(tuple(search.report for search in self._searches), left_out)
        return fleet.with_found(found)

    def _follow(self, tables: tuple[Discover, ...]) -> None:
        """Search by these tables. A search continues if its table still names the same place."""
        known = {search.discover.place: search for search in self._searches}
        going: dict[Search, asyncio.Task[None]] = {}
        for discover in tables:
            search = known.pop(discover.place, None)
            if search is None:
                search = Search(discover, self._deadlines, self._state.is_well)
                going[search] = start_task(for_ever(partial(self._run, search), self._deadlines.search))
            else:
                search.follow(discover)
                going[search] = self._searches[search]
        for search in known.values():
            self._searches[search].cancel()
        self._searches = going

    async def _run(self, search: Search) -> None:
        while True:
            await search.search_once()
            if search in self._searches:
                self._apply()
            search.looked.set()
            await asyncio.sleep(search.pause())

    def _apply(self) -> None:
        """Make the gateway use the present results, if they have changed."""
        before = self._state.fleet
        now = self.merged(before.declared)
        if now != before:
            log_change(before, replace(now, warnings=()))  # the warnings are logged already
            self._change(before.declared)


async def find_once(fleet: Fleet, deadlines: Deadlines) -> tuple[Fleet, tuple[SearchReport, ...]]:
    """Search once, without minting and without storing anything; return the fleet and how the searches went."""
    searches = [Search(discover, deadlines, lambda _: False, may_mint=False) for discover in fleet.discover]
    await asyncio.gather(*(search.search_once() for search in searches))
    found, left_out = found_servers(fleet, searches)
    reports = tuple(search.report for search in searches)
    if left_out:
        reports = (*reports[:-1], replace(reports[-1], troubles=(*reports[-1].troubles, *left_out)))
    return fleet.with_found(found), reports


def found_servers(fleet: Fleet, searches: list[Search]) -> tuple[tuple[Server, ...], tuple[str, ...]]:
    """Return the servers that were found, each once, and a sentence for each one that is left out.

    Servers in the file itself have priority, then the tables in their order.
    """
    named, known = fleet.declared.servers, {server.id for server in fleet.declared.servers}
    proven: dict[str, ServerId] = {}
    found: list[Server] = []
    left_out: list[str] = []
    for server in (server for search in searches for server in search.servers):
        other = next((one.id for one in named if same_server(one.address, server.address)), None)
        other = other or proven.get(server.identity) or (server.id if server.id in known else None)
        if other is None:
            found.append(server)
            proven[server.identity] = server.id
            known.add(server.id)
        elif server.found is not None:
            left_out.append(f"{server.found.origin}: {server.address} is in the fleet already, as {other}.")
    return tuple(found), tuple(left_out)
