"""The ports for the servers: the fleet, their catalogues and stats, and what an admin does to one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from app.core.model import Fleet, PromptId, ServerId
from app.core.server_stats import ServerStats


class FleetSource(Protocol):
    """The list of servers: the gateway's, pushed, or that of a page which asks them itself."""

    async def first(self) -> Fleet:
        """The fleet as it is now; ConfigError or TransportError if the gateway does not tell."""

    async def changes(self) -> Fleet:
        """The next fleet that differs; reconnects by itself for as long as it takes.

        When the gateway cannot be asked any more, that is raised once; then the next fleet is one that differs.
        """


class Catalogues(Protocol):
    """What nodes the servers have, by the hash of that content. Raises TransportError, or ConfigError."""

    async def classes(self, content: str, names: Collection[str]) -> str:
        """The classes with these names, as one JSON object like `/object_info`; without those that are not there."""

    async def names(self, content: str) -> tuple[str, ...]:
        """The names of all classes."""

    async def refresh(self, server_id: ServerId) -> tuple[str, str]:
        """Have that server's catalogue read again: the hashes of its nodes and of its lists of uploaded files."""


class VitalsSource(Protocol):
    """Where vitals come from."""

    async def vitals(self) -> Mapping[ServerId, ServerStats]:
        """Of all servers, now. TransportError, or ConfigError if that is not what the gateway tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedPrompt:
    """A prompt in a server's queue, and whose it is; `name` is empty where that cannot be told. Never what it is."""

    prompt_id: PromptId
    number: float = 0
    is_running: bool = False
    name: str = ""


class FleetAdmin(Protocol):
    """Each raises GatewayRefused, or TransportError."""

    async def drain(self, server_id: ServerId, *, is_drained: bool) -> None:
        """Have a server take nothing new, or take new work again."""

    async def free(self, server_id: ServerId) -> None:
        """Have a server give back memory."""

    async def queue(self, server_id: ServerId) -> tuple[QueuedPrompt, ...]:
        """What waits and runs there, in order."""

    async def cancel(self, server_id: ServerId, prompt_id: PromptId) -> None:
        """Take a prompt off the queue, or interrupt it, whosever it is."""
