"""What goes on for ever goes on: an error that nobody foresaw is told, and ends nothing."""

from __future__ import annotations

import asyncio
import logging

import pytest

from gateway.tasks import for_ever, start_task
from tests.simulation.loop import VirtualLoop, run


def test_what_fails_begins_anew_after_its_pause(caplog: pytest.LogCaptureFixture) -> None:
    begun: list[float] = []

    async def work(loop: VirtualLoop) -> None:
        async def look() -> None:
            begun.append(loop.time() - start)
            if len(begun) < 3:
                raise LookupError("nobody foresaw this")
            await asyncio.Event().wait()

        start = loop.time()
        task = start_task(for_ever(look, 10.0))
        await asyncio.sleep(100.0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()

    with caplog.at_level(logging.ERROR):
        run(work, seed=1)
    assert begun == pytest.approx([0.0, 10.0, 20.0], abs=0.01)
    told = [record for record in caplog.records if record.exc_info]
    assert len(told) == 2 and "begins anew in 10.0 s" in told[0].message
    assert isinstance(told[0].exc_info and told[0].exc_info[1], LookupError)
