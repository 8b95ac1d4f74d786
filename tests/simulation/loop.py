"""An event loop with virtual time and a seeded scheduler, which runs ready callbacks in any order.

`run(work, seed)` runs a coroutine. Time jumps to the next timer when nothing is ready; the seed decides among ready
callbacks. A run that waits for something that can never happen ends with `NothingLeft`.
"""

from __future__ import annotations

import asyncio
import random
import selectors
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

T = TypeVar("T")


class NothingLeft(Exception):
    """Nothing is ready and no timer is set, but the run has not ended."""


class _NoSelector(selectors.SelectSelector):
    """A selector that moves the loop's clock instead of waiting."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise NothingLeft
        self.loop.advance(timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop with virtual time and a seeded order."""

    def __init__(self, seed: int) -> None:
        selector = _NoSelector()
        selector.loop = self
        self._virtual_now = 1_000_000.0
        self.random = random.Random(seed)
        super().__init__(selector)

    def time(self) -> float:
        return self._virtual_now

    def advance(self, seconds: float) -> None:
        """Move the clock, and make due timers ready."""
        self._virtual_now += max(0.0, seconds) + 1e-9

    def _run_once(self) -> None:
        ready: deque[Any] = self._ready  # type: ignore[attr-defined]
        if len(ready) > 1:
            shuffled = list(ready)
            self.random.shuffle(shuffled)
            ready.clear()
            ready.extend(shuffled)
        super()._run_once()  # type: ignore[misc]


def _end_all(loop: VirtualLoop) -> None:
    """Run the `finally` blocks of frozen windows, now that the world has been checked."""
    for _ in range(50):
        tasks = asyncio.all_tasks(loop)
        if not tasks:
            return
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.wait(tasks, timeout=1.0))


def run(work: Callable[[VirtualLoop], Awaitable[T]], seed: int) -> T:
    """Run `work(loop)` to its end on a new virtual loop."""
    loop = VirtualLoop(seed)
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(work(loop))
    finally:
        _end_all(loop)
        asyncio.set_event_loop(None)
        loop.close()
