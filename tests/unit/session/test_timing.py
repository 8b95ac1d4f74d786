"""Waiting for the first of several things."""

from __future__ import annotations

import asyncio
import sys
from types import SimpleNamespace

import pytest

from app.session import timing
from app.session.timing import begin, first_of, until_set


async def test_the_first_ends_the_waiting_and_the_others() -> None:
    order: list[str] = []
    slow = asyncio.Event()

    async def wait() -> None:
        try:
            await slow.wait()
        except asyncio.CancelledError:
            order.append("cancelled")
            raise

    async def come() -> None:
        await asyncio.sleep(0.01)
        order.append("came")

    await first_of(wait(), come())
    assert order == ["came"]
    await asyncio.sleep(0)
    assert order == ["came", "cancelled"]


class Sleeps:
    """A clock that records how long it was to wait."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    def now(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.asked.append(seconds)


async def test_set_event_returns_immediately_and_unset_one_times_out() -> None:
    clock, event = Sleeps(), asyncio.Event()
    event.set()
    waiting = until_set(event, clock, 3.0)
    try:
        waiting.send(None)
    except StopIteration:
        pass
    else:
        raise AssertionError("it has let the loop turn")
    assert clock.asked == []
    event.clear()
    await until_set(event, clock, 3.0)
    assert clock.asked == [3.0]


async def test_outside_browser_begun_task_waits_for_its_turn() -> None:
    done: list[str] = []

    async def work() -> int:
        done.append("began")
        return 7

    task = begin(work())
    assert done == []
    assert await task == 7


@pytest.mark.skipif(sys.version_info < (3, 12), reason="no task of this Python starts before its turn")
async def test_in_browser_begun_task_runs_to_its_first_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "sys", SimpleNamespace(platform="emscripten"))
    done: list[str] = []

    async def work() -> int:
        done.append("began")
        await asyncio.sleep(0)
        return 7

    task = begin(work())
    assert (done, task.done()) == (["began"], False)
    assert await task == 7
