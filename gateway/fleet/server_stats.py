"""What of each server changes too often to be pushed: its devices' free memory, and how its last hour was.

The prober looks at every server anyhow, so both cost nothing to keep: the last answer, and one `Minute` for each of the
last sixty. A window reads them (`GET /fleet/stats`) while a person looks at the fleet, and at no other time. A gateway
that was started again begins a new hour.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from gateway.fleet.state import VERSION
from gateway.http.servers import ServerId
from wire.health import Health
from wire.server_stats import Hour, ServerStats
from wire.stats import Device, Look


class FleetStats:
    """The last hour of all servers. `clock` counts seconds and never goes back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._devices: dict[ServerId, tuple[Device, ...]] = {}
        self._hours: dict[ServerId, Hour] = {}

    def note(self, server_id: ServerId, look: Look) -> None:
        """Record one look. Of a server that does not answer, the devices stay as they were told last."""
        if look.condition.health is Health.WELL:
            self._devices[server_id] = look.devices
        self._hours[server_id] = self._hours.get(server_id, Hour()).with_look(self._minute(), look.condition)

    def forget(self, server_id: ServerId) -> None:
        """The server that had this id is there no more."""
        self._devices.pop(server_id, None)
        self._hours.pop(server_id, None)

    def as_json(self, servers: Mapping[ServerId, object]) -> dict[str, object]:
        """What is known, as `GET /fleet/stats` sends it: an hour's minutes, oldest first, null where nobody looked."""
        now = self._minute()
        return {"v": VERSION, "servers": {server_id: self._of(server_id, now).as_json() for server_id in servers}}

    def _of(self, server_id: ServerId, now: int) -> ServerStats:
        return ServerStats(self._devices.get(server_id, ()), self._hours.get(server_id, Hour()).minutes(now))

    def _minute(self) -> int:
        return int(self._clock() // 60)
