"""The gateway's list of servers, followed: the core's `FleetSource`.

The list is pushed over `/fleet/ws`. While that socket is down, each attempt to open it also reads `/fleet`, so a
network that blocks WebSockets only makes the list older by a few seconds.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from app.core.comfy import gateway_cause
from app.core.errors import ConfigError, MooringError, SocketClosed, reason_of
from app.core.model import Fleet, LocalServer, Server, ServerId
from app.core.ports.clock import Random
from app.core.ports.http import Http, Request
from app.core.ports.sockets import Connection, Sockets
from wire.health import read_condition
from wire.operator_facts import read_operator_facts

PATH = "/fleet"
SOCKET_PATH = "/fleet/ws"
DEADLINE = 12.0
NOT_LOGGED_IN = "not-logged-in"  # the gateway's cause
FIRST_WAIT, LONGEST_WAIT = 0.5, 10.0

log = logging.getLogger("mooring.browser")


class GatewayFleet:
    """The fleet as the gateway reports it. `hurry` ends a pause early: the network or the user is back.

    With each report, `on_build` gets the build of the page that the gateway serves, and `on_user` the name of the
    user: None after a logout, empty where users do not log in.
    """

    def __init__(
        self,
        http: Http,
        sockets: Sockets,
        random: Random,
        on_build: Callable[[str], None] = lambda _build: None,
        on_user: Callable[[str | None], None] = lambda _user: None,
    ) -> None:
        self._http, self._sockets, self._random = http, sockets, random
        self._on_build, self._on_user = on_build, on_user
        self._closing: set[asyncio.Task[None]] = set()
        self._known: Fleet | None = None
        self._connection: Connection | None = None
        self._failures = 0
        self._doubts = 0
        self._user: str | None = None  # the user of the latest report
        self._hurry = asyncio.Event()

    async def first(self) -> Fleet:
        """Return the fleet as it is now; ConfigError or TransportError if the gateway does not answer with one."""
        response = await self._http.send(Request(method="GET", path=PATH, deadline=DEADLINE))
        if gateway_cause(response) == NOT_LOGGED_IN:
            self._user = None
            self._on_user(None)
        if response.status != 200:
            raise ConfigError(f"{PATH} answered {response.status}")
        self._known = self._read(response.text)
        return self._known

    async def changes(self) -> Fleet:
        """The next fleet that differs, or the first one after an error; reconnects by itself for as long as it takes.

        A socket that ended is no error: the list is read without it. If that fails too, it is raised once.
        """
        while True:
            before = self._known
            try:
                fleet = await self._next()
            except SocketClosed as error:
                log.info("the fleet's socket ended: %s", error)
                await self._pause()
                continue
            except MooringError as error:
                if before is not None:
                    self._known = None
                    raise
                log.info("the fleet is unknown: %s", error)
                await self._pause()
                continue
            self._known = fleet
            if fleet != before:
                return fleet

    def hurry(self) -> None:
        """Retry now."""
        self._failures = 0
        self._hurry.set()

    def doubt(self) -> None:
        """Reconnect, because the user may have changed since the latest report.

        A socket that is being opened may have been requested in the name of the previous user.
        """
        self._doubts += 1
        self._hurry.set()
        if self._connection is not None:
            self._end(self._connection)

    def come(self, name: str) -> None:
        """Note a login in this browser: a report for another user is no longer valid."""
        if self._user != name:
            self.doubt()

    def go(self, name: str) -> None:
        """Note a logout in this browser."""
        if self._user == name:
            self.doubt()

    def _end(self, connection: Connection) -> None:
        closing = asyncio.ensure_future(connection.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def _next(self) -> Fleet:
        if self._connection is None:
            doubts = self._doubts
            self._connection = await self._connect()
            if self._connection is None:
                return await self._polled()
            if self._doubts != doubts:
                self._end(self._connection)
        try:
            frames = await self._connection.receive()
        except SocketClosed:
            self._connection = None
            raise
        texts = [frame for frame in frames if isinstance(frame, str)]
        if not texts:
            raise ConfigError("a fleet that is no text")
        self._failures = 0
        return self._read(texts[-1])

    def _read(self, text: str) -> Fleet:
        fleet = read_fleet(text)
        report = json.loads(text)
        self._on_build(str(report.get("build") or ""))
        self._user = str(report.get("person") or "")
        self._on_user(self._user)
        return fleet

    async def _connect(self) -> Connection | None:
        try:
            return await self._sockets.open(SOCKET_PATH, DEADLINE)
        except SocketClosed as error:
            log.info("no socket for the fleet: %s", error)
            return None

    async def _polled(self) -> Fleet:
        """Read the list once without the socket, before the next attempt to open it."""
        await self._pause()
        return await self.first()

    async def _pause(self) -> None:
        """Pause with full jitter, so that windows that lost the gateway together do not reconnect together."""
        longest = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(self._failures, 10))
        self._failures += 1
        self._hurry.clear()
        try:
            await asyncio.wait_for(self._hurry.wait(), 0.1 + self._random.fraction() * longest)
        except TimeoutError:
            return


def read_fleet(text: str) -> Fleet:
    """Parse the gateway's JSON as a Fleet; ConfigError if it is invalid."""
    try:
        report = json.loads(text)
        servers = tuple(_server(item) for item in report["servers"])
        why = report.get("why") or {}
        return Fleet(
            servers,
            str(report.get("source", "")),
            str(why.get("detail", "")),
            is_breakable=report.get("faults") is True,
            problem=str(report.get("problem") or ""),
            workflows=str(report.get("workflows") or ""),
            has_users=bool(report.get("person")),
            most_pending=int(report["mostPending"]) if report.get("person") and report.get("mostPending") else None,
            searches=tuple(str(item) for item in report.get("searches") or ()),
            model_hosts=tuple(str(item) for item in report.get("modelHosts") or ()),
            local=tuple(_local(item) for item in report.get("local") or ()),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ConfigError(f"not the gateway's fleet: {reason_of(error)}") from error


def _server(item: Mapping[str, Any]) -> Server:
    return Server(
        **read_condition(item).facts(),
        **read_operator_facts(item),
        server_id=ServerId(str(item["id"])),
        address=str(item["address"]),
        base=str(item["base"]),
        broken=tuple(str(name) for name in item.get("broken") or ()),
        catalogue=str(item.get("catalogue") or ""),
        files=str(item.get("files") or ""),
        gets_keys=item.get("partner") is not False,
        at=str(item.get("at") or ""),
    )


def _local(item: Mapping[str, Any]) -> LocalServer:
    devices = tuple(str(name) for name in item["devices"])
    return LocalServer(ServerId(str(item["id"])), str(item["address"]), str(item["version"]), devices)
