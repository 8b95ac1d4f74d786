"""The last hour of one server, by minutes, as this page itself has polled it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from app.core.direct import Sight
from app.core.model import Health
from app.core.server_stats import MINUTES, Minute


@dataclass(frozen=True, slots=True)
class Hour:
    """Minutes by their number; the numbers come from any clock that counts minutes and never goes back."""

    seen: Mapping[int, Minute] = field(default_factory=dict)

    def with_look(self, number: int, sight: Sight) -> Hour:
        """The hour with another poll in that minute."""
        minute = self.seen.get(number, Minute(looks=0))
        is_well = sight.health is Health.WELL
        line = sight.running + sight.pending if is_well else 0
        changed = replace(
            minute,
            longest=max(minute.longest, line),
            busy=minute.busy + (is_well and sight.running > 0),
            well=minute.well + is_well,
            looks=minute.looks + 1,
        )
        return Hour({key: item for key, item in self.seen.items() if key > number - MINUTES} | {number: changed})

    def minutes(self, number: int) -> tuple[Minute | None, ...]:
        """The hour that ends with that minute, oldest first."""
        return tuple(self.seen.get(key) for key in range(number - MINUTES + 1, number + 1))
