"""The upstreams of the present fleet, by id.

    upstreams = Upstreams(servers, deadlines)
    for departed in upstreams.change(other_servers): ...

A server that keeps its id and its identity keeps its `Upstream`. The identity of a server in the fleet file is its
address; a discovered one may keep its identity at another address.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping

from gateway.http.deadlines import Deadlines
from gateway.http.refusal import Refusal
from gateway.http.secret import Secrets
from gateway.http.servers import Server, ServerId
from gateway.http.upstream import Upstream
from gateway.http.worker_process import WorkerProcess
from wire.refusals import Cause


class Upstreams(Mapping[ServerId, Upstream]):
    """The upstreams of the present fleet, in its order."""

    def __init__(self, servers: Iterable[Server], deadlines: Deadlines) -> None:
        self._deadlines = deadlines
        self.worker = WorkerProcess()
        self.secrets = Secrets()
        self._now = {server.id: self._take(None, server) for server in servers}
        self._tags = self._read_tags()

    def __getitem__(self, server_id: ServerId) -> Upstream:
        return self._now[server_id]

    def __iter__(self) -> Iterator[ServerId]:
        return iter(self._now)

    def __len__(self) -> int:
        return len(self._now)

    @property
    def tags(self) -> Mapping[str, str]:
        """The tag of each server's identity, by id."""
        return self._tags

    def change(self, servers: Iterable[Server]) -> dict[Upstream, Refusal]:
        """Use these servers from now on. Return those that have left, with the refusal for further requests."""
        before = self._now
        self._now = {server.id: self._take(before.get(server.id), server) for server in servers}
        self._tags = self._read_tags()
        departed = {
            upstream: refusal_of(server_id, is_there=server_id in self._now)
            for server_id, upstream in before.items()
            if self._now.get(server_id) is not upstream
        }
        for upstream, refusal in departed.items():
            upstream.depart(refusal)
        return departed

    def _take(self, known: Upstream | None, server: Server) -> Upstream:
        if known is None or known.server.identity != server.identity:
            return Upstream(server, self._deadlines, self.worker, self.secrets)
        known.change(server)
        return known

    def _read_tags(self) -> dict[str, str]:
        return {server_id: upstream.server.tag for server_id, upstream in self._now.items()}

    async def close(self) -> None:
        """Close all connections."""
        await asyncio.gather(*(upstream.__aexit__(None, None, None) for upstream in self._now.values()))
        await self.worker.close()


def refusal_of(server_id: str, *, is_there: bool) -> Refusal:
    """Return the refusal for a page whose server has left the fleet, or has another address there."""
    if is_there:
        return Refusal(Cause.SERVER_MOVED, f"The fleet has another address for {server_id} by now.")
    return Refusal(Cause.UNKNOWN_SERVER, f"The fleet has no server {server_id!r}.")
