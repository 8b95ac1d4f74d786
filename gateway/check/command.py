"""`serve.py check`: examines every server of a fleet, and prints what is wrong with it and what to do."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from gateway.check.examination import Report, examine
from gateway.check.flags import CheckFlags, parse_check_flags
from gateway.check.output import paragraphs, table, words_of_searches
from gateway.errors import ConfigError
from gateway.fleet.choice import USUAL_ADDRESS, USUAL_ID, fleet_of_flags
from gateway.fleet.discovery.discovery import find_once
from gateway.fleet.file import read_fleet
from gateway.fleet.fleet import DeclaredBy, Fleet
from gateway.fleet.state import SearchReport
from gateway.http.deadlines import Deadlines
from gateway.http.servers import Server
from gateway.http.upstream import Upstream
from gateway.logs import escaped


def main(arguments: Sequence[str]) -> int:
    """Return the exit code: 0 if every server is healthy and every DNS look-up was answered, otherwise 1."""
    try:
        fleet = _fleet(parse_check_flags(arguments))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    reports, searches = asyncio.run(_examine(fleet, Deadlines()))
    print(fleet.why)
    for line in (*table(reports), "", *paragraphs(reports, fleet.warnings), *words_of_searches(searches)):
        print(*map(escaped, line.split("\n")), sep="\n")  # a server may have sent some of it
    count = sum(not report.is_well for report in reports)
    if reports:
        print(f"{count} of {len(reports)} not well." if count else "All well." if len(reports) > 1 else "It is well.")
    return 1 if count or any(search.troubles for search in searches) else 0


async def _examine(fleet: Fleet, deadlines: Deadlines) -> tuple[list[Report], tuple[SearchReport, ...]]:
    whole, searches = await find_once(fleet, deadlines)
    return await examine_all(whole, deadlines), searches


async def examine_all(fleet: Fleet, deadlines: Deadlines) -> list[Report]:
    """Examine all servers at the same time; the reports are in the fleet's order."""
    return await asyncio.gather(*(_examine_one(server, deadlines) for server in fleet.servers))


async def _examine_one(server: Server, deadlines: Deadlines) -> Report:
    async with Upstream(server, deadlines) as upstream:
        return await examine(upstream)


def _fleet(flags: CheckFlags) -> Fleet:
    if flags.fleet is not None:
        return read_fleet(flags.fleet)
    if flags.servers:
        return fleet_of_flags(flags.servers)
    server = Server(USUAL_ID, USUAL_ID, USUAL_ADDRESS)
    return Fleet(DeclaredBy.FOUND, f"No fleet was named: this is about {USUAL_ADDRESS}.", (server,))
