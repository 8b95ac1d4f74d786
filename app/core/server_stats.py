"""Server statistics beyond health: devices with their free memory, and the last hour by minutes."""

from __future__ import annotations

from dataclasses import dataclass

MINUTES = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One device of a server. Memory in bytes; None if the server does not report it."""

    name: str = ""
    kind: str = ""  # cuda | mps | xpu | cpu …
    total: int | None = None
    free: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute:
    """What the gateway's polls of a server within one minute have shown."""

    longest: int = 0  # the longest queue, with running prompts
    busy: int = 0  # polls at which a prompt ran
    well: int = 0  # polls that it answered
    looks: int = 1


@dataclass(frozen=True, slots=True)
class ServerStats:
    """The stats of one server: `hour` has `MINUTES` entries, the oldest first, None for minutes without a poll."""

    devices: tuple[Device, ...] = ()
    hour: tuple[Minute | None, ...] = ()

    @property
    def busy_share(self) -> float | None:
        """The share of answered polls at which a prompt ran; None if it answered none."""
        seen = [item for item in self.hour if item is not None and item.well]
        return sum(item.busy for item in seen) / sum(item.well for item in seen) if seen else None

    @property
    def minutes(self) -> int:
        """Minutes since the first poll within the hour."""
        return next((len(self.hour) - at for at, item in enumerate(self.hour) if item is not None), 0)

    @property
    def longest(self) -> int:
        """The longest queue within the hour."""
        return max((item.longest for item in self.hour if item is not None), default=0)

    @property
    def is_whole(self) -> bool:
        """Whether each poll was answered."""
        return all(item.well == item.looks for item in self.hour if item is not None)
