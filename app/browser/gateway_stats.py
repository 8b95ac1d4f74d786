"""Server stats, as the gateway reports them on request: the core's `StatsSource`."""

from __future__ import annotations

import json
from collections.abc import Mapping

from app.core.errors import ConfigError, reason_of
from app.core.model import ServerId
from app.core.ports.http import Http, Request
from wire.server_stats import ServerStats, read_server_stats

PATH = "/fleet/stats"
DEADLINE = 8.0


class GatewayStats:
    """Requests the stats from the gateway."""

    def __init__(self, http: Http) -> None:
        self._http = http

    async def stats(self) -> Mapping[ServerId, ServerStats]:
        """StatsSource.stats."""
        response = await self._http.send(Request(method="GET", path=PATH, deadline=DEADLINE))
        if response.status != 200:
            raise ConfigError(f"{PATH} answered {response.status}")
        return read_fleet_stats(response.text)


def read_fleet_stats(text: str) -> Mapping[ServerId, ServerStats]:
    """Parse the gateway's JSON; ConfigError if it is invalid."""
    try:
        servers = json.loads(text)["servers"]
        return {ServerId(str(server_id)): read_server_stats(item) for server_id, item in servers.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ConfigError(f"not the gateway's stats: {reason_of(error)}") from error
