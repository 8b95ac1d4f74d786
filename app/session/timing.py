"""Waiting for whichever comes first."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

from app.core.ports.clock import Clock

T = TypeVar("T")


async def first_of(*waits: Coroutine[Any, Any, object]) -> None:
    """Return when the first of these coroutines returns; the others are cancelled."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


def begin(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """A task of this work. In a browser it has got to its first wait already: a turn of the loop is a turn of the page.

    Elsewhere it begins with the next turn, in whatever Python, so that a simulated life is the same in each.
    """
    loop = asyncio.get_running_loop()
    if sys.platform == "emscripten":
        return asyncio.Task(work, loop=loop, eager_start=True)
    return loop.create_task(work)


async def until_set(event: asyncio.Event, clock: Clock, longest: float) -> None:
    """Return when the event is set, at once if it is, or after so many seconds."""
    if not event.is_set():
        await first_of(clock.sleep(longest), event.wait())
