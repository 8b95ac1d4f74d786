"""Locks by key, each of which exists only while a caller holds it or waits for it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


@dataclass(slots=True)
class _Line:
    """The callers of one key."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0  # that hold the lock or wait for it


class KeyedLocks(Generic[K]):
    """A lock for each key."""

    def __init__(self) -> None:
        self._lines: dict[K, _Line] = {}

    def __len__(self) -> int:
        return len(self._lines)

    async def acquire(self, key: K) -> None:
        """Wait for the lock of a key, and hold it until `release`."""
        line = self._lines.setdefault(key, _Line())
        line.users += 1
        try:
            await line.lock.acquire()
        except asyncio.CancelledError:
            self._leave(key, line)
            raise

    def release(self, key: K) -> None:
        """Let the next caller of this key have its lock."""
        line = self._lines[key]
        line.lock.release()
        self._leave(key, line)

    @contextlib.asynccontextmanager
    async def hold(self, key: K) -> AsyncIterator[None]:
        """Hold the lock of a key during the block."""
        await self.acquire(key)
        try:
            yield
        finally:
            self.release(key)

    def _leave(self, key: K, line: _Line) -> None:
        line.users -= 1
        if not line.users:
            del self._lines[key]
