"""The ports for time and randomness."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Time; the simulation has its own."""

    def now(self) -> float:
        """Seconds since the epoch, for records: the user may set this clock, so no difference of it is sure."""

    def steady(self) -> float:
        """Seconds since some moment, by a clock that is never set: for differences within this page."""

    async def sleep(self, seconds: float) -> None:
        """Return after about that long; a late return proves nothing."""


class Random(Protocol):
    """Randomness, seeded in each window."""

    def uuid4(self) -> str:
        """A lower-case hyphenated UUID4."""

    def fraction(self) -> float:
        """A number in [0, 1)."""
