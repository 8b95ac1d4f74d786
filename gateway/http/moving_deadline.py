"""A deadline that moves with each sign of progress, at almost no cost.

    async with MovingDeadline(30.0) as deadline:
        while chunk := await source.read():
            deadline.renew()

TimeoutError is raised out of the block that long after the last progress. `asyncio.Timeout.reschedule` would cancel and
create a timer for each chunk; here there is one, which checks whether to restart when it fires.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

LEAST = 16_384  # bytes that must arrive within one wait: a trickle is no progress


class MovingDeadline:
    """See the module. A block that never renews it has that long in total."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._due = 0.0
        self._timeout = asyncio.timeout(None)
        self._timer: asyncio.TimerHandle | None = None
        self._moved = 0  # bytes since the last progress

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        self._due = self._loop.time() + self._seconds
        self._set_timer()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None  # later renewals must not set one
        await self._timeout.__aexit__(kind, error, trace)

    def renew(self, seconds: float | None = None) -> None:
        """Note progress; with `seconds`, change how long the next progress may take."""
        if seconds is not None:
            self._seconds = seconds
        self._due = self._loop.time() + self._seconds
        if self._timer is not None and self._due < self._timer.when():
            self._set_timer()

    def expire(self) -> None:
        """End the wait now."""
        self._due = self._loop.time()
        if self._timer is not None:
            self._set_timer()

    def moved(self, size: int) -> None:
        """Count arrived bytes; enough of them are progress."""
        self._moved += size
        if self._moved >= LEAST:
            self._moved = 0
            self.renew()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._due, self._check)

    def _check(self) -> None:
        self._timer = None
        if self._due > self._loop.time():
            self._set_timer()
        else:
            self._timeout.reschedule(self._loop.time())
