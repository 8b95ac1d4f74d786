"""Making something large without holding up the page.

with without_collecting(): …              # nothing that is made there is rubbish yet
form = await in_steps(form_steps(…))      # what is typed meanwhile is taken between two steps
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
    """Python looks for rubbish as more is made: of a large form that would double the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


async def in_steps(steps: Generator[None, None, Made]) -> Made:
    """What the steps make; between two of them everything else goes on."""
    while True:
        await asyncio.sleep(0)
        try:
            with without_collecting():
                next(steps)
        except StopIteration as made:
            value: Made = made.value
            return value
