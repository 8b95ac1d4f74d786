"""Real processes for tests: demo servers and gateways, on free loopback ports.

    with start_demo() as demo, start_gateway("--server", f"a={demo.url}") as gateway:
        ...

Each is started as a user would start it, is ready when it prints that it accepts connections, and ends with the block.
No other process is touched.
"""

from __future__ import annotations

import contextlib
import json
import queue
import random
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.platforms import system
from tests.kit.wheel import Installed

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60.0  # a loaded two-core machine is slow to import Pillow and aiohttp
PORTS = (15_000, 32_000)  # below those that systems use for outgoing connections
TRIES = 5  # with ports that were free a moment before
END_SECONDS = 15.0


def free_ports(count: int = 1) -> int:
    """Return the first of `count` neighbouring loopback ports that are free and not used for outgoing connections."""
    for _ in range(200):
        base = random.randrange(*PORTS)
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in range(base, base + count):
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return base
    raise RuntimeError(f"no {count} neighbouring free ports")


@dataclass
class Service:
    """A running process with its address and its output."""

    process: subprocess.Popen[str]
    url: str
    lines: list[str] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.url.rstrip("/").rsplit(":", 1)[1])

    def kill(self) -> None:
        """Kill the process as a crash would, and wait until it is gone."""
        self.process.kill()
        self.process.wait(END_SECONDS)

    def stop(self) -> None:
        """Terminate the process; kill it if it does not end."""
        if self.process.poll() is None:
            system.end(self.process)
            try:
                self.process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()


def wait_until(condition: Callable[[], object]) -> None:
    """Wait for a condition that another process makes true."""
    deadline = time.monotonic() + START_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "the condition was not met in time"
        time.sleep(0.02)


def _start(command: list[str], ready: str, root: Path = ROOT, environment: Mapping[str, str] | None = None) -> Service:
    process = subprocess.Popen(
        command,
        cwd=root,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        **system.ENDABLE,
    )
    service = Service(process, "")
    found: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        assert process.stdout is not None
        with contextlib.suppress(ValueError):  # closed by stop()
            for line in process.stdout:
                service.lines.append(line.rstrip())
                if ready in line:
                    found.put(line.split(ready, 1)[1].strip())
        found.put(None)

    threading.Thread(target=read, daemon=True).start()
    deadline = time.monotonic() + START_SECONDS
    try:
        address = found.get(timeout=max(0.1, deadline - time.monotonic()))
    except queue.Empty:
        address = None
    if address is None:
        service.stop()
        raise RuntimeError(f"{' '.join(command)} did not start:\n" + "\n".join(service.lines))
    service.url = address.rstrip("/")
    return service


def _start_somewhere(
    command: list[str],
    ports: int,
    port: int | None,
    ready: str,
    root: Path = ROOT,
    *,
    environment: Mapping[str, str] | None = None,
) -> Service:
    """Start on that port or on free ones, with a few attempts, since another process may take a free port first."""
    for attempt in range(1 if port else TRIES):
        chosen = port or free_ports(ports)
        try:
            return _start([*command, "--port", str(chosen)], ready, root, environment)
        except RuntimeError as error:
            if port or attempt == TRIES - 1 or "in use" not in str(error):
                raise
    raise AssertionError("it either started or raised")


@contextlib.contextmanager
def start_demo(*flags: str, port: int | None = None, data: Path | None = None) -> Iterator[Service]:
    """Start a demo server with faults allowed; `data` is the folder of its files."""
    command = [sys.executable, "-m", "demo_comfyui", "--faults", *flags]
    if data is not None:
        command += ["--data", str(data)]
    service = _start_somewhere(command, 1, port, "demo-comfyui ready ")
    try:
        yield service
    finally:
        service.stop()


def forget(server: Service) -> int:
    """End a demo server's work, and drop its faults, history and cached outputs: starting another costs more.

    Returns how many prompts it has received.
    """

    def ask(path: str, body: dict[str, bool] | None = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(server.url + path, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=START_SECONDS) as answer:
            return dict(json.loads(answer.read() or b"{}"))

    def is_idle() -> bool:
        ask("/queue", {"clear": True})
        ask("/interrupt", {})
        return not any(ask("/queue").values())

    received = int(ask("/demo/faults", {"reset": True})["submits"])
    wait_until(is_idle)
    ask("/history", {"clear": True})
    ask("/free", {"free_memory": True})
    return received


@contextlib.contextmanager
def start_gateway(*flags: str, port: int | None = None, demo: int = 0, root: Path = ROOT) -> Iterator[Service]:
    """Start a gateway; `demo=N` gives it a demo fleet on the next ports, `root` another repository to serve."""
    fleet = ["--demo", str(demo), "--faults"] if demo else []
    command = [sys.executable, "-m", "gateway", *fleet, *flags]
    service = _start_somewhere(command, 1 + demo, port, "Mooring is ready: ", root)
    try:
        yield service
    finally:
        service.stop()


@contextlib.contextmanager
def start_gateway_to(**servers: Service) -> Iterator[Service]:
    """Start a gateway with these servers, by their ids."""
    flags = [flag for name, server in servers.items() for flag in ("--server", f"{name}={server.url}")]
    with start_gateway(*flags) as service:
        yield service


@contextlib.contextmanager
def start_installed(installed: Installed, *flags: str, port: int | None = None, demo: int = 0) -> Iterator[Service]:
    """Start the gateway of an installed wheel."""
    command = [installed.command, *(["--demo", str(demo)] if demo else []), *flags]
    home, ready = installed.home, "Mooring is ready: "
    service = _start_somewhere(command, 1 + demo, port, ready, home, environment=installed.variables)
    try:
        yield service
    finally:
        service.stop()
