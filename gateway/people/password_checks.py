"""Password checks, one at a time: each takes 32 MB and a core for a fifth of a second.

Known browsers go first, and the number of waiting checks per address or user is limited, so that a flood of wrong
passwords slows only unknown browsers.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from typing import TypeVar

from gateway.http.refusal import Refusal, RefusedRequest
from wire.refusals import Cause

MOST_WAITING = 32  # of known and unknown browsers each; further ones are refused
MOST_OF_ONE = 8  # of one address or user

T = TypeVar("T")


class Checks:
    """The queue of password checks."""

    def __init__(self) -> None:
        self._known: deque[asyncio.Future[None]] = deque()
        self._unknown: deque[asyncio.Future[None]] = deque()
        self._of_one: Counter[str] = Counter()
        self._is_busy = False

    async def run(self, call: Callable[[], T], *, whose: str, is_known: bool) -> T:
        """Run `call` in a thread when its turn comes and return its result; `Refused` if too many wait."""
        lane = self._known if is_known else self._unknown
        if len(lane) >= MOST_WAITING or self._of_one[whose] >= MOST_OF_ONE:
            raise RefusedRequest(
                Refusal(Cause.TOO_MANY_LOGINS, "Too many users are logging in. Try again in a moment.", retry_after=1.0)
            )
        self._of_one[whose] += 1
        try:
            await self._enter(lane)
        finally:
            self._of_one -= Counter({whose: 1})
        work = asyncio.ensure_future(asyncio.to_thread(call))
        work.add_done_callback(lambda _: self._leave())  # only then: a thread continues when its browser is gone
        return await asyncio.shield(work)

    async def _enter(self, lane: deque[asyncio.Future[None]]) -> None:
        if not self._is_busy:
            self._is_busy = True
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        lane.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self._leave()  # it already had its turn
            elif turn in lane:
                lane.remove(turn)
            raise

    def _leave(self) -> None:
        for lane in (self._known, self._unknown):
            while lane:
                turn = lane.popleft()
                if not turn.done():
                    turn.set_result(None)
                    return
        self._is_busy = False
