"""Time and randomness of this browser window."""

from __future__ import annotations

import asyncio
import os
import time
import uuid


class BrowserClock:
    """The browser's clock. A hidden tab's timers are late: a late return of `sleep` proves nothing."""

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def steady(self) -> float:
        """Seconds since some moment, by a clock that is never set."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return after about that long."""
        await asyncio.sleep(max(0.0, seconds))


class BrowserRandom:
    """Randomness from the browser's own generator.

    Nothing is seeded at import: all windows may start from one memory snapshot, and would draw the same numbers.
    """

    def uuid4(self) -> str:
        """A lower-case hyphenated UUID4."""
        return str(uuid.UUID(bytes=os.urandom(16), version=4))

    def fraction(self) -> float:
        """A number in [0, 1)."""
        return (int.from_bytes(os.urandom(7), "big") >> 3) / 2**53  # as many bits as a float holds
