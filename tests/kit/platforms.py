"""What tests need of a system that not every one has: on others they are skipped, or the check is."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

IS_WINDOWS = sys.platform == "win32"


def posix_only(why: str) -> pytest.MarkDecorator:
    """Return the mark of a test that is skipped on Windows, with the reason."""
    return pytest.mark.skipif(IS_WINDOWS, reason=f"Windows: {why}")


def linux_only(why: str) -> pytest.MarkDecorator:
    """Return the mark of a test that is skipped except on Linux, with the reason."""
    return pytest.mark.skipif(not sys.platform.startswith("linux"), reason=f"not Linux: {why}")


def niceness(pid: int) -> int:
    """Return how much a process yields to others, on Linux."""
    return int(Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()[16])


def has_mode(path: Path, mode: int) -> bool:
    """Return whether a file has these permissions; on Windows always, as it has none of this kind."""
    return IS_WINDOWS or path.stat().st_mode & 0o777 == mode


def link(path: Path, target: Path) -> None:
    """Make a symbolic link, or skip the test if this user may not: Windows allows it to few."""
    try:
        path.symlink_to(target)
    except OSError as error:
        pytest.skip(f"no symbolic link can be made: {error}")


def put_program(path: Path, script: str | bytes) -> None:
    """Write a script that can be run as a program, or skip the test."""
    if IS_WINDOWS:
        pytest.skip("Windows: no script can be run as a program")
    path.write_bytes(script if isinstance(script, bytes) else script.encode())
    path.chmod(0o755)


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Let a server hang: it accepts connections, and answers nothing. Not on Windows."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
