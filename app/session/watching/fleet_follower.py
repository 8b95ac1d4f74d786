"""Following the fleet that the gateway reports, for as long as the window lives."""

from __future__ import annotations

from collections.abc import Callable

from app.core.errors import ConfigError, TransportError
from app.session.state import State

FLEET_RETRY = 2.0  # seconds between tries to get the first fleet


class FleetFollower:
    """Takes over each fleet. `wake` is called when a server is new, has moved, or has changed its health."""

    def __init__(self, state: State, wake: Callable[[str], None]) -> None:
        self._state = state
        self._wake = wake

    async def keep(self) -> None:
        """Take the first fleet, however long that takes, and then each change."""
        state = self._state
        while not await self._take(first=True):
            await state.ports.clock.sleep(FLEET_RETRY)
        while True:
            if not await self._take(first=False):
                await state.ports.clock.sleep(FLEET_RETRY)

    async def _take(self, *, first: bool) -> bool:
        state = self._state
        try:
            fleet = await (state.ports.fleet.first() if first else state.ports.fleet.changes())
        except (TransportError, ConfigError) as error:
            state.servers.failed(error)
            state.changed()
            return False
        is_back = state.servers.fleet_error is not None
        places = {(server.server_id, server.address, server.health) for server in state.servers.fleet.servers}
        state.servers.reported(fleet, state.records.tasks.values())
        state.changed()
        if is_back or places != {(server.server_id, server.address, server.health) for server in fleet.servers}:
            servers = [
                {"server_id": server.server_id, "address": server.address, "health": server.health}
                for server in fleet.servers
            ]
            state.note("fleet", source=fleet.source, servers=servers)
            self._wake("first fleet" if first else "fleet")
        return True
