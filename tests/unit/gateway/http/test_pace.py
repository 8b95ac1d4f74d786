"""Streams without an end leave the event loop to others, and share it fairly."""

from __future__ import annotations

import asyncio

from gateway.http.pace import Pace

SHARE = 10  # messages in each turn of the loop


class Work:
    """A clock that moves by one with each message."""

    def __init__(self) -> None:
        self.pace = Pace(SHARE, clock=lambda: self.done)
        self.done = 0.0
        self.by: dict[str, int] = {}

    async def stream(self, name: str) -> None:
        while True:
            await self.pace.step()
            self.done += 1
            self.by[name] = self.by.get(name, 0) + 1


async def test_endless_stream_leaves_each_turn_to_others() -> None:
    work = Work()
    streams = [asyncio.create_task(work.stream(str(number))) for number in range(4)]
    await asyncio.sleep(0)
    before = work.done
    for turn in range(1, 100):
        await asyncio.sleep(0)
        assert work.done - before <= 2 * SHARE * turn
    for stream in streams:
        stream.cancel()


async def test_streams_share_the_loop() -> None:
    work = Work()
    streams = [asyncio.create_task(work.stream(str(number))) for number in range(4)]
    for _ in range(400):
        await asyncio.sleep(0)
    assert min(work.by.values()) * 2 > max(work.by.values())
    for stream in streams:
        stream.cancel()


async def test_cancelled_stream_takes_no_turn_of_the_others() -> None:
    work = Work()
    first, second, third = (asyncio.create_task(work.stream(name)) for name in ("first", "second", "third"))
    await asyncio.sleep(0)
    for stream in (first, second):
        stream.cancel()
    before = work.by.get("third", 0)
    for _ in range(5):
        await asyncio.sleep(0)
    assert work.by["third"] > before
    third.cancel()


async def test_few_messages_never_wait() -> None:
    pace = Pace()
    for _ in range(100):
        step = pace.step()
        try:
            step.send(None)
        except StopIteration:
            await asyncio.sleep(0)
            continue
        raise AssertionError("it waited")
