"""The budget of bytes in flight: the memory that bodies and answers may use, per owner and in total.

    with budget.hold("alice", "10.0.0.7") as held:
        held.take(request.content_length)    # before any of it is read; `Refused` if there is no room
        await held.reserve(answer_size)      # the same, but waits a moment for room
        ...

The owner is a user, or an address where users do not log in, and each has a fixed limit. Bodies never wait: a refusal
says when to retry, and nothing has been sent. An answer waits while its owner's other answers are sent.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from typing import Self

from aiohttp import web

from gateway.http.refusal import Cause, Refusal, Refused

MOST_BYTES = 64 * 1024 * 1024  # in total
MOST_OF_ONE = 24 * 1024 * 1024  # of one user or address
MOST_BODIES = 512  # requests with a body at the same time, in total
MOST_BODIES_OF_ONE = 128
BUFFERED = 131_072  # bytes that the system and aiohttp may hold of a body that only passes through
LARGEST_ANSWER = MOST_OF_ONE // 2  # what an answer is charged at most, so that each can fit
WAIT_SECONDS = 8.0  # for room for an answer
RETRY_SECONDS = 2.0
OWNERS = web.RequestKey("owners", tuple[str, ...])


def owners_of(request: web.BaseRequest) -> tuple[str, ...]:
    """Return the owners that are charged for a request, as noted when the gateway admitted it."""
    owners: tuple[str, ...] = request.get(OWNERS, ())
    return owners


class Budget:
    """The bytes in use, by owner: a user or an address."""

    def __init__(
        self,
        *,
        most: int = MOST_BYTES,
        most_of_one: int = MOST_OF_ONE,
        most_bodies: int = MOST_BODIES,
        most_bodies_of_one: int = MOST_BODIES_OF_ONE,
    ) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._most_bodies = most_bodies
        self._most_bodies_of_one = most_bodies_of_one
        self._bytes: Counter[str] = Counter()
        self._bodies: Counter[str] = Counter()
        self._freed: set[asyncio.Future[None]] = set()  # waiting for room
        self.size = 0  # bytes held now
        self.bodies = 0

    def of(self, owner: str) -> int:
        """Return the bytes that one owner holds now."""
        return self._bytes[owner]

    def hold(self, *owners: str) -> Held:
        """Return a place among the bodies in flight, to be released; `Refused` if there are too many."""
        if any(self._bodies[owner] >= self._most_bodies_of_one for owner in owners):
            raise _own(f"You have {self._most_bodies_of_one} open requests already. Wait for one to end.")
        if self.bodies >= self._most_bodies:
            raise _all("The gateway has too many open requests. Retry in a moment.")
        self.bodies += 1
        self._bodies.update(owners)
        return Held(self, owners)

    def take(self, owners: tuple[str, ...], size: int) -> None:
        """Charge these bytes, or raise `Refused`."""
        if any(self._bytes[owner] + size > self._most_of_one for owner in owners):
            raise _own(f"Your open requests have {self._most_of_one:,} bytes already. Wait for one to end.")
        if self.size + size > self._most:
            raise _all("The gateway's memory for requests is full. Retry in a moment.")
        self.size += size
        for owner in owners:
            self._bytes[owner] += size

    def give_back(self, owners: tuple[str, ...], size: int) -> None:
        """Return bytes."""
        self.size -= size
        for owner in owners:
            self._bytes[owner] -= size
        for waiting in self._freed:
            if not waiting.done():
                waiting.set_result(None)

    def end(self, owners: tuple[str, ...], size: int) -> None:
        """Return the place of a request that has ended, and its bytes."""
        self.give_back(owners, size)
        self.bodies -= 1
        for owner in owners:
            self._bodies[owner] -= 1
            if not self._bodies[owner]:
                del self._bytes[owner], self._bodies[owner]

    async def freed(self) -> None:
        """Wait until bytes are returned."""
        waiting = asyncio.get_running_loop().create_future()
        self._freed.add(waiting)
        try:
            await waiting
        finally:
            self._freed.discard(waiting)


class Held:
    """The bytes that one request holds."""

    def __init__(self, budget: Budget, owners: tuple[str, ...]) -> None:
        self._budget = budget
        self._owners = owners
        self._size = 0
        self._is_over = False

    def take(self, size: int) -> None:
        """Reserve room for this many bytes in total, including those already held."""
        if size > self._size:
            self._budget.take(self._owners, size - self._size)
            self._size = size

    async def reserve(self, size: int) -> None:
        """Reserve room for this many more bytes of answers, once there is room; `Refused` if there is none for long."""
        wanted = self._size + min(size, LARGEST_ANSWER)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WAIT_SECONDS):
                while True:
                    with contextlib.suppress(Refused):
                        self.take(wanted)
                        return
                    await self._budget.freed()
        self.take(wanted)

    def shrink(self, size: int) -> None:
        """Return what is not needed beyond this many bytes in total."""
        if size < self._size:
            self._budget.give_back(self._owners, self._size - size)
            self._size = size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Return all bytes; further calls do nothing."""
        if not self._is_over:
            self._is_over = True
            self._budget.end(self._owners, self._size)


def _own(message: str) -> Refused:
    return Refused(Refusal(Cause.TOO_MANY_REQUESTS, message, retry_after=RETRY_SECONDS))


def _all(message: str) -> Refused:
    return Refused(Refusal(Cause.GATEWAY_BUSY, message, retry_after=RETRY_SECONDS))
