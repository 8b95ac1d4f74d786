"""The simultaneous requests to one server, shared fairly among users.

A lane has a fixed number of places. While no one else waits, one user may have all of them; when others wait, a free
place goes to the user with the fewest, and among equals in turn. If none becomes free within `RECLAIM_SECONDS`, the
user with the most loses the one that has been sending to a browser for longest. So a browser that reads slowly affects
only its own user.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar
from itertools import count

HOLDER = ContextVar("holder", default="")  # the user who sent the present request, or the network it came from
RECLAIM_SECONDS = 1.0


class Lane:
    """The places of one server. Every `acquire` that is not cancelled must be followed by `release`."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._held: dict[Ticket, None] = {}  # the oldest first
        self._counts: Counter[str] = Counter()  # of held places, by holder
        self._waiting: dict[str, deque[_Waiting]] = {}  # by holder, none is empty
        self._numbers = count()
        self._timer: asyncio.TimerHandle | None = None

    def locked(self) -> bool:
        """Return whether no place is free."""
        return len(self._held) >= self._size

    @contextlib.asynccontextmanager
    async def hold(self) -> AsyncIterator[None]:
        """Wait for a place for the sender of the present request, and hold it during the block."""
        ticket = Ticket(HOLDER.get())
        await self.acquire(ticket)
        try:
            yield
        finally:
            self.release(ticket)

    async def acquire(self, ticket: Ticket) -> None:
        """Wait for a place."""
        if not self.locked():
            self._hold(ticket)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(ticket.holder, deque()).append((next(self._numbers), ticket, turn))
        self._set_timer()
        try:
            await turn
        except asyncio.CancelledError:
            self._drop(ticket)
            if turn.done() and not turn.cancelled():
                self.release(ticket)
            raise

    def release(self, ticket: Ticket) -> None:
        """Return a place; it goes to the waiting user with the fewest."""
        del self._held[ticket]
        self._counts[ticket.holder] -= 1
        if not self._counts[ticket.holder]:
            del self._counts[ticket.holder]
        while self._waiting:
            holder = min(self._waiting, key=lambda one: self._counts[one])  # the first of equals
            line = self._waiting.pop(holder)
            _, following, turn = line.popleft()
            if line:
                self._waiting[holder] = line  # behind all others
            if not turn.done():
                self._hold(following)
                turn.set_result(None)
                return

    def _hold(self, ticket: Ticket) -> None:
        self._held[ticket] = None
        self._counts[ticket.holder] += 1

    def _drop(self, ticket: Ticket) -> None:
        """Forget a waiting request, if it still waits."""
        line = deque(one for one in self._waiting.get(ticket.holder, ()) if one[1] is not ticket)
        if line:
            self._waiting[ticket.holder] = line
        else:
            self._waiting.pop(ticket.holder, None)

    def _set_timer(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(RECLAIM_SECONDS, self._reclaim)

    def _reclaim(self) -> None:
        """For each waiting request, end one of the user with the most, unless that user would then have fewer."""
        self._timer = None
        counts = self._counts.copy()
        for _, ticket, turn in sorted(one for line in self._waiting.values() for one in line):
            if turn.done():
                continue
            streaming = (one for one in self._held if one.give_back is not None)
            given = max(streaming, key=lambda one: counts[one.holder], default=None)  # the oldest of equals
            if given is None or given.give_back is None or counts[given.holder] <= counts[ticket.holder] + 1:
                continue
            counts[given.holder] -= 1
            counts[ticket.holder] += 1
            give_back, given.give_back = given.give_back, None
            give_back()
        if self._waiting:
            self._set_timer()


class Ticket:
    """One request's claim to a place; `give_back` ends it early, and is None while nothing passes to a browser."""

    __slots__ = ("give_back", "holder")

    def __init__(self, holder: str) -> None:
        self.holder = holder
        self.give_back: Callable[[], None] | None = None


_Waiting = tuple[int, Ticket, asyncio.Future[None]]  # with its number in the order of arrival
