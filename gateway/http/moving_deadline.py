"""A deadline that moves with each sign of progress, at almost no cost.

    async with MovingDeadline(30.0) as deadline:
        while chunk := await source.read():
            deadline.renew()

TimeoutError is raised out of the block that long after the last progress. `asyncio.Timeout.reschedule` would cancel and
create a timer for each block and each chunk, though nearly all end in time: here, one timer for all fires when the
earliest may be due, and checks.
"""

from __future__ import annotations

import asyncio
from math import inf
from types import TracebackType
from typing import Self

LEAST = 16_384  # bytes that must arrive within one wait: a trickle is no progress


class MovingDeadline:
    """See the module. A block that never renews it has that long in total."""

    __slots__ = ("_moved", "_seconds", "_timeout", "_watch", "due")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._watch = _watch_of(asyncio.get_running_loop())
        self._timeout = asyncio.timeout(None)
        self._moved = 0  # bytes since the last progress
        self.due = inf  # by the loop's clock

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        self.due = self._watch.loop.time() + self._seconds
        self._watch.add(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watch.remove(self)
        await self._timeout.__aexit__(kind, error, trace)

    def renew(self, seconds: float | None = None) -> None:
        """Note progress; with `seconds`, change how long the next progress may take."""
        if seconds is not None:
            self._seconds = seconds
        self.due = self._watch.loop.time() + self._seconds
        self._watch.check_at(self.due)

    def expire(self) -> None:
        """End the wait now."""
        self.due = self._watch.loop.time()
        self._watch.check_at(self.due)

    def moved(self, size: int) -> None:
        """Count arrived bytes; enough of them are progress."""
        self._moved += size
        if self._moved >= LEAST:
            self._moved = 0
            self.renew()

    def end(self) -> None:
        """Raise TimeoutError out of the block."""
        self._timeout.reschedule(self._watch.loop.time())


class _Watch:
    """The open deadlines of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._open: set[MovingDeadline] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._next = inf  # when it fires

    def add(self, deadline: MovingDeadline) -> None:
        self._open.add(deadline)
        self.check_at(deadline.due)

    def remove(self, deadline: MovingDeadline) -> None:
        self._open.discard(deadline)

    def check_at(self, when: float) -> None:
        """Check then, unless an earlier check is due."""
        if when < self._next:
            if self._timer is not None:
                self._timer.cancel()
            self._timer, self._next = self.loop.call_at(when, self._check), when

    def _check(self) -> None:
        self._timer, self._next = None, inf
        now = self.loop.time()
        for deadline in [one for one in self._open if one.due <= now]:
            self._open.remove(deadline)
            deadline.end()
        if self._open:
            self.check_at(min(one.due for one in self._open))


_latest: list[_Watch] = []  # of the loop that runs; those of others are kept by their deadlines


def _watch_of(loop: asyncio.AbstractEventLoop) -> _Watch:
    if not _latest or _latest[0].loop is not loop:
        _latest[:] = [_Watch(loop)]
    return _latest[0]
