"""Endless background work: an unexpected error is logged, and ends nothing."""

from __future__ import annotations

import asyncio
import logging

import pytest

from gateway.tasks import for_ever, start_task
from tests.simulation.loop import VirtualLoop, run


def test_failed_work_restarts_after_its_pause(caplog: pytest.LogCaptureFixture) -> None:
    begun: list[float] = []

    async def work(loop: VirtualLoop) -> None:
        async def fail() -> None:
            begun.append(loop.time() - start)
            if len(begun) < 3:
                raise LookupError("nobody foresaw this")
            await asyncio.Event().wait()

        start = loop.time()
        task = start_task(for_ever(fail, 10.0))
        await asyncio.sleep(100.0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()

    with caplog.at_level(logging.ERROR):
        run(work, seed=1)
    assert begun == pytest.approx([0.0, 10.0, 20.0], abs=0.01)
    logged = [record for record in caplog.records if record.exc_info]
    assert len(logged) == 2 and "restarts in 10.0 s" in logged[0].message
    assert isinstance(logged[0].exc_info and logged[0].exc_info[1], LookupError)
