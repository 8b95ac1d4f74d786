"""How the servers are beyond their health: devices with their free memory, and the last hour by minutes."""

from __future__ import annotations

from dataclasses import dataclass

MINUTES = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One device of a server. Memory in bytes; None where the server does not tell."""

    name: str = ""
    kind: str = ""  # cuda | mps | xpu | cpu …
    total: int | None = None
    free: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute:
    """What the gateway's looks at a server within one minute have shown."""

    longest: int = 0  # the most that stood in its line, with what ran
    busy: int = 0  # looks at which something ran
    well: int = 0  # looks that it answered
    looks: int = 1


@dataclass(frozen=True, slots=True)
class ServerStats:
    """One server's: `hour` has `MINUTES` entries, the oldest first, None where nobody looked."""

    devices: tuple[Device, ...] = ()
    hour: tuple[Minute | None, ...] = ()

    @property
    def busy_share(self) -> float | None:
        """At how much of the looks that it answered something ran; None if it answered none."""
        seen = [item for item in self.hour if item is not None and item.well]
        return sum(item.busy for item in seen) / sum(item.well for item in seen) if seen else None

    @property
    def minutes(self) -> int:
        """For how long it is watched by now, within the hour."""
        return next((len(self.hour) - at for at, item in enumerate(self.hour) if item is not None), 0)

    @property
    def longest(self) -> int:
        """The most that stood in its line within the hour."""
        return max((item.longest for item in self.hour if item is not None), default=0)

    @property
    def is_whole(self) -> bool:
        """Whether each look was answered."""
        return all(item.well == item.looks for item in self.hour if item is not None)
