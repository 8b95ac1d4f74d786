"""Waiting for the first of several things."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from app.core.ports.clock import Clock

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment of this page: as records have it, and by the clock that is never set."""

    at: float
    steady: float

    @classmethod
    def now(cls, clock: Clock) -> Moment:
        """The present moment."""
        return cls(clock.now(), clock.steady())


async def first_of(*waits: Coroutine[Any, Any, object]) -> None:
    """Return when the first of these coroutines returns; the others are cancelled."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


def begin(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Start a task. In a browser it runs to its first wait immediately, because a turn of the loop is one of the page.

    Elsewhere it starts with the next turn of the loop in every Python version, so that simulations do not differ.
    """
    loop = asyncio.get_running_loop()
    if sys.platform == "emscripten":
        return asyncio.Task(work, loop=loop, eager_start=True)
    return loop.create_task(work)


async def until_set(event: asyncio.Event, clock: Clock, longest: float) -> None:
    """Return when the event is set, or after `longest` seconds."""
    if not event.is_set():
        await first_of(clock.sleep(longest), event.wait())
