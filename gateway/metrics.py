"""The gateway's metrics for Prometheus (`/metrics`). Numbers only: no name of a user, no prompt, no file.

One registry per gateway, so that several in one process (tests) stay apart. `docs/for-a-team.md` lists the metrics.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.fleet.state import FleetState
from gateway.http.routes import (
    BuildFile,
    CatalogueContent,
    FleetAction,
    FleetSocket,
    Health,
    LocalServers,
    LogIn,
    LogOut,
    Metrics,
    Page,
    Route,
    ServerCall,
    ServerSocket,
)
from wire.health import Health as ServerHealth

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MOST_EVENT_NAMES = 50
_EVENT_NAME = re.compile(r"[\w.:/-]{1,60}", re.ASCII)
_SECONDS = (0.005, 0.02, 0.05, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)

Gauges = Callable[[], dict[str, int]]  # by kind: how many are open now


class GatewayMetrics:
    """The counters of one gateway, and gauges that are read on request."""

    def __init__(self, state: FleetState, is_open: Gauges) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "mooring_requests", "Requests answered", ["route", "method", "status"], registry=self._registry
        )
        self.refusals = Counter(
            "mooring_refusals", "Requests refused by the gateway", ["cause"], registry=self._registry
        )
        self.seconds = Histogram(
            "mooring_request_seconds",
            "Time until a request was answered whole",
            ["route"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.logins = Counter("mooring_logins", "Log-ins tried", ["result"], registry=self._registry)
        self._undeclared = Counter(
            "mooring_undeclared_events",
            "Events not passed on to users, since wire/events.py does not declare them",
            ["server", "event"],
            registry=self._registry,
        )
        self._event_names: set[str] = set()  # already in use as labels
        self._registry.register(_State(state, is_open))

    def count(self, route: str, method: str, status: int) -> None:
        """Count one answered request."""
        self.requests.labels(route, method, str(status)).inc()
        if route == "login" and method == "POST":
            self.logins.labels("ok" if status == 200 else "refused").inc()

    def count_undeclared(self, server_id: str, event: str) -> None:
        """Count one dropped event. Servers choose its name, so only a limited number of names get their own counter."""
        if len(self._event_names) < MOST_EVENT_NAMES and _EVENT_NAME.fullmatch(event):
            self._event_names.add(event)
        self._undeclared.labels(server_id, event if event in self._event_names else "other").inc()

    def text(self) -> bytes:
        """Return all metrics in Prometheus's text format."""
        return generate_latest(self._registry)

    @contextmanager
    def timed(self, route: str) -> Iterator[None]:
        """Measure the time of the block."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds.labels(route).observe(time.perf_counter() - began)


class _State(Collector):
    """Values that are read, not counted."""

    def __init__(self, state: FleetState, is_open: Gauges) -> None:
        self._state = state
        self._is_open = is_open

    def collect(self) -> Iterator[Metric]:
        well = GaugeMetricFamily("mooring_server_well", "Whether a server answered the last probe", labels=["server"])
        drained = GaugeMetricFamily("mooring_server_drained", "Whether a server is drained", labels=["server"])
        queued = GaugeMetricFamily("mooring_server_prompts", "Prompts on a server", labels=["server", "state"])
        for server_id, server in self._state.servers.items():
            known = self._state.condition(server_id)
            well.add_metric([server_id], float(known.health is ServerHealth.WELL))
            drained.add_metric([server_id], float(server.is_drained))
            queued.add_metric([server_id, "running"], known.running)
            queued.add_metric([server_id, "pending"], known.pending)
        yield from (well, drained, queued)
        yield from self._lookups()
        held = GaugeMetricFamily("mooring_open", "Connections open now", labels=["kind"])
        for kind, count in self._is_open().items():
            held.add_metric([kind], count)
        yield held

    def _lookups(self) -> Iterator[Metric]:
        found = GaugeMetricFamily("mooring_lookup_servers", "Servers that a look-up has found", labels=["from"])
        answered = GaugeMetricFamily("mooring_lookup_answered", "Whether DNS answered the last one", labels=["from"])
        for search in self._state.searches:
            found.add_metric([search.origin], search.found)
            answered.add_metric([search.origin], float(search.is_answered))
        yield from (found, answered)


def route_name(route: Route | None) -> str:
    """Return the route's label, from a short list: never a path that a client chooses."""
    match route:
        case None:
            return "refused"
        case ServerCall(path=path):
            return _CALLS.get(path.split("/")[1], "server")
        case ServerSocket():
            return "server-socket"
        case FleetSocket():
            return "fleet-socket"
        case Page():
            return "page"
        case BuildFile() | CatalogueContent():
            return "file"
        case LogIn() | LogOut():
            return "login"
        case Health() | Metrics():
            return "operation"
        case FleetAction() | LocalServers():
            return "fleet-action"
        case _:
            return "other"


_CALLS = {name: name for name in ("prompt", "queue", "history", "view", "upload", "interrupt", "object_info")}
