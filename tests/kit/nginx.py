"""A real nginx on a loopback port, with what `serve.py --export` writes, until the block ends.

    with start_nginx(folder, port):
        ...

Tests that need nginx are skipped with a message where it is missing.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.platforms import system

START_SECONDS = 20.0
END_SECONDS = 10.0


def find_nginx() -> str:
    """Return the path of nginx, or skip the test."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip("this machine has no nginx: install the system's package to run what is behind it")
    return found


def find_errors(folder: Path) -> str:
    """Return nginx's own errors about a configuration."""
    result = subprocess.run(
        [find_nginx(), "-t", "-q", "-p", str(folder), "-c", "nginx.conf", "-e", "stderr"],
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stderr


@contextlib.contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End a process with the block: in order, or by force if it takes too long."""
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()


@contextlib.contextmanager
def start_nginx(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Serve an exported folder."""
    who = "user root; " if system.is_root() else ""  # workers of another user could not read a test's folder
    command = [find_nginx(), "-p", str(folder), "-c", "nginx.conf", "-g", f"{who}daemon off;"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process, ended(process):
        _await(process, port)
        yield process


def _await(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
            return
        time.sleep(0.02)
    raise RuntimeError(f"nginx did not start (exit code {process.poll()})")
