"""Shares the event loop among streams that may always have more to pass on, so that none of them can take it.

    while True:
        await pace.step()        # returns at once, unless this turn of the loop has done enough
        ...                      # pass one message on

All streams together get about `TURN_SECONDS` of each turn of the loop. Others wait, and each following turn lets one of
them on, the longest waiting first. A server that sends faster is slowed down by its own TCP connection, since the
gateway reads no more than fits into its buffer.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

TURN_SECONDS = 0.002


class Pace:
    """The streams of one event loop."""

    def __init__(self, seconds: float = TURN_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._until = 0.0  # of this turn's share
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._next: asyncio.Handle | None = None  # the next turn, once anything was done in this one

    async def step(self) -> None:
        """Wait until one more message may be passed on."""
        loop = asyncio.get_running_loop()
        if self._next is None:
            self._until = self._clock() + self._seconds
            self._next = loop.call_soon(self._begin_turn)
        elif self._clock() >= self._until:
            turn: asyncio.Future[None] = loop.create_future()
            self._waiting.append(turn)
            await turn
            self._until = self._clock() + self._seconds

    def _begin_turn(self) -> None:
        self._next = None
        while self._waiting and self._next is None:
            turn = self._waiting.popleft()
            if not turn.done():  # it was cancelled
                turn.set_result(None)
                self._next = asyncio.get_running_loop().call_soon(self._begin_turn)
