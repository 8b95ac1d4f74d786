"""The demo fleet: demo servers as processes, started and ended with the gateway.

Each has its own loopback port, so that one can be killed. A process ends with its standard input, which the gateway
closes at its end, even by a crash. One that dies is not restarted: a fleet that repairs itself silently would hide
what a real fleet does. With `--faults` a user may kill and restart one (see `gateway/fleet/fault_injection.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass

from gateway.errors import StartError
from gateway.http.servers import Server, ServerId
from gateway.install.place import Installation
from gateway.platforms import system
from gateway.tasks import start_task

_LOOPBACK = "127.0.0.1"
_READY = b"demo-comfyui ready"
_END_SECONDS = 0.5  # to end after its standard input, before it is killed
_LAST_LINES = 3  # of its output, reported if it does not start

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Process:
    """One demo server's process, and the task that reads its output."""

    server: Server
    process: asyncio.subprocess.Process
    reader: asyncio.Task[None]
    is_ready: asyncio.Event
    last_lines: list[str]


class DemoFleet:
    """The demo servers' processes and their entries in the fleet."""

    def __init__(
        self, *, count: int, after_port: int, is_faulty: bool, place: Installation, version: str | None = None
    ) -> None:
        self._flags = [*(["--faults"] if is_faulty else []), *(["--speaks", version] if version else [])]
        self._remedy = "start it under Break it" if is_faulty else "restart Mooring to start it"
        self._root, self._data = place.root, place.state / "demo"
        self._processes: dict[ServerId, _Process] = {}
        self._watches: dict[ServerId, asyncio.Task[None]] = {}
        self._on_death: Callable[[ServerId, str], None] = lambda _server_id, _reason: None
        self._is_ending = False
        self.servers = tuple(
            Server(ServerId(f"demo-{index}"), f"demo-{index}", f"http://{_LOOPBACK}:{after_port + index}")
            for index in range(1, count + 1)
        )

    async def start(self) -> None:
        """Start all, or raise `StartError` if a port is in use. Then call `ready`."""
        for server in self.servers:
            _check_port(server)
        for server in self.servers:
            self._processes[server.id] = await self._spawn(server)

    async def ready(self, seconds: float) -> None:
        """Wait until all accept connections, or raise `StartError`."""
        await asyncio.gather(*(_await_ready(process, seconds) for process in self._processes.values()))

    def watch(self, on_death: Callable[[ServerId, str], None]) -> None:
        """From now on, call `on_death` with the reason when one of them ends by itself."""
        self._on_death = on_death
        for process in self._processes.values():
            self._begin_watch(process)

    def is_running(self, server_id: ServerId) -> bool:
        """Whether the process runs."""
        return self._processes[server_id].process.returncode is None

    async def kill(self, server_id: ServerId) -> None:
        """Kill one, as a crash would, and wait until it has ended."""
        process = self._processes[server_id]
        with contextlib.suppress(ProcessLookupError):
            process.process.kill()
        await process.process.wait()

    async def restart(self, server_id: ServerId, seconds: float) -> None:
        """Restart one that has ended, on its old port, and wait until it accepts connections, or raise `StartError`."""
        server = self._processes[server_id].server
        _check_port(server)
        process = await self._spawn(server)
        self._processes[server_id] = process
        self._begin_watch(process)
        await _await_ready(process, seconds)

    async def close(self) -> None:
        """End all."""
        self._is_ending = True
        for process in self._processes.values():
            assert process.process.stdin is not None
            process.process.stdin.close()
        await asyncio.gather(*(_end(process) for process in self._processes.values()))
        for watch in self._watches.values():
            watch.cancel()

    async def _spawn(self, server: Server) -> _Process:
        port = server.address.rpartition(":")[2]
        command = ["-m", "demo_comfyui", "--port", port, "--host", _LOOPBACK, "--until-eof", *self._flags]
        command += ["--data", str(self._data / port)]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            cwd=self._root,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            **system.OWN_GROUP,  # Ctrl+C is for the gateway, which then ends its servers
        )
        is_ready, lines = asyncio.Event(), list[str]()
        reader = start_task(_read_output(server, process, is_ready, lines))
        return _Process(server, process, reader, is_ready, lines)

    def _begin_watch(self, process: _Process) -> None:
        self._watches[process.server.id] = start_task(self._watch(process))

    async def _watch(self, process: _Process) -> None:
        code = await process.process.wait()
        if not self._is_ending:
            how = f"signal {-code}" if code < 0 else f"code {code}"
            reason = f"its process has ended ({how}); {self._remedy}"
            _log.warning("%s: %s", process.server.id, reason)
            self._on_death(process.server.id, reason)


def _check_port(server: Server) -> None:
    """Raise `StartError` if the port is in use: a demo server on another port would be another server."""
    port = int(server.address.rpartition(":")[2])
    with socket.socket() as probe:
        system.claim(probe)
        try:
            probe.bind((_LOOPBACK, port))
        except OSError as error:
            raise StartError(
                f"Port {port}, which {server.id} needs, is in use: end what uses it, or choose another --port."
            ) from error


async def _read_output(
    server: Server, process: asyncio.subprocess.Process, is_ready: asyncio.Event, last_lines: list[str]
) -> None:
    """Read for ever, so that the process never blocks on its output."""
    assert process.stdout is not None
    while True:
        try:
            line = await process.stdout.readline()
        except ValueError:  # a line longer than the reader's limit; its rest follows
            continue
        if not line:
            return
        if line.startswith(_READY):
            is_ready.set()
        text = line.decode("utf-8", "replace").rstrip()
        last_lines.append(text)
        del last_lines[:-_LAST_LINES]
        _log.debug("%s: %s", server.id, text)


async def _await_ready(process: _Process, seconds: float) -> None:
    ready = asyncio.create_task(process.is_ready.wait())
    try:
        await asyncio.wait({ready, process.reader}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        ready.cancel()
    if not process.is_ready.is_set():
        said = " / ".join(process.last_lines) or "it said nothing"
        raise StartError(f"The demo server {process.server.id} does not start: {said}")


async def _end(process: _Process) -> None:
    try:
        async with asyncio.timeout(_END_SECONDS):
            await process.process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.process.kill()
        await process.process.wait()
    await process.reader
