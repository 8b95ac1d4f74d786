"""A server's last hour, by minutes, and its devices."""

from __future__ import annotations

from typing import Any

from gateway.fleet.fleet_stats import FleetStats
from gateway.fleet.server_answers import parse_stats
from gateway.http.servers import ServerId
from wire.health import Condition, Health
from wire.server_stats import MINUTES
from wire.system_stats import MOST_DEVICES, Device, ProbeResult

A, B = ServerId("a"), ServerId("b")
GPU = Device(name="cuda:0 NVIDIA GeForce RTX 4090 : cudaMallocAsync", kind="cuda", total=24_000, free=20_000)


class Clock:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        self.now = 10_000.0

    def __call__(self) -> float:
        return self.now


def published(stats: FleetStats) -> Any:
    return stats.as_json({A: None, B: None})["servers"]


def well(running: int = 0, pending: int = 0) -> Condition:
    return Condition(Health.WELL, "", running, pending)


def test_probes_of_one_minute_are_one_entry() -> None:
    clock = Clock()
    stats = FleetStats(clock)
    for condition in (well(), well(1, 2), well(1), Condition(Health.TIMEOUT, "no answer in time")):
        stats.note(A, ProbeResult(condition))
    hour = published(stats)["a"]["hour"]
    assert len(hour) == MINUTES
    assert hour[-1] == [3, 2, 3, 4], "longest, busy, well, probes"
    assert set(map(repr, hour[:-1])) == {"None"}, "no probes"
    assert published(stats)["b"] == {"devices": [], "hour": [None] * MINUTES}


def test_only_one_hour_is_kept() -> None:
    clock = Clock()
    stats = FleetStats(clock)
    for minute in range(3 * MINUTES):
        clock.now = 10_000.0 + 60 * minute
        stats.note(A, ProbeResult(well(minute % 5)))
    assert [entry[0] for entry in published(stats)["a"]["hour"]] == [
        minute % 5 for minute in range(2 * MINUTES, 3 * MINUTES)
    ]
    clock.now += 60 * 30
    assert published(stats)["a"]["hour"][29:] == [[4, 1, 1, 1], *([None] * 30)], "minutes without probes are null"


def test_server_that_is_down_keeps_its_devices() -> None:
    stats = FleetStats(Clock())
    stats.note(A, ProbeResult(well(), (GPU,)))
    stats.note(A, ProbeResult(Condition(Health.DOWN)))
    assert published(stats)["a"]["devices"] == [
        {"name": "cuda:0 NVIDIA GeForce RTX 4090 : cudaMallocAsync", "kind": "cuda", "total": 24_000, "free": 20_000}
    ]


def test_reported_parts_of_devices_are_read() -> None:
    def device(**facts: object) -> dict[str, object]:
        return {"name": GPU.name, "type": "cuda", "vram_total": 24_000, "vram_free": 20_000.0, **facts}

    def read(*devices: object) -> tuple[Device, ...]:
        return parse_stats({"system": {"argv": []}, "devices": list(devices)}).devices

    assert read(device()) == (GPU,)
    assert read(device(vram_free=-1, vram_total=True), "cpu", device(name=3, type=None)) == (
        Device(name=GPU.name, kind="cuda"),
        Device(total=24_000, free=20_000),
    )
    assert len(read(*[device()] * 99)) == MOST_DEVICES
    assert len(read(device(name="x" * 9999))[0].name) <= 80
