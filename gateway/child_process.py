"""A program beside the gateway, which reads and writes through pipes.

    child = await ChildProcess.start([sys.executable, "-m", "…"], folder)
    child.to.write(…)
    await child.back.readexactly(…)
    child.end()

asyncio's own `Process` keeps the pipes of a killed program open while anything in them is unread, and may then wait for
its end for ever: a cancelled read costs three descriptors. `end` closes them.
"""

from __future__ import annotations

import asyncio
import logging
from asyncio.subprocess import PIPE, SubprocessStreamProtocol
from collections.abc import Mapping, Sequence
from pathlib import Path

CLOSE_SECONDS = 2.0  # for a killed program to end
LONGEST_LINE = 65_536  # bytes, unless the caller needs longer ones
_log = logging.getLogger(__name__)


class _Protocol(SubprocessStreamProtocol):
    """The program's pipes as streams, and its end as an event."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit, asyncio.get_running_loop())
        self.over = asyncio.Event()

    def process_exited(self) -> None:
        super().process_exited()
        self.over.set()


class ChildProcess:
    """A running program; `to` leads to its input, `back` comes from its output."""

    def __init__(self, transport: asyncio.SubprocessTransport, protocol: _Protocol) -> None:
        assert protocol.stdin is not None
        assert protocol.stdout is not None
        self._transport = transport
        self._protocol = protocol
        self.to = protocol.stdin
        self.back = protocol.stdout

    @classmethod
    async def start(
        cls,
        command: Sequence[str | Path],
        folder: Path,
        environment: Mapping[str, str] | None = None,
        longest_line: int = LONGEST_LINE,
    ) -> ChildProcess:
        """Start a program in this folder. It shares the gateway's standard error."""
        transport, protocol = await asyncio.get_running_loop().subprocess_exec(
            lambda: _Protocol(longest_line),
            *command,
            cwd=folder,
            env=environment,
            stdin=PIPE,
            stdout=PIPE,
            stderr=None,
        )
        return cls(transport, protocol)

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self._protocol.over.is_set()

    def end(self) -> None:
        """Kill it and close its pipes, whatever they contain."""
        self._transport.close()

    async def ended(self, seconds: float = CLOSE_SECONDS) -> None:
        """Wait for its end after `end`; one that does not end in time is logged."""
        try:
            async with asyncio.timeout(seconds):
                await self._protocol.over.wait()
        except TimeoutError:
            _log.error("process %d did not end within %.0f s", self._transport.get_pid(), seconds)
