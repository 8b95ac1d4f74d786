"""The servers that have left the fleet, until nothing is under way there any more."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from gateway.http.refusal import Refusal
from gateway.http.tunnels import Tunnels
from gateway.http.upstream import Upstream
from gateway.tasks import start_task


class Departures:
    """Sees each off: its windows' sockets are closed with the cause, and its connections once they are not used."""

    def __init__(self, lines: Tunnels) -> None:
        self._lines = lines
        self._leaving: dict[asyncio.Task[None], Upstream] = {}

    @property
    def count(self) -> int:
        """How many are not gone yet."""
        return len(self._leaving)

    def see_off(self, departed: Mapping[Upstream, Refusal]) -> None:
        """These have left."""
        for upstream, refusal in departed.items():
            self._leaving[start_task(self._see_off(upstream, refusal))] = upstream

    async def _see_off(self, upstream: Upstream, refusal: Refusal) -> None:
        await self._lines.leave(upstream, refusal)
        await upstream.leave()
        self._leaving = {task: other for task, other in self._leaving.items() if other is not upstream}

    def stop(self) -> None:
        """Wait for nothing any more: the gateway ends."""
        for task in self._leaving:
            task.cancel()

    async def close(self) -> None:
        """Close the connections that are left."""
        for upstream in self._leaving.values():
            await upstream.__aexit__(None, None, None)
