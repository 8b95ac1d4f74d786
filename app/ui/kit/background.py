"""Creates large objects without holding up the page.

with without_collecting(): …              # no garbage collection in here
form = await in_steps(form_steps(…))      # input is handled between two steps
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TypeVar

Made = TypeVar("Made")


@contextmanager
def without_collecting() -> Iterator[None]:
    """Pause garbage collection: while a large form is created, it would double the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


async def in_steps(steps: Generator[None, None, Made]) -> Made:
    """Return what the steps create, and let everything else run between them."""
    while True:
        await asyncio.sleep(0)
        try:
            with without_collecting():
                next(steps)
        except StopIteration as made:
            value: Made = made.value
            return value
