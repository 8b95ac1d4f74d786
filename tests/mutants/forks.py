"""Processes that begin with all imported that a mutant cannot change: a fork takes a millisecond, imports take longer.

The process that forks must have nothing of `app` loaded, and one thread only.

    for work, code in each_in_a_fork(works, act, jobs=2): ...
"""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import aiohttp  # noqa: F401 - for those that are forked
import hypothesis  # noqa: F401
import pytest  # noqa: F401
import pytest_asyncio  # noqa: F401

T = TypeVar("T")

BROKE_OFF = 99  # the exit code of one that raised


def each_in_a_fork(works: Iterable[T], act: Callable[[T], int], *, jobs: int = 1) -> Iterator[tuple[T, int]]:
    """Each work with what `act` returned for it in a process of its own; minus the signal, if one ended it."""
    gc.collect()
    gc.freeze()  # what is here already is nothing that a child has to look through
    under_way: dict[int, T] = {}
    try:
        for work in works:
            if len(under_way) == jobs:
                yield _one_that_ended(under_way)
            under_way[fork(work, act)] = work
        while under_way:
            yield _one_that_ended(under_way)
    finally:
        for pid in under_way:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _one_that_ended(under_way: dict[int, T]) -> tuple[T, int]:
    pid, status = os.wait()
    return under_way.pop(pid), os.waitstatus_to_exitcode(status)


def fork(work: T, act: Callable[[T], int]) -> int:
    """A process that ends with what `act` returns; its number."""
    sys.stdout.flush()
    sys.stderr.flush()
    if pid := os.fork():
        return pid
    code = BROKE_OFF
    try:
        code = act(work)
    except BaseException:  # noqa: BLE001 - no exception may continue in the process that forked this one
        traceback.print_exc()
    finally:
        os._exit(code)


def let_itself_be_ended(cpu: float, seconds: float) -> None:
    """From now on this process has so much time, of the processor and of the clock; then the system ends it."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, cpu)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def have_bounds(memory: int = 4 << 30) -> None:
    """Limit this process's memory: an endless loop that allocates fails, and affects no other process."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def be_silent() -> None:
    """Print to nowhere from now on."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
