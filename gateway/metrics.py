"""The gateway's metrics: plain numbers, and no name of a user, no prompt, no file.

`gateway/metrics_text.py` writes them for Prometheus (`/metrics`). `docs/for-a-team.md` lists them.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable

from gateway.fleet.state import FleetState
from gateway.http.routes import (
    BuildFile,
    CatalogueContent,
    FleetAction,
    FleetChange,
    FleetSocket,
    HealthRoute,
    LogIn,
    LogOut,
    MetricsRoute,
    PageRoute,
    Route,
    ServerCall,
    ServerSocket,
)

MOST_EVENT_NAMES = 50
SECONDS = (0.005, 0.02, 0.05, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
_EVENT_NAME = re.compile(r"[\w.:/-]{1,60}", re.ASCII)

Gauges = Callable[[], dict[str, int]]  # by kind: how many are open now


class GatewayMetrics:
    """The counters of one gateway, and what its gauges are read from."""

    def __init__(self, state: FleetState, is_open: Gauges) -> None:
        self.state, self.is_open = state, is_open
        self.requests = Counter[tuple[str, str, int]]()  # by route, method and status
        self.refusals = Counter[str]()  # by cause
        self.logins = Counter[str]()  # by result
        self.undeclared = Counter[tuple[str, str]]()  # by server and event
        self.seconds = defaultdict[str, float](float)  # in total, by route
        self.within: dict[str, list[int]] = {}  # by route: requests that took up to each of `SECONDS`, and longer
        self._event_names: set[str] = set()  # already in use as labels

    def count(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one request, which was answered in so many seconds."""
        self.requests[route, method, status] += 1
        within = self.within.get(route)
        if within is None:
            within = self.within[route] = [0] * (len(SECONDS) + 1)
        self.seconds[route] += seconds
        within[bisect_left(SECONDS, seconds)] += 1
        if route == "login" and method == "POST":
            self.logins["ok" if status == 200 else "refused"] += 1

    def count_refusal(self, cause: str) -> None:
        """Count one request that the gateway refused."""
        self.refusals[cause] += 1

    def count_undeclared(self, server_id: str, event: str) -> None:
        """Count one dropped event. Servers choose its name, so only a limited number of names get their own counter."""
        if len(self._event_names) < MOST_EVENT_NAMES and _EVENT_NAME.fullmatch(event):
            self._event_names.add(event)
        self.undeclared[server_id, event if event in self._event_names else "other"] += 1


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
        case PageRoute():
            return "page"
        case BuildFile() | CatalogueContent():
            return "file"
        case LogIn() | LogOut():
            return "login"
        case HealthRoute() | MetricsRoute():
            return "operation"
        case FleetAction() | FleetChange():
            return "fleet-action"
        case _:
            return "other"


_CALLS = {name: name for name in ("prompt", "queue", "history", "view", "upload", "interrupt", "object_info")}
