"""The server's end of a socket in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from demo_comfyui.model.clients import Connection


@dataclass(eq=False)
class SimSocket(Connection):
    """An open socket. `deliver` passes messages to the client; None once it is closed."""

    deliver: Callable[[str | bytes], None] | None
    on_close: Callable[[], None]

    def send(self, message: str | bytes) -> None:
        """Send, unless it is closed."""
        if self.deliver is not None:
            self.deliver(message)
