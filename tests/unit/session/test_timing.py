"""Waiting for whichever comes first."""

from __future__ import annotations

import asyncio

from app.session.timing import first_of


async def test_the_first_ends_the_waiting_and_the_others() -> None:
    told: list[str] = []
    slow = asyncio.Event()

    async def wait() -> None:
        try:
            await slow.wait()
        except asyncio.CancelledError:
            told.append("cancelled")
            raise

    async def come() -> None:
        await asyncio.sleep(0.01)
        told.append("came")

    await first_of(wait(), come())
    assert told == ["came"]
    await asyncio.sleep(0)
    assert told == ["came", "cancelled"]
