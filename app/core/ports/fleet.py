"""The ports for the servers: the fleet, their catalogues and stats, and what an admin does to one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from app.core.model import Fleet, PromptId, ServerId
from wire.new_servers import AddedServer, CheckedServer
from wire.server_stats import ServerStats


class FleetSource(Protocol):
    """The list of servers: pushed by the gateway, or probed by a page that has none."""

    async def first(self) -> Fleet:
        """Return the fleet as it is now; ConfigError or TransportError if the gateway does not answer with one."""

    async def changes(self) -> Fleet:
        """Return the next fleet that differs; reconnects by itself for as long as it takes.

        Losing the gateway raises once; the next call waits for a fleet that differs.
        """


class Catalogues(Protocol):
    """The node classes of the servers, by the hash of their content. Raises TransportError or ConfigError."""

    async def classes(self, content: str, names: Collection[str]) -> str:
        """Return the classes with these names as one JSON object like `/object_info`, without unknown ones."""

    async def names(self, content: str) -> tuple[str, ...]:
        """Return the names of all classes."""

    async def refresh(self, server_id: ServerId) -> tuple[str, str]:
        """Have that server's catalogue reread; return the hashes of its nodes and of its lists of uploaded files."""


class StatsSource(Protocol):
    """Devices and the last hour of each server."""

    async def stats(self) -> Mapping[ServerId, ServerStats]:
        """Return the current stats of all servers. TransportError, or ConfigError if the answer is invalid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedPrompt:
    """A prompt in a server's queue with its owner, but not its content; `name` is empty if the owner is unknown."""

    prompt_id: PromptId
    number: float = 0
    is_running: bool = False
    name: str = ""


class FleetAdmin(Protocol):
    """What admins do with servers. Each raises GatewayRefused or TransportError."""

    async def check(self, url: str) -> CheckedServer:
        """Check an address that was typed. Raises ConfigError if the answer is invalid."""

    async def add(self, url: str, name: str) -> AddedServer:
        """Add a server to the fleet; an empty name becomes that of its host. Raises ConfigError as `check`."""

    async def rename(self, server_id: ServerId, name: str) -> None:
        """Change what people call a server."""

    async def remove(self, server_id: ServerId) -> None:
        """Remove a drained server from the fleet."""

    async def drain(self, server_id: ServerId, *, is_drained: bool) -> None:
        """Drain a server, so that it takes no new work, or end that."""

    async def free(self, server_id: ServerId) -> None:
        """Have a server free memory."""

    async def queue(self, server_id: ServerId) -> tuple[QueuedPrompt, ...]:
        """Return the running and waiting prompts, in order."""

    async def cancel(self, server_id: ServerId, prompt_id: PromptId) -> None:
        """Remove a prompt from the queue or interrupt it, whichever user owns it."""
