"""What those who run the fleet do to a server: the port, and a server's queue as they see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from app.core.model import PromptId, ServerId


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
