"""One set-up at a time in a clone, by a file lock that ends with the processes that hold it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from gateway.platforms import system

RETRY_SECONDS = 0.2


@contextlib.contextmanager
def exclusive(path: Path, on_wait: Callable[[], None]) -> Iterator[int]:
    """Hold the lock of `path` and yield its descriptor; `on_wait` is called once if another process has it.

    Tools that inherit the descriptor hold the lock too, except on Windows: if set-up is killed and leaves a pip
    running, the next set-up waits for that pip instead of working against it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        has_waited = False
        while not system.lock(file.fileno()):
            if not has_waited:
                on_wait()
                has_waited = True
            time.sleep(RETRY_SECONDS)
        yield file.fileno()  # closing the file releases the lock, unless a tool still holds it
