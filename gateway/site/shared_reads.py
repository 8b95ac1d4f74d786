"""Reads that overlapping callers share. Each gets the result of one that began after its own call.

reads = SharedReads(read)
found = await reads.fresh()
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

_T = TypeVar("_T")


class SharedReads(Generic[_T]):
    """One read at a time. While one is under way, all new callers wait for the next."""

    def __init__(self, read: Callable[[], Awaitable[_T]]) -> None:
        self._read = read
        self._turn = asyncio.Lock()
        self._begun = 0
        self._last: tuple[int, _T] | None = None  # the number of the last read that was completed, and its result

    async def fresh(self) -> _T:
        """Return what is there now."""
        before = self._begun
        async with self._turn:
            if self._last is None or self._last[0] <= before:
                self._begun += 1
                self._last = self._begun, await self._read()
            return self._last[1]
