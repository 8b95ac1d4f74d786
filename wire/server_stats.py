"""The facts about a server that change too often to be pushed: its devices' free memory, and its last hour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass, field, replace
from typing import Any

from wire.health import Condition, Health
from wire.system_stats import Device

MINUTES = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute:
    """The results of a server's probes within one minute."""

    longest: int = 0  # the longest queue, with running prompts
    busy: int = 0  # probes during which a prompt ran
    well: int = 0  # answered probes
    looks: int = 1

    def with_probe(self, condition: Condition) -> Minute:
        """Return the minute with one more probe."""
        is_well = condition.health is Health.WELL
        return replace(
            self,
            longest=max(self.longest, condition.running + condition.pending if is_well else 0),
            busy=self.busy + (is_well and condition.running > 0),
            well=self.well + is_well,
            looks=self.looks + 1,
        )


@dataclass(frozen=True, slots=True)
class Hour:
    """Minutes by their number, from any clock that never runs backwards."""

    seen: Mapping[int, Minute] = field(default_factory=dict)

    def with_probe(self, number: int, condition: Condition) -> Hour:
        """Return the hour with one more probe in that minute."""
        looked = self.seen.get(number, Minute(looks=0)).with_probe(condition)
        return Hour({key: item for key, item in self.seen.items() if key > number - MINUTES} | {number: looked})

    def minutes(self, number: int) -> tuple[Minute | None, ...]:
        """Return the hour that ends with that minute, the oldest first."""
        return tuple(self.seen.get(key) for key in range(number - MINUTES + 1, number + 1))


@dataclass(frozen=True, slots=True)
class ServerStats:
    """The stats of one server: `hour` has `MINUTES` entries, the oldest first, None for minutes without a probe."""

    devices: tuple[Device, ...] = ()
    hour: tuple[Minute | None, ...] = ()

    @property
    def busy_share(self) -> float | None:
        """The share of answered probes during which a prompt ran; None if it answered none."""
        seen = [item for item in self.hour if item is not None and item.well]
        return sum(item.busy for item in seen) / sum(item.well for item in seen) if seen else None

    @property
    def minutes(self) -> int:
        """Minutes since the first probe within the hour."""
        return next((len(self.hour) - at for at, item in enumerate(self.hour) if item is not None), 0)

    @property
    def longest(self) -> int:
        """The longest queue within the hour."""
        return max((item.longest for item in self.hour if item is not None), default=0)

    @property
    def is_whole(self) -> bool:
        """Whether each probe was answered."""
        return all(item.well == item.looks for item in self.hour if item is not None)

    def as_json(self) -> dict[str, object]:
        """As `GET /fleet/stats` sends it: a minute is `[longest, busy, well, looks]`."""
        return {
            "devices": [asdict(device) for device in self.devices],
            "hour": [None if item is None else list(astuple(item)) for item in self.hour],
        }


def read_server_stats(item: Mapping[str, Any]) -> ServerStats:
    """Parse the result of `as_json`; KeyError, TypeError or ValueError if it is something else."""
    devices = tuple(
        Device(name=str(one["name"]), kind=str(one["kind"]), total=_bytes(one["total"]), free=_bytes(one["free"]))
        for one in item["devices"]
    )
    return ServerStats(devices, tuple(_minute(one) for one in item["hour"]))


def _minute(item: Any) -> Minute | None:
    if item is None:
        return None
    longest, busy, well, looks = map(int, item)
    return Minute(longest=longest, busy=busy, well=well, looks=looks)


def _bytes(value: Any) -> int | None:
    return None if value is None else int(value)
