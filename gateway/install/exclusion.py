"""One set-up at a time in a clone, by a file lock that ends with the processes that hold it."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

RETRY_SECONDS = 0.2


@contextlib.contextmanager
def exclusive(path: Path, on_wait: Callable[[], None]) -> Iterator[int]:
    """Hold the lock of `path` and yield its descriptor; `on_wait` is called once if another process has it.

    Tools that inherit the descriptor hold the lock too: if set-up is killed and leaves a pip running, the
    next set-up waits for that pip instead of working against it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        has_waited = False
        while not _locked(file.fileno()):
            if not has_waited:
                on_wait()
                has_waited = True
            time.sleep(RETRY_SECONDS)
        yield file.fileno()  # closing the file releases the lock, unless a tool still holds it


if sys.platform == "win32":
    import msvcrt

    INHERITED = False

    def _locked(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    INHERITED = True

    def _locked(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
