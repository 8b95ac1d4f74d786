"""Places in a lane: one user may have all of them while no one else waits, then shares are fair."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from gateway.http import lanes
from gateway.http.deadlines import Deadlines
from gateway.http.lanes import HOLDER, Lane, Ticket
from gateway.http.servers import Server, ServerId
from gateway.http.upstream import Upstream


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "RECLAIM_SECONDS", 0.01)


class Reader:
    """A request that holds its place until it is released or ended."""

    def __init__(self, lane: Lane, holder: str, *, is_streaming: bool = True) -> None:
        self.ticket = Ticket(holder)
        self.is_in, self.is_cut, self._over = asyncio.Event(), False, asyncio.Event()
        self._is_streaming = is_streaming
        self.task = asyncio.create_task(self._read(lane))

    def let_go(self) -> None:
        self._over.set()

    def _cut(self) -> None:
        self.is_cut = True
        self._over.set()

    async def _read(self, lane: Lane) -> None:
        await lane.acquire(self.ticket)
        self.ticket.give_back = self._cut if self._is_streaming else None
        self.is_in.set()
        try:
            await self._over.wait()
        finally:
            lane.release(self.ticket)


async def _end(*readers: Reader) -> None:
    for reader in readers:
        reader.let_go()
        reader.task.cancel()
    await asyncio.gather(*(reader.task for reader in readers), return_exceptions=True)


class Read:
    """A read on behalf of a user, as `Upstream.place` takes it."""

    def __init__(self, upstream: Upstream, holder: str, log: list[str]) -> None:
        HOLDER.set(holder)
        self.task = asyncio.create_task(self._read(upstream, holder, log))

    async def _read(self, upstream: Upstream, holder: str, log: list[str]) -> None:
        async with upstream.place(upstream.reads):
            log.append(holder)
            await asyncio.sleep(0)


async def test_reads_of_the_gateway_belong_to_the_user_who_asked() -> None:
    async with Upstream(Server(ServerId("a"), "a", "http://127.0.0.1:1"), Deadlines()) as upstream:
        upstream.reads = Lane(2)
        log: list[str] = []
        reads = [Read(upstream, holder, log) for holder in ("greedy", "greedy", "greedy", "greedy", "other")]
        await asyncio.gather(*(read.task for read in reads))
        assert log.index("other") < 4, "not behind all that the greedy one has waiting"


async def test_single_user_has_all_places_and_returns_the_oldest() -> None:
    lane = Lane(4)
    greedy = [Reader(lane, "greedy") for _ in range(6)]
    await asyncio.gather(*(reader.is_in.wait() for reader in greedy[:4]))
    other = Reader(lane, "other")
    async with asyncio.timeout(10):
        await other.is_in.wait()
    assert [reader.is_cut for reader in greedy[:4]] == [True, False, False, False]
    await _end(other, *greedy)


async def test_shares_become_equal_and_then_stay() -> None:
    lane = Lane(4)
    greedy = [Reader(lane, "greedy") for _ in range(8)]
    await greedy[0].is_in.wait()
    others = [Reader(lane, "other") for _ in range(8)]
    async with asyncio.timeout(10):
        await asyncio.gather(*(reader.is_in.wait() for reader in others[:2]))
    assert not any(reader.is_cut for reader in others)
    for _ in range(5):
        lane._reclaim()
    assert sum(reader.is_cut for reader in greedy) == 2 and not others[2].is_in.is_set()
    await _end(*others, *greedy)


async def test_free_place_goes_to_user_with_fewest() -> None:
    lane = Lane(2)
    first, second = Reader(lane, "greedy", is_streaming=False), Reader(lane, "greedy", is_streaming=False)
    await second.is_in.wait()
    third, other = Reader(lane, "greedy"), Reader(lane, "other")
    await asyncio.sleep(0)
    first.let_go()
    async with asyncio.timeout(10):
        await other.is_in.wait()
    assert not third.is_in.is_set() and not second.is_cut
    await _end(first, second, third, other)


async def test_request_waiting_for_the_server_is_not_ended() -> None:
    lane = Lane(2)
    held = [Reader(lane, "greedy", is_streaming=False) for _ in range(2)]
    await held[1].is_in.wait()
    other = Reader(lane, "other")
    await asyncio.sleep(0)
    lane._reclaim()
    assert not any(reader.is_cut for reader in held)
    await _end(other, *held)


async def test_cancelled_wait_frees_its_place() -> None:
    lane = Lane(1)
    first = Reader(lane, "a", is_streaming=False)
    await first.is_in.wait()
    gone = [Reader(lane, "b") for _ in range(3)]
    await asyncio.sleep(0)
    gone[0].task.cancel()
    first.let_go()
    gone[1].task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*(reader.task for reader in gone[:2]), return_exceptions=True)
    async with asyncio.timeout(10):
        await gone[2].is_in.wait()
    await _end(first, *gone)
    assert not lane.locked() and not lane._waiting


async def test_users_with_equal_shares_take_turns() -> None:
    lane, log = Lane(1), list[str]()

    async def read(holder: str) -> None:
        HOLDER.set(holder)
        async with lane.hold():
            log.append(holder)
            await asyncio.sleep(0)

    await asyncio.gather(*(asyncio.create_task(read(holder)) for holder in ("a", "a", "a", "a", "b", "c")))
    assert log == ["a", "a", "b", "c", "a", "a"]
    assert not lane.locked() and not lane._waiting
