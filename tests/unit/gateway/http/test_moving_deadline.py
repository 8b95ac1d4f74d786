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


def test_each_of_many_deadlines_ends_in_its_own_time() -> None:
    async def work(loop: VirtualLoop) -> list[float]:
        began = loop.time()

        async def wait(seconds: float, *, progress: float = 0.0) -> float:
            with pytest.raises(TimeoutError):
                async with MovingDeadline(seconds) as deadline:
                    await asyncio.sleep(progress)
                    deadline.renew()
                    await asyncio.Event().wait()
            return loop.time() - began

        async def expire() -> float:
            with pytest.raises(TimeoutError):
                async with MovingDeadline(9.0) as deadline:
                    await asyncio.sleep(0.2)
                    deadline.expire()
                    await asyncio.Event().wait()
            return loop.time() - began

        return await asyncio.gather(wait(3.0), wait(1.0), wait(2.0, progress=1.5), wait(0.5), expire())

    assert run(work, seed=1) == pytest.approx([3.0, 1.0, 3.5, 0.5, 0.2], abs=0.001)


def test_shorter_wait_after_progress_counts() -> None:
    async def work(loop: VirtualLoop) -> float:
        began = loop.time()
        with pytest.raises(TimeoutError):
            async with MovingDeadline(30.0) as deadline:
                deadline.renew(1.0)
                await asyncio.Event().wait()
        deadline.renew()  # after its end, it ends nothing
        await asyncio.sleep(5.0)
        return loop.time() - began

    assert run(work, seed=1) == pytest.approx(6.0, abs=0.001)
