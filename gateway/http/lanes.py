"""The simultaneous requests to one server, shared fairly among users.

A lane has a fixed number of places. While no one else waits, one user may have all of them; when others wait, a free
place goes to the user with the fewest. If none becomes free within `RECLAIM_SECONDS`, the user with the most loses the
one that has been sending to a browser for longest. So a browser that reads slowly affects only its own user.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar

HOLDER = ContextVar("holder", default="")  # the user who sent the present request, or the network it came from
RECLAIM_SECONDS = 1.0


class Lane:
    """The places of one server. Every `acquire` that is not cancelled must be followed by `release`."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._held: list[Ticket] = []  # the oldest first
        self._waiting: list[tuple[Ticket, asyncio.Future[None]]] = []
        self._timer: asyncio.TimerHandle | None = None

    def locked(self) -> bool:
        """Return whether no place is free."""
        return len(self._held) >= self._size

    async def acquire(self, ticket: Ticket) -> None:
        """Wait for a place."""
        if not self.locked():
            self._held.append(ticket)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((ticket, turn))
        self._set_timer()
        try:
            await turn
        except asyncio.CancelledError:
            self._waiting = [one for one in self._waiting if one[1] is not turn]
            if turn.done() and not turn.cancelled():
                self.release(ticket)
            raise

    def release(self, ticket: Ticket) -> None:
        """Return a place; it goes to the waiting user with the fewest."""
        self._held.remove(ticket)
        waiting = [one for one in self._waiting if not one[1].done()]
        if waiting:
            counts = self._counts()
            following = min(waiting, key=lambda one: counts[one[0].holder])
            self._waiting.remove(following)
            self._held.append(following[0])
            following[1].set_result(None)

    def _counts(self) -> Counter[str]:
        return Counter(ticket.holder for ticket in self._held)

    def _set_timer(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(RECLAIM_SECONDS, self._reclaim)

    def _reclaim(self) -> None:
        """For each waiting request, end one of the user with the most, unless that user would then have fewer."""
        self._timer = None
        counts = self._counts()
        for ticket, turn in self._waiting:
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
