"""The contract's client for a simulated server in this process, on the test's clock.

It has no TCP, so an unread socket stalls no other one, and none is half open.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

from tests.contract.expected import Expected, expected_of
from tests.contract.peer import Answer, Event, Recorder, Workflow, fake_sampler, save
from tests.simulation.server import VERSIONS, SimServer, SimSocket
from tests.simulation.server import Answer as SimAnswer
from wire.versions import OLDEST

PACE = 0.05
"""The length of a second of the server's work."""
PAUSE_SECONDS = 0.005
BODILESS = {101, 204, 304}


@dataclass
class SimListener(Recorder):
    """A socket of a simulated server."""

    server: SimServer | None = None
    socket: SimSocket | None = None

    def open(self, server: SimServer, client_id: str | None) -> None:
        """Connect."""
        self.server = server
        self.socket = server.connect(client_id or "", self.take, self._end)

    def _end(self) -> None:
        self.is_closed = True
        self.news.set()

    async def say(self, text: str) -> None:
        """Send a text message."""
        assert self.server is not None and self.socket is not None
        self.server.hear(self.socket, text)

    async def close(self) -> None:
        """Close."""
        assert self.server is not None and self.socket is not None
        self.server.disconnect(self.socket)
        self._end()


@dataclass
class SimPeer:
    """A simulated server."""

    server: SimServer
    name: str = "simulated"
    is_alone: bool = True
    previews: bool = True
    has_recorded_nodes: bool = True
    listeners: list[SimListener] = field(default_factory=list)

    @property
    def version(self) -> str:
        """Return the version that it simulates."""
        return self.server.version.number

    @property
    def expected(self) -> Expected:
        """Return the expectations of its version."""
        return expected_of(self.version)

    async def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        return _whole(await self.server.request(method, path, query or {}, body or b"", headers))

    async def upload(self, name: str, data: bytes, route: str = "/upload/image", **fields: str) -> Answer:
        """A form with a file."""
        folder, subfolder = fields.pop("type", "input"), fields.pop("subfolder", "")
        is_mask = route.endswith("/mask")
        return _whole(self.server.upload(name, data, subfolder, folder, mask=is_mask, **fields))

    async def connect(self, client_id: str | None, flags: Mapping[str, Any] | None = None) -> SimListener:
        """Open a socket."""
        listener = SimListener()
        self.listeners.append(listener)
        listener.open(self.server, client_id)
        if flags is not None:
            await listener.say(json.dumps({"type": "feature_flags", "data": dict(flags)}))
        return listener

    async def handshake(self, headers: Mapping[str, str]) -> tuple[int, list[Event]]:
        """Open a socket with these headers."""
        answer = await self.server.request("GET", "/ws", {"clientId": "o"}, b"", headers)
        if answer.status != 101:
            return answer.status, []
        listener = SimListener()
        listener.open(self.server, "o")
        await listener.close()
        return 101, listener.received

    def slow_workflow(self, steps: int) -> Workflow:
        """Return the recorded server's own step-by-step node."""
        source = {"width": 256, "height": 256, "batch_size": 1, "color": random.randrange(1 << 24)}
        pace = {"steps": steps, "seconds_per_step": 0.1, "nonce": random.randrange(1 << 32)}
        preview = {"preview": True, "preview_format": "JPEG", "preview_max_size": 256}
        return {
            "1": {"class_type": "EmptyImage", "inputs": source},
            "2": {"class_type": "SlowSteps", "inputs": {"image": ["1", 0], **pace, **preview}},
            "9": save("2"),
        }

    def sampler_workflow(self, steps: int) -> Workflow:
        """Return the recorded server's own sampler."""
        return fake_sampler(steps)

    def forget_file(self, name: str) -> None:
        """Delete a file of its output folder."""
        del self.server.files["output", "", name]

    async def pause(self) -> None:
        """Advance the server's clock a little."""
        await asyncio.sleep(PAUSE_SECONDS)


@asynccontextmanager
async def simulated(name: str = "simulated", version: str = OLDEST) -> AsyncIterator[SimPeer]:
    """Run a new server until the block ends."""
    server = SimServer(name, PACE, VERSIONS[version])
    work = asyncio.create_task(server.run())
    try:
        yield SimPeer(server)
    finally:
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work


def _whole(answer: SimAnswer) -> Answer:
    """Add the headers that the HTTP layer adds to every answer."""
    headers = {**answer.headers, "date": formatdate(usegmt=True), "server": "simulated"}
    if answer.status not in BODILESS and "transfer-encoding" not in headers:
        headers.setdefault("content-length", str(len(answer.body)))
    return Answer(answer.status, headers, answer.body)
