"""A queue that releases a few items per turn of the event loop, so that many at the same time never block it.

Networks take turns (`network_of` in `gateway/http/peers.py`): a thousand items of one network delay another by one.
As long as nothing waits, the first few of a turn pass immediately.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

MANY = 256

T = TypeVar("T")


class Turns(Generic[T]):
    """The waiting items, by network; `let_pass` is called for `most` of them per turn, or for `most_of_many` while more
    than `MANY` wait, as in a flood: shorter turns delay others less."""

    def __init__(self, let_pass: Callable[[T], None], most: int, most_of_many: int | None = None) -> None:
        self._let_pass = let_pass
        self._most = most
        self._most_of_many = most if most_of_many is None else most_of_many
        self._passed = 0  # in this turn
        self._lines: dict[str, deque[T]] = {}  # none is empty, and the first is next
        self._count = 0
        self._timer: asyncio.Handle | None = None

    def __len__(self) -> int:
        return self._count

    def may_pass(self) -> bool:
        """Return whether one may pass without waiting, and count it for this turn."""
        self._set_timer()
        self._passed += 1
        return not self._count and self._passed <= self._most

    def wait(self, network: str, item: T) -> None:
        """Add `item` to the end of its network's line."""
        self._lines.setdefault(network, deque()).append(item)
        self._count += 1
        self._set_timer()

    def drop(self) -> T:
        """Remove the latest of the longest line and return it; KeyError if nothing waits."""
        network = max(self._lines, key=lambda one: len(self._lines[one]), default="")
        line = self._lines[network]
        item = line.pop()
        self._count -= 1
        if not line:
            del self._lines[network]
        return item

    def clear(self) -> list[T]:
        """Remove everything and return it."""
        waiting = [item for line in self._lines.values() for item in line]
        self._lines.clear()
        self._count = 0
        return waiting

    def _set_timer(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_soon(self._begin)

    def _begin(self) -> None:
        """Begin a turn."""
        self._timer = None
        self._passed = min(self._most if self._count <= MANY else self._most_of_many, self._count)
        try:
            for _ in range(self._passed):
                network, line = next(iter(self._lines.items()))
                item = line.popleft()
                self._count -= 1
                del self._lines[network]
                if line:
                    self._lines[network] = line
                self._let_pass(item)
        finally:
            if self._count:
                self._set_timer()
