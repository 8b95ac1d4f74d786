"""The facts about each server that change too often to be pushed: its devices' free memory, and its last hour.

The prober gets them anyway, so they cost nothing extra: the last answer, and one `Minute` for each of the last sixty.
A window requests them (`GET /fleet/stats`) only while its user views the fleet. A restarted gateway begins a new
hour.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from gateway.fleet.state import VERSION
from gateway.http.servers import ServerId
from wire.health import Health
from wire.server_stats import Hour, ServerStats
from wire.system_stats import Device, ProbeResult


class FleetStats:
    """The last hour of all servers. `clock` counts seconds and never runs backwards."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._devices: dict[ServerId, tuple[Device, ...]] = {}
        self._hours: dict[ServerId, Hour] = {}

    def note(self, server_id: ServerId, result: ProbeResult) -> None:
        """Record a probe. A server that does not answer keeps its last reported devices."""
        if result.condition.health is Health.WELL:
            self._devices[server_id] = result.devices
        self._hours[server_id] = self._hours.get(server_id, Hour()).with_probe(self._minute(), result.condition)

    def forget(self, server_id: ServerId) -> None:
        """Forget a server that has left the fleet."""
        self._devices.pop(server_id, None)
        self._hours.pop(server_id, None)

    def as_json(self, servers: Mapping[ServerId, object]) -> dict[str, object]:
        """Return what `GET /fleet/stats` sends: an hour's minutes, oldest first, null for those without a probe."""
        now = self._minute()
        return {"v": VERSION, "servers": {server_id: self._of(server_id, now).as_json() for server_id in servers}}

    def _of(self, server_id: ServerId, now: int) -> ServerStats:
        return ServerStats(self._devices.get(server_id, ()), self._hours.get(server_id, Hour()).minutes(now))

    def _minute(self) -> int:
        return int(self._clock() // 60)
