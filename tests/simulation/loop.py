"""An event loop whose time is virtual and whose scheduler is seeded: what may happen in any order does.

`run(work, seed)` runs a coroutine. Time jumps to the next timer when nothing is ready; among ready callbacks the
seed decides. A run that waits for something that can never happen ends with `NothingLeft`.
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
    """Nothing is ready and no timer is set, yet the run is not done."""


class _NoSelector(selectors.SelectSelector):
    """Never waits: it moves the loop's clock instead."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise NothingLeft
        self.loop.advance(timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """See the module."""

    def __init__(self, seed: int) -> None:
        selector = _NoSelector()
        selector.loop = self
        self._virtual_now = 1_000_000.0
        self.random = random.Random(seed)
        super().__init__(selector)

    def time(self) -> float:
        return self._virtual_now

    def advance(self, seconds: float) -> None:
        """Move the clock; what is due then becomes ready."""
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
    """The world is over and has been judged; only now may the `finally` blocks of frozen windows run."""
    for _ in range(50):
        tasks = asyncio.all_tasks(loop)
        if not tasks:
            return
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.wait(tasks, timeout=1.0))


def run(work: Callable[[VirtualLoop], Awaitable[T]], seed: int) -> T:
    """Run `work(loop)` to its end on a fresh virtual loop."""
    loop = VirtualLoop(seed)
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(work(loop))
    finally:
        _end_all(loop)
        asyncio.set_event_loop(None)
        loop.close()
