"""Following the fleet: it is taken over immediately, requested until it arrives, and wakes the window."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from app.core.errors import ConfigError, MooringError, RequestTimeout
from app.core.model import Fleet, ServerId
from app.session.memory.sandbox import HERE, Sandbox, SandboxClock, make_fleet
from app.session.state import State
from app.session.watching.fleet_follower import FLEET_RETRY, FleetFollower
from wire.health import Health

GONE = RequestTimeout(None, "network")


@dataclass
class Gateway:
    """A FleetSource that returns or raises what it is given, and records which method was called."""

    news: asyncio.Queue[Fleet | MooringError] = field(default_factory=asyncio.Queue)
    asked: list[str] = field(default_factory=list)

    async def first(self) -> Fleet:
        return await self._next("first")

    async def changes(self) -> Fleet:
        return await self._next("changes")

    async def _next(self, how: str) -> Fleet:
        self.asked.append(how)
        given = await self.news.get()
        if isinstance(given, MooringError):
            raise given
        return given


class Clock(SandboxClock):
    """A clock whose waits end immediately and are recorded."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        await asyncio.sleep(0)


@dataclass
class Followed:
    """A state whose fleet is followed: reports of the gateway, wakes, and notifications."""

    gateway: Gateway = field(default_factory=Gateway)
    clock: Clock = field(default_factory=Clock)
    woken: list[str] = field(default_factory=list)
    seen: list[tuple[int, MooringError | None]] = field(default_factory=list)
    keeping: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self.state = State(replace(Sandbox().ports, fleet=self.gateway, clock=self.clock))
        self.state.subscribe(self._look)

    def _look(self) -> None:
        self.seen.append((len(self.state.servers.fleet.servers), self.state.servers.fleet_error))

    @property
    def last(self) -> list[tuple[int, MooringError | None]]:
        """The last notification."""
        return self.seen[-1:]

    async def tell(self, given: Fleet | MooringError) -> None:
        """Let the gateway report this, and wait until it is taken over."""
        asked = len(self.gateway.asked)
        self.gateway.news.put_nowait(given)
        while len(self.gateway.asked) == asked:  # the next request follows once it is taken over
            assert self.keeping is not None and not self.keeping.done()
            await asyncio.sleep(0)


@asynccontextmanager
async def kept() -> AsyncIterator[Followed]:
    rig = Followed()
    rig.keeping = rig.state.spawn(FleetFollower(rig.state, rig.woken.append).keep(), "fleet")
    await asyncio.sleep(0)
    yield rig
    assert not rig.keeping.done()
    await rig.state.stop()


def changed(server_id: ServerId = HERE, **facts: object) -> Fleet:
    """The fleet of the sandbox, with one server changed."""
    fleet = make_fleet()
    servers = (replace(item, **facts) if item.server_id == server_id else item for item in fleet.servers)  # type: ignore[arg-type]
    return replace(fleet, servers=tuple(servers))


async def test_first_fleet_is_requested_until_it_arrives_and_wakes_window() -> None:
    async with kept() as rig:
        await rig.tell(GONE)
        error = ConfigError("no such file")
        await rig.tell(error)
        assert rig.seen == [(0, GONE), (0, error)], "listeners see the error"
        assert (rig.clock.waits, rig.woken) == ([FLEET_RETRY] * 2, [])
        assert not rig.state.servers.has_fleet.is_set()
        await rig.tell(make_fleet())
        assert rig.gateway.asked == ["first", "first", "first", "changes"]
        assert rig.state.servers.has_fleet.is_set()
        assert rig.last == [(2, None)]
        assert rig.woken == ["first fleet"]
        assert len(rig.clock.waits) == 2, "after good news nobody waits"


async def test_returning_gateway_wakes_window_without_changes() -> None:
    async with kept() as rig:
        await rig.tell(make_fleet())
        rig.woken.clear()
        await rig.tell(GONE)
        assert rig.last == [(2, GONE)], "what was known stays"
        assert (rig.clock.waits, rig.woken) == ([FLEET_RETRY], [])
        await rig.tell(make_fleet())
        assert rig.last == [(2, None)]
        assert rig.woken == ["fleet"]
        assert rig.gateway.asked == ["first", "changes", "changes", "changes"]


async def test_news_without_effect_on_contact_wake_no_window() -> None:
    async with kept() as rig:
        await rig.tell(make_fleet())
        rig.woken.clear()
        for running in (1, 2, 3):
            await rig.tell(changed(running=running))
            assert rig.state.servers.fleet.servers[0].running == running
        assert rig.woken == []
        assert rig.clock.waits == []


async def test_new_moved_or_recovered_server_wakes_window() -> None:
    async with kept() as rig:
        await rig.tell(make_fleet())
        for fleet in (
            changed(health=Health.DOWN),
            changed(health=Health.WELL),
            make_fleet(moved=HERE),
            replace(make_fleet(), servers=make_fleet().servers[:1]),
            make_fleet(),
        ):
            rig.woken.clear()
            await rig.tell(fleet)
            assert rig.woken == ["fleet"]
