"""Password checks: one at a time, known browsers first, and no user can fill the queue for others."""

from __future__ import annotations

import asyncio
import contextlib
import threading

import pytest

from gateway.http.refusal import RefusedRequest
from gateway.people.password_checks import MOST_OF_ONE, MOST_WAITING, Checks


class Bench:
    """Checks that record their order; the first one lasts until it is released."""

    def __init__(self) -> None:
        self.checks = Checks()
        self.order: list[str] = []
        self.let_go = threading.Event()
        self.running, self.most_running = 0, 0
        self._lock = threading.Lock()

    def _check(self, name: str) -> str:
        with self._lock:
            self.running += 1
            self.most_running = max(self.most_running, self.running)
        self.order.append(name)
        self.let_go.wait(20)
        with self._lock:
            self.running -= 1
        return name

    def begin(self, name: str, *, is_known: bool = False) -> asyncio.Task[str]:
        """Begin another check."""
        return asyncio.create_task(self.checks.run(lambda: self._check(name), whose=name, is_known=is_known))

    async def fill(self) -> list[asyncio.Task[str]]:
        """Fill the queue of unknown browsers behind one running check."""
        tasks = [self.begin(f"stranger {number}") for number in range(MOST_WAITING + 1)]
        while not self.order:  # noqa: ASYNC110 - the event is in a thread
            await asyncio.sleep(0.01)
        return tasks


async def test_known_browsers_go_before_unknown_ones() -> None:
    bench = Bench()
    tasks = await bench.fill()
    with pytest.raises(RefusedRequest):
        await bench.begin("one too many")
    tasks.append(bench.begin("known", is_known=True))
    await asyncio.sleep(0)
    bench.let_go.set()
    await asyncio.gather(*tasks)
    assert bench.order[1] == "known" and len(bench.order) == MOST_WAITING + 2 and bench.most_running == 1


async def test_one_address_does_not_fill_the_line() -> None:
    bench = Bench()
    first = bench.begin("first")
    await asyncio.sleep(0)
    tasks = [bench.begin("greedy") for _ in range(MOST_OF_ONE + 5)]
    tasks.append(bench.begin("other"))
    await asyncio.sleep(0)
    bench.let_go.set()
    results = await asyncio.gather(first, *tasks, return_exceptions=True)
    assert sum(isinstance(one, RefusedRequest) for one in results) == 5 and "other" in results


async def test_disconnected_browser_frees_no_second_thread() -> None:
    bench = Bench()
    tasks = await bench.fill()
    for task in tasks[:10]:
        task.cancel()
    later = bench.begin("later")
    await asyncio.sleep(0)
    bench.let_go.set()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*tasks, return_exceptions=True)
    assert await later == "later" and bench.most_running == 1
    assert await bench.begin("at last") == "at last"
