"""The gateway's metrics."""

from __future__ import annotations

from gateway.fleet.fleet import Fleet, Source
from gateway.fleet.state import FleetState
from gateway.metrics import MOST_EVENT_NAMES, GatewayMetrics


def test_servers_cannot_make_metrics_grow_without_end() -> None:
    metrics = GatewayMetrics(FleetState(Fleet(Source.FLAGS, "named", ())), dict)
    for event in ("a name\nof two lines", "x" * 61, *(f"event_{number}" for number in range(MOST_EVENT_NAMES + 1))):
        metrics.count_undeclared("a", event)
    metrics.count_undeclared("a", "event_0")
    counts = [
        line for line in metrics.text().decode().splitlines() if line.startswith("mooring_undeclared_events_total")
    ]
    assert len(counts) == MOST_EVENT_NAMES + 1
    assert 'mooring_undeclared_events_total{event="event_0",server="a"} 2.0' in counts
    assert 'mooring_undeclared_events_total{event="other",server="a"} 3.0' in counts
