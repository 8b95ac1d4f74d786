"""The gateway's metrics in Prometheus's text format.

    metrics_text(metrics)

Import this module only when metrics are read: `prometheus_client` contains an HTTP server, which takes a tenth of a
start.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate

from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.metrics import SECONDS, GatewayMetrics
from wire.health import Health

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BOUNDS = (*(str(seconds) for seconds in SECONDS), "+Inf")


def metrics_text(metrics: GatewayMetrics) -> bytes:
    """Return all metrics."""
    return generate_latest(_Metrics(metrics))


class _Metrics(Collector):
    def __init__(self, metrics: GatewayMetrics) -> None:
        self._metrics = metrics
        self._state = metrics.state

    def collect(self) -> Iterator[Metric]:
        known = self._metrics
        requests = (((route, method, str(code)), count) for (route, method, code), count in known.requests.items())
        yield _counter("mooring_requests", "Requests answered", ["route", "method", "status"], requests)
        yield _counter("mooring_refusals", "Requests refused by the gateway", ["cause"], _alone(known.refusals))
        yield self._times()
        yield _counter("mooring_logins", "Log-ins tried", ["result"], _alone(known.logins))
        about = "Events not passed on to users, since wire/events.py does not declare them"
        yield _counter("mooring_undeclared_events", about, ["server", "event"], known.undeclared.items())
        yield from self._servers()
        yield from self._lookups()
        held = GaugeMetricFamily("mooring_open", "Connections open now", labels=["kind"])
        for kind, count in known.is_open().items():
            held.add_metric([kind], count)
        yield held

    def _times(self) -> Metric:
        name, about = "mooring_request_seconds", "Time until a request was answered whole"
        times = HistogramMetricFamily(name, about, labels=["route"])
        for route, within in self._metrics.within.items():
            buckets = list(zip(_BOUNDS, accumulate(within), strict=True))
            times.add_metric([route], buckets, self._metrics.seconds[route])
        return times

    def _servers(self) -> Iterator[Metric]:
        well = GaugeMetricFamily("mooring_server_well", "Whether a server answered the last probe", labels=["server"])
        drained = GaugeMetricFamily("mooring_server_drained", "Whether a server is drained", labels=["server"])
        queued = GaugeMetricFamily("mooring_server_prompts", "Prompts on a server", labels=["server", "state"])
        for server_id, server in self._state.servers.items():
            known = self._state.condition(server_id)
            well.add_metric([server_id], float(known.health is Health.WELL))
            drained.add_metric([server_id], float(server.is_drained))
            queued.add_metric([server_id, "running"], known.running)
            queued.add_metric([server_id, "pending"], known.pending)
        yield from (well, drained, queued)

    def _lookups(self) -> Iterator[Metric]:
        found = GaugeMetricFamily("mooring_lookup_servers", "Servers that a look-up has found", labels=["from"])
        answered = GaugeMetricFamily("mooring_lookup_answered", "Whether DNS answered the last one", labels=["from"])
        for search in self._state.searches:
            found.add_metric([search.origin], search.found)
            answered.add_metric([search.origin], float(search.is_answered))
        yield from (found, answered)


def _counter(name: str, about: str, labels: list[str], counts: Iterable[tuple[tuple[str, ...], int]]) -> Metric:
    counter = CounterMetricFamily(name, about, labels=labels)
    for values, count in counts:
        counter.add_metric(values, count)
    return counter


def _alone(counts: dict[str, int]) -> Iterable[tuple[tuple[str, ...], int]]:
    return (((value,), count) for value, count in counts.items())
