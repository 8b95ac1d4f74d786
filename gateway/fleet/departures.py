"""The servers that have left the fleet, until their last request has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from gateway.http.refusal import Refusal
from gateway.http.tunnels import Tunnels
from gateway.http.upstream import Upstream
from gateway.tasks import start_task


class Departures:
    """Closes the sockets of windows with the cause, and a server's connections when none is in use."""

    def __init__(self, tunnels: Tunnels) -> None:
        self._tunnels = tunnels
        self._leaving: dict[asyncio.Task[None], Upstream] = {}

    @property
    def count(self) -> int:
        """The number of servers that are not closed yet."""
        return len(self._leaving)

    def close_departed(self, departed: Mapping[Upstream, Refusal]) -> None:
        """Begin to close these servers."""
        for upstream, refusal in departed.items():
            self._leaving[start_task(self._finish(upstream, refusal))] = upstream

    async def _finish(self, upstream: Upstream, refusal: Refusal) -> None:
        await self._tunnels.leave(upstream, refusal)
        await upstream.leave()
        self._leaving = {task: other for task, other in self._leaving.items() if other is not upstream}

    def stop(self) -> None:
        """Stop waiting for requests, because the gateway ends."""
        for task in self._leaving:
            task.cancel()

    async def close(self) -> None:
        """Close the remaining connections."""
        await asyncio.gather(*(upstream.__aexit__(None, None, None) for upstream in self._leaving.values()))
