"""Reads that overlapping callers share."""

from __future__ import annotations

import asyncio

import pytest

from gateway.site.shared_reads import SharedReads


class Source:
    """A value that is read once its gate is open."""

    def __init__(self) -> None:
        self.value = self.reads = 0
        self.gate = asyncio.Event()

    async def read(self) -> int:
        found = self.value
        self.reads += 1
        await self.gate.wait()
        if found < 0:
            raise ValueError("gone")
        return found


async def callers(reads: SharedReads[int], count: int) -> list[asyncio.Task[int]]:
    """Start callers, and return them once they wait."""
    waiting = [asyncio.create_task(reads.fresh()) for _ in range(count)]
    await asyncio.sleep(0)
    return waiting


async def test_callers_during_a_read_share_the_next() -> None:
    source = Source()
    reads = SharedReads(source.read)
    first = await callers(reads, 1)
    source.value = 1  # after the first read has begun
    late = await callers(reads, 8)
    source.gate.set()
    assert await asyncio.gather(*first, *late) == [0, *[1] * 8]
    assert source.reads == 2


async def test_each_call_alone_reads_again() -> None:
    source = Source()
    source.gate.set()
    reads = SharedReads(source.read)
    assert await reads.fresh() == 0
    source.value = 1
    assert await reads.fresh() == 1


async def test_failed_read_is_repeated_for_the_next_caller() -> None:
    source = Source()
    reads = SharedReads(source.read)
    source.value = -1
    failing = await callers(reads, 1)
    source.value = 1
    waiting = await callers(reads, 1)
    source.gate.set()
    with pytest.raises(ValueError, match="gone"):
        await failing[0]
    assert await waiting[0] == 1
