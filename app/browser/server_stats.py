"""Server stats, as the gateway reports them on request: the core's `VitalsSource`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from app.core.errors import ConfigError
from app.core.model import ServerId
from app.core.ports.http import Http, Request
from app.core.server_stats import Device, Minute, ServerStats

PATH = "/fleet/vitals"
DEADLINE = 8.0


class GatewayStats:
    """Requests the stats from the gateway."""

    def __init__(self, http: Http) -> None:
        self._http = http

    async def vitals(self) -> Mapping[ServerId, ServerStats]:
        """VitalsSource.vitals."""
        response = await self._http.send(Request(method="GET", path=PATH, deadline=DEADLINE))
        if response.status != 200:
            raise ConfigError(f"{PATH} answered {response.status}")
        return read_vitals(response.text)


def read_vitals(text: str) -> Mapping[ServerId, ServerStats]:
    """Parse the gateway's JSON; ConfigError if it is invalid."""
    try:
        servers = json.loads(text)["servers"]
        return {ServerId(str(server_id)): _vitals(item) for server_id, item in servers.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ConfigError(f"not the gateway's vitals: {error!r}") from error


def _vitals(item: Mapping[str, Any]) -> ServerStats:
    devices = tuple(
        Device(name=str(one["name"]), kind=str(one["kind"]), total=_bytes(one["total"]), free=_bytes(one["free"]))
        for one in item["devices"]
    )
    return ServerStats(devices, tuple(_minute(one) for one in item["hour"]))


def _minute(item: Any) -> Minute | None:
    if item is None:
        return None
    longest, busy, well, looks = map(int, item)
    return Minute(longest=longest, busy=busy, well=well, looks=looks)


def _bytes(value: Any) -> int | None:
    return None if value is None else int(value)
