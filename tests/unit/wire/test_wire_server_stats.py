"""A server's last hour, and what is sent of it."""

from __future__ import annotations

from wire.health import Condition, Health
from wire.server_stats import MINUTES, Hour, Minute, ServerStats, read_server_stats
from wire.system_stats import Device

BUSY, DOWN = Condition(Health.WELL, running=1, pending=2), Condition(Health.DOWN)


def test_hour_forgets_what_is_older() -> None:
    hour = Hour().with_probe(10, BUSY).with_probe(10, DOWN)
    assert hour.minutes(10)[-1] == Minute(longest=3, busy=1, well=1, looks=2)
    assert hour.minutes(11)[-2:] == (Minute(longest=3, busy=1, well=1, looks=2), None)
    later = hour.with_probe(10 + MINUTES, BUSY)
    assert len(later.seen) == 1 and len(later.minutes(10 + MINUTES)) == MINUTES


def test_stats_are_read_as_they_were_sent() -> None:
    stats = ServerStats((Device(name="gpu", kind="cuda", total=8),), Hour().with_probe(3, BUSY).minutes(4))
    assert read_server_stats(stats.as_json()) == stats
