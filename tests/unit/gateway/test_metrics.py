"""The gateway's metrics."""

from __future__ import annotations

from gateway.fleet.fleet import DeclaredBy, Fleet
from gateway.fleet.state import FleetState
from gateway.metrics import MOST_EVENT_NAMES, GatewayMetrics
from gateway.metrics_text import metrics_text


def test_servers_cannot_make_metrics_grow_without_end() -> None:
    metrics = GatewayMetrics(FleetState(Fleet(DeclaredBy.FLAGS, "named", ())), dict)
    for event in ("a name\nof two lines", "x" * 61, *(f"event_{number}" for number in range(MOST_EVENT_NAMES + 1))):
        metrics.count_undeclared("a", event)
    metrics.count_undeclared("a", "event_0")
    lines = metrics_text(metrics).decode().splitlines()
    counts = [line for line in lines if line.startswith("mooring_undeclared_events_total")]
    assert len(counts) == MOST_EVENT_NAMES + 1
    assert 'mooring_undeclared_events_total{event="event_0",server="a"} 2.0' in counts
    assert 'mooring_undeclared_events_total{event="other",server="a"} 3.0' in counts


def test_times_are_counted_up_to_each_bound() -> None:
    metrics = GatewayMetrics(FleetState(Fleet(DeclaredBy.FLAGS, "named", ())), dict)
    for seconds in (0.004, 0.05, 40.0):
        metrics.count("queue", "GET", 200, seconds)
    lines = metrics_text(metrics).decode().splitlines()
    assert 'mooring_requests_total{method="GET",route="queue",status="200"} 3.0' in lines
    bounds = {"0.005": 1, "0.02": 1, "0.05": 2, "30.0": 2, "+Inf": 3}
    for bound, count in bounds.items():
        assert f'mooring_request_seconds_bucket{{le="{bound}",route="queue"}} {count}.0' in lines
    assert 'mooring_request_seconds_count{route="queue"} 3.0' in lines
    assert 'mooring_request_seconds_sum{route="queue"} 40.054' in lines
