"""A deadline that moves with each sign of progress, on a virtual clock."""

from __future__ import annotations

import asyncio

import pytest

from gateway.http.moving_deadline import MovingDeadline
from tests.simulation.loop import VirtualLoop, run


def test_progress_moves_the_deadline() -> None:
    async def work(loop: VirtualLoop) -> float:
        began = loop.time()
        with pytest.raises(TimeoutError):
            async with MovingDeadline(1.0) as patience:
                for _ in range(5):
                    await asyncio.sleep(0.7)
                    patience.renew()
                await asyncio.Event().wait()
        return loop.time() - began

    assert run(work, seed=1) == pytest.approx(5 * 0.7 + 1.0, abs=0.001)


def test_block_without_progress_times_out() -> None:
    async def work(loop: VirtualLoop) -> float:
        began = loop.time()
        with pytest.raises(TimeoutError):
            async with MovingDeadline(1.0):
                await asyncio.sleep(5.0)
        return loop.time() - began

    assert run(work, seed=1) == pytest.approx(1.0, abs=0.001)


def test_later_work_is_not_ended() -> None:
    async def work(loop: VirtualLoop) -> bool:
        async with MovingDeadline(1.0):
            await asyncio.sleep(0.9)
        await asyncio.sleep(5.0)
        return True

    assert run(work, seed=1)
