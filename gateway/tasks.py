"""Background tasks whose failures are seen: an error in one is logged, never lost with it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


def start_task(work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
    """Start `work`. The caller keeps the task: asyncio itself does not."""
    task = asyncio.create_task(work)
    task.add_done_callback(_log_failure)
    return task


async def for_ever(work: Callable[[], Coroutine[Any, Any, None]], pause: float) -> None:
    """Do what never ends by itself. An error that nobody foresaw is logged, and after `pause` seconds it begins anew:
    who looks no more would go on telling what was true then."""
    while True:
        try:
            await work()
        except Exception:  # noqa: BLE001 - whatever it is, it is told, and the looking goes on
            _log.exception("a background task failed; it begins anew in %.1f s", pause)
        await asyncio.sleep(pause)


def _log_failure(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("a background task failed", exc_info=error)
