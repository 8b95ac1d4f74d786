"""What of each server changes too often to be pushed: its devices' free memory, and how its last hour was.

The prober looks at every server anyhow, so both cost nothing to keep: the last answer, and one `Minute` for each of the
last sixty. A window reads them (`GET /fleet/vitals`) while a person looks at the fleet, and at no other time. A gateway
that was started again begins a new hour.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from gateway.fleet.state import VERSION, Condition, Health
from gateway.http.servers import ServerId

MINUTES = 60
MOST_DEVICES = 16  # of one server that are told
_LONGEST_NAME = 80  # characters; ComfyUI writes the device's whole description


@dataclass(frozen=True, slots=True)
class Device:
    """One device of `/system_stats`: memory in bytes, None where the server does not tell."""

    name: str
    kind: str
    total: int | None = None
    free: int | None = None

    def as_json(self) -> dict[str, object]:
        """As `GET /fleet/vitals` sends it."""
        return {"name": self.name, "kind": self.kind, "total": self.total, "free": self.free}


@dataclass(frozen=True, slots=True)
class Minute:
    """What the looks within one minute have shown; `longest` is of the queue, with what runs."""

    number: int
    looks: int = 0
    well: int = 0
    busy: int = 0
    longest: int = 0

    def with_look(self, condition: Condition) -> Minute:
        """The minute with one more look."""
        is_well = condition.health is Health.WELL
        return replace(
            self,
            looks=self.looks + 1,
            well=self.well + is_well,
            busy=self.busy + (is_well and condition.running > 0),
            longest=max(self.longest, condition.running + condition.pending if is_well else 0),
        )


class ServerStats:
    """The last hour of all servers. `clock` counts seconds and never goes back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._devices: dict[ServerId, tuple[Device, ...]] = {}
        self._hours: dict[ServerId, deque[Minute]] = {}

    def note(self, server_id: ServerId, condition: Condition, devices: tuple[Device, ...]) -> None:
        """Record one look. Of a server that does not answer, the devices stay as they were told last."""
        if condition.health is Health.WELL:
            self._devices[server_id] = devices
        hour = self._hours.setdefault(server_id, deque(maxlen=MINUTES))
        number = self._minute()
        if not hour or hour[-1].number != number:
            hour.append(Minute(number))
        hour[-1] = hour[-1].with_look(condition)

    def forget(self, server_id: ServerId) -> None:
        """The server that had this id is there no more."""
        self._devices.pop(server_id, None)
        self._hours.pop(server_id, None)

    def as_json(self, servers: Mapping[ServerId, object]) -> dict[str, object]:
        """What is known, as `GET /fleet/vitals` sends it: an hour's minutes, oldest first, null where nobody looked."""
        now = self._minute()
        return {"v": VERSION, "servers": {server_id: self._server_json(server_id, now) for server_id in servers}}

    def _server_json(self, server_id: ServerId, now: int) -> dict[str, object]:
        minutes = {item.number: item for item in self._hours.get(server_id, ())}
        hour = [minutes.get(number) for number in range(now - MINUTES + 1, now + 1)]
        return {
            "devices": [device.as_json() for device in self._devices.get(server_id, ())],
            "hour": [None if item is None else [item.longest, item.busy, item.well, item.looks] for item in hour],
        }

    def _minute(self) -> int:
        return int(self._clock() // 60)


def read_device(item: Mapping[str, object]) -> Device:
    """One device as the server tells it; what has another shape is left out."""
    name, kind = item.get("name"), item.get("type")
    return Device(
        str(name)[:_LONGEST_NAME] if isinstance(name, str) else "",
        str(kind)[:_LONGEST_NAME] if isinstance(kind, str) else "",
        _bytes(item.get("vram_total")),
        _bytes(item.get("vram_free")),
    )


def _bytes(value: object) -> int | None:
    is_size = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**63
    return int(value) if is_size else None  # type: ignore[call-overload]
