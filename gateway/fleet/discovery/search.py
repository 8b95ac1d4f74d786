"""The search of one `[[discover]]` table: it queries DNS when the last answer has expired, and identifies new servers.

    search = Search(discover, deadlines, is_well)
    await search.search_once()          # then search.servers, search.report
    await asyncio.sleep(search.pause())

A failing DNS changes nothing: the last answer counts until the next one. An answer without records is believed only
while the table's other name shows which servers are leaving.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

from gateway.fleet.discovery.claims import Claim, NoClaim, identify
from gateway.fleet.discovery.endpoints import Answer, Endpoint, LookupFailed, NoRecords
from gateway.fleet.discovery.members import IsWell, Membership
from gateway.fleet.fleet import Discover
from gateway.fleet.state import SearchReport
from gateway.http.deadlines import Deadlines
from gateway.http.servers import Server

ABREAST = 64  # servers that are identified at a time
_BACKOFF = 1.6  # from one pause to the next while DNS fails
_JITTER = 0.1  # of each pause, so that gateways that started together spread their queries
_MOST_REPORTED = 5  # of each kind of problem: they are sent to each window

_log = logging.getLogger(__name__)


class Search:
    """Searches the servers of one table. `is_well` says whether a server answered the gateway's last probe."""

    def __init__(
        self,
        discover: Discover,
        deadlines: Deadlines,
        is_well: IsWell,
        *,
        may_mint: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._deadlines = deadlines
        self._is_well = is_well
        self._may_mint = may_mint
        self._clock = clock
        self._membership = Membership(discover)
        self._answer: Answer | None = None
        self._failure = ""
        self._is_deserted = False  # only starting or ending servers are there
        self._leaving_failure = ""
        self._silent: dict[str, str] = {}  # why, by place
        self.looked = asyncio.Event()  # set after the first search
        self._due = 0.0
        self._patience = deadlines.dns_least
        self._lane = asyncio.Semaphore(ABREAST)

    @property
    def discover(self) -> Discover:
        """The table."""
        return self._membership.discover

    def follow(self, discover: Discover) -> None:
        """Use the table's present settings; its place is the same."""
        self._membership = replace(self._membership, discover=discover)

    @property
    def servers(self) -> tuple[Server, ...]:
        """The servers that were found."""
        return self._membership.servers(self._is_well)

    @property
    def report(self) -> SearchReport:
        """The state of the search, for windows and metrics."""
        is_answered = self._answer is not None and not self._failure
        return SearchReport(self.discover.origin, len(self._membership.members), is_answered, self._troubles())

    def pause(self) -> float:
        """Return the seconds until the next search."""
        is_open = (
            bool(self._silent or self._membership.contested or self._membership.leaving())
            or self._membership.has_spares
        )
        is_open = is_open or not all(self._is_well(server_id) for server_id in self._membership.members)
        waits = self._due - self._clock()
        if is_open and self._answer is not None:
            waits = min(waits, self._deadlines.search)
        return max(waits, 0.0) * random.uniform(1.0, 1.0 + _JITTER)

    async def search_once(self) -> None:
        """Search once. Never raises for what DNS, the network or a server does."""
        is_due = self._clock() >= self._due
        if is_due:
            await self._look_up()
        if self._answer is not None or self._membership.lingering:
            await self._meet(self._membership.unsettled(self._is_well, is_thorough=is_due))
        self._membership = self._membership.parted(self._clock(), self._is_well, self._deadlines.departure)

    # DNS

    async def _look_up(self) -> None:
        least, most = self._deadlines.dns_least, self._deadlines.dns_most
        lingering = await self._look_up_leaving()
        try:
            answer = await self._query()
        except LookupFailed as error:
            self._is_deserted = isinstance(error, NoRecords) and bool(lingering) and not self._leaving_failure
            self._note_failure(str(error))
            self._membership = self._membership.named(
                () if self._is_deserted else self._membership.listed.values(), lingering
            )
            self._due = self._clock() + self._patience
            self._patience = min(self._patience * _BACKOFF, most)
            return
        self._is_deserted = False
        self._note_failure("")
        self._answer, self._patience = answer, least
        self._membership = self._membership.named(answer.endpoints, lingering)
        self._due = self._clock() + min(max(answer.ttl, least), most)

    async def _look_up_leaving(self) -> tuple[Endpoint, ...]:
        """Return the endpoints of servers that may be leaving. Looked up first, so that none is missed as it leaves.

        Without an answer the earlier ones stay.
        """
        before, self._leaving_failure = self._leaving_failure, ""
        if self.discover.leaving is None:
            return ()
        try:
            return (await self._query(self.discover.leaving)).endpoints
        except LookupFailed as error:
            self._leaving_failure = f"{error}: it is unknown which servers are leaving"
            if self._leaving_failure != before:
                _log.warning("%s: %s", self.discover.origin, self._leaving_failure)
            return tuple(self._membership.lingering.values())

    async def _query(self, place: tuple[str, int | None] | None = None) -> Answer:
        from gateway.fleet.discovery.names import Names  # with dnspython, which most fleets do not need

        return await Names(self.discover.nameservers, self._deadlines.dns).look_up(self.discover, place)

    def _note_failure(self, failure: str) -> None:
        if failure and failure != self._failure:
            _log.warning("%s: %s. %s", self.discover.origin, failure, self._standing())
        elif self._failure and not failure:
            _log.info("%s: DNS answers", self.discover.origin)
        self._failure = failure

    # Servers

    async def _meet(self, endpoints: Collection[Endpoint]) -> None:
        claims = await self._ask(endpoints)
        rivals = self._membership.rivals(claims)
        if rivals:
            claimed_twice = set().union(*rivals.values())
            confirmed = await self._ask(claimed_twice)
            claims = {end: claim for end, claim in claims.items() if end not in claimed_twice} | confirmed
        before, self._membership = self._membership, self._membership.met(claims)
        for server_id in self._membership.contested.keys() - before.contested.keys():
            _log.error("%s: %s", self.discover.origin, _contest_text(self._membership.contested[server_id]))
        self._silent = {place: why for place, why in self._silent.items() if place in self._membership.listed}

    async def _ask(self, endpoints: Iterable[Endpoint]) -> dict[Endpoint, Claim]:
        asked = list(endpoints)
        answers = await asyncio.gather(*(self._ask_one(end) for end in asked))
        return {end: claim for end, claim in zip(asked, answers, strict=True) if claim is not None}

    async def _ask_one(self, endpoint: Endpoint) -> Claim | None:
        async with self._lane:
            try:
                claim = await identify(self.discover, endpoint, self._deadlines, may_mint=self._may_mint)
            except NoClaim as error:
                self._note_silence(endpoint.place, str(error))
                return None
        self._silent.pop(endpoint.place, None)
        return claim

    def _note_silence(self, place: str, why: str) -> None:
        """Note why a server was not identified. If it is only starting or ending, that is normal."""
        if place in self._membership.lingering:
            return
        if self._silent.get(place) != why:
            _log.info("%s: %s could not be identified: %s", self.discover.origin, place, why)
        self._silent[place] = why

    def _standing(self) -> str:
        """Return what happens to the servers while DNS names none."""
        if self._is_deserted:
            return "Those that are there start or end, and take nothing new."
        return "The servers stay as they were." if self._answer is not None else "None is known yet."

    def _troubles(self) -> tuple[str, ...]:
        origin = self.discover.origin
        remarks = self._answer.remarks if self._answer is not None else ()
        contests = [_contest_text(places) for places in self._membership.contested.values()]
        silent = [f"{place} could not be identified: {why}" for place, why in sorted(self._silent.items())]
        troubles = [
            *([f"{origin}: {self._failure}. {self._standing()}"] if self._failure else []),
            *([f"{origin}: {self._leaving_failure}."] if self._leaving_failure else []),
            *(f"{origin}: {one}." for kind in (remarks, contests, silent) for one in kind[:_MOST_REPORTED]),
        ]
        more = sum(max(0, len(kind) - _MOST_REPORTED) for kind in (remarks, contests, silent))
        return (*troubles, *([f"{origin}: {more} more like these."] if more else []))


def _contest_text(places: Iterable[str]) -> str:
    return (
        f"{' and '.join(sorted(places))} have one id between them, so neither is used:"
        " each server needs a user directory of its own"
    )
