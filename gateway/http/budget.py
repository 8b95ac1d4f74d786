"""The budget of bytes in flight: the memory that bodies, answers and sockets may use, per owner and in total.

    with budget.bodies.hold("alice") as held:
        held.take(size_so_far)               # as the body arrives; `Refused` if there is no room
    with budget.answers.hold("alice") as held:
        await held.reserve(answer_size)      # before it is read; waits a moment for room
        ...

The owner is a user, or an address where users do not log in. Bodies, answers and sockets have a share each, with a
limit for one owner and one for all, so that none of them takes the room of another. Bodies never wait: a refusal says
when to retry, and nothing has been sent. An answer waits while its owner's other answers are sent.

Sockets hold the messages that browsers have not read. Nothing waits there, since a server must always be read: where
there is no room, the socket that holds most is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from aiohttp import web

from gateway.http.refusal import Refusal, RefusedRequest
from wire.refusals import Cause

MOST_REQUESTS = 512  # with a body at the same time, in total; and as many that wait for a large answer
MOST_REQUESTS_OF_ONE = 128
BUFFERED = 131_072  # bytes that the system and aiohttp may hold of a body that only passes through
WAIT_SECONDS = 8.0  # for room for an answer
RETRY_SECONDS = 2.0
OWNERS = web.RequestKey("owners", tuple[str, ...])


@dataclass(frozen=True, slots=True)
class ShareLimits:
    """The bytes that one share may hold, in total and for one user or address."""

    most: int
    most_of_one: int


BODIES = ShareLimits(48 * 1024 * 1024, 12 * 1024 * 1024)
ANSWERS = ShareLimits(64 * 1024 * 1024, 24 * 1024 * 1024)
SOCKETS = ShareLimits(32 * 1024 * 1024, 16 * 1024 * 1024)
LARGEST_ANSWER = ANSWERS.most_of_one // 2  # what an answer is charged at most, so that each can fit


def owners_of(request: web.BaseRequest) -> tuple[str, ...]:
    """Return the owners that are charged for a request, as noted when the gateway admitted it."""
    owners: tuple[str, ...] = request.get(OWNERS, ())
    return owners


class _Share:
    """A part of the memory: its limits, and the bytes in use."""

    def __init__(self, limits: ShareLimits) -> None:
        self.limits = limits
        self.size = 0
        self.of: Counter[str] = Counter()

    def is_full_for(self, owner: str, size: int) -> bool:
        return self.of[owner] + size > self.limits.most_of_one

    def is_full(self, size: int) -> bool:
        return self.size + size > self.limits.most

    def has_room(self, owners: tuple[str, ...], size: int) -> bool:
        return not self.is_full(size) and not any(self.is_full_for(owner, size) for owner in owners)

    def add(self, owners: tuple[str, ...], size: int) -> None:
        """Note that these bytes are used, or returned if the size is negative."""
        self.size += size
        for owner in owners:
            self.of[owner] += size
            if not self.of[owner]:
                del self.of[owner]


class RequestBudget:
    """The requests of one kind that hold memory, and their bytes."""

    def __init__(self, limits: ShareLimits, most: int, most_of_one: int) -> None:
        self._share = _Share(limits)
        self._most = most
        self._most_of_one = most_of_one
        self._requests: Counter[str] = Counter()  # by owner
        self._freed: set[asyncio.Future[None]] = set()  # waiting for room
        self.count = 0  # requests

    @property
    def size(self) -> int:
        """The bytes held now."""
        return self._share.size

    def of(self, owner: str) -> int:
        """Return the bytes that one owner holds now."""
        return self._share.of[owner]

    def hold(self, *owners: str) -> Held:
        """Return a place for one request, to be released; `Refused` if there are too many."""
        if any(self._requests[owner] >= self._most_of_one for owner in owners):
            raise _own(f"You have {self._most_of_one} open requests already. Wait for one to end.")
        if self.count >= self._most:
            raise _all("The gateway has too many open requests. Retry in a moment.")
        self.count += 1
        self._requests.update(owners)
        return Held(self, owners)

    def has_room(self, owners: tuple[str, ...], size: int) -> bool:
        """Return whether these bytes can be charged now."""
        return self._share.has_room(owners, size)

    def take(self, owners: tuple[str, ...], size: int) -> None:
        """Charge these bytes, or raise `Refused`."""
        if any(self._share.is_full_for(owner, size) for owner in owners):
            most = self._share.limits.most_of_one
            raise _own(f"Your open requests would have more than {most:,} bytes. Wait for one to end.")
        if self._share.is_full(size):
            raise _all("The gateway's memory for requests is full. Retry in a moment.")
        self._share.add(owners, size)

    def give_back(self, owners: tuple[str, ...], size: int) -> None:
        """Return bytes."""
        self._share.add(owners, -size)
        for waiting in self._freed:
            if not waiting.done():
                waiting.set_result(None)

    def end(self, owners: tuple[str, ...], size: int) -> None:
        """Return the place of a request that has ended, and its bytes."""
        self.give_back(owners, size)
        self.count -= 1
        for owner in owners:
            self._requests[owner] -= 1
            if not self._requests[owner]:
                del self._requests[owner]

    async def freed(self) -> None:
        """Wait until bytes are returned."""
        waiting = asyncio.get_running_loop().create_future()
        self._freed.add(waiting)
        try:
            await waiting
        finally:
            self._freed.discard(waiting)


class Budget:
    """The bytes in use, by owner: a user or an address."""

    def __init__(
        self,
        *,
        bodies: ShareLimits = BODIES,
        answers: ShareLimits = ANSWERS,
        sockets: ShareLimits = SOCKETS,
        most: int = MOST_REQUESTS,
        most_of_one: int = MOST_REQUESTS_OF_ONE,
    ) -> None:
        self.bodies = RequestBudget(bodies, most, most_of_one)
        self.answers = RequestBudget(answers, most, most_of_one)
        self._sockets = _Share(sockets)
        self._holding: set[SocketBytes] = set()

    @property
    def size(self) -> int:
        """The bytes held now."""
        return self.bodies.size + self.answers.size + self._sockets.size

    def of(self, owner: str) -> int:
        """Return the bytes that one owner holds now."""
        return self.bodies.of(owner) + self.answers.of(owner) + self._sockets.of[owner]

    def of_socket(self, *owners: str) -> SocketBytes:
        """Return the account of a socket's messages, which is empty."""
        return SocketBytes(self, owners)

    def hold_for(self, socket: SocketBytes, size: int) -> None:
        """Charge a socket for this many bytes in total; without room, the one that holds most is closed."""
        while size > socket.size and not self._sockets.has_room(socket.owners, size - socket.size):
            largest = max(self._rivals(socket, size - socket.size), key=lambda one: one.size, default=socket)
            if largest.size <= size:
                largest = socket
            self._set(largest, 0)
            largest.give_up()
            if largest is socket:
                return
        self._set(socket, size)

    def _rivals(self, socket: SocketBytes, size: int) -> list[SocketBytes]:
        """The other sockets of an owner whose share is full; all others if the whole share is full."""
        full = {owner for owner in socket.owners if self._sockets.is_full_for(owner, size)}
        return [one for one in self._holding if one is not socket and (not full or full.intersection(one.owners))]

    def _set(self, socket: SocketBytes, size: int) -> None:
        self._sockets.add(socket.owners, size - socket.size)
        socket.size = size
        if size:
            self._holding.add(socket)
        else:
            self._holding.discard(socket)


class Held:
    """The bytes that one request holds."""

    def __init__(self, budget: RequestBudget, owners: tuple[str, ...]) -> None:
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
        more = min(size, LARGEST_ANSWER)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WAIT_SECONDS):
                while not self._budget.has_room(self._owners, more):
                    await self._budget.freed()
        self.take(self._size + more)

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


class SocketBytes:
    """The bytes that a socket's messages hold."""

    def __init__(self, budget: Budget, owners: tuple[str, ...]) -> None:
        self._budget = budget
        self.owners = owners
        self.size = 0
        self.give_up: Callable[[], None] = lambda: None  # drops the messages, and ends the socket

    def hold(self, size: int) -> None:
        """Hold this many bytes in total. It may have given up afterwards."""
        if size != self.size:
            self._budget.hold_for(self, size)


def _own(message: str) -> RefusedRequest:
    return RefusedRequest(Refusal(Cause.TOO_MANY_REQUESTS, message, retry_after=RETRY_SECONDS))


def _all(message: str) -> RefusedRequest:
    return RefusedRequest(Refusal(Cause.GATEWAY_BUSY, message, retry_after=RETRY_SECONDS))
