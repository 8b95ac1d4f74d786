"""Background tasks whose errors are logged instead of lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


def start_task(work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
    """Start `work`. The caller keeps the task, since asyncio does not."""
    task = asyncio.create_task(work)
    task.add_done_callback(_log_failure)
    return task


async def close_in_time(close: Callable[[], Coroutine[Any, Any, None]], seconds: float) -> None:
    """Close a part of the program. One that takes longer, or fails, is logged: the others have to end too."""
    try:
        async with asyncio.timeout(seconds):
            await close()
    except TimeoutError:
        _log.error("%s has not ended within %.0f s", close.__qualname__, seconds)
    except Exception:  # noqa: BLE001 - it is logged
        _log.exception("%s failed", close.__qualname__)


async def for_ever(work: Callable[[], Coroutine[Any, Any, None]], pause: float) -> None:
    """Repeat work that never ends by itself. An unexpected error is logged, and after `pause` seconds it restarts:
    otherwise its readers would keep outdated facts."""
    while True:
        try:
            await work()
        except Exception:  # noqa: BLE001 - it is logged, and the work restarts
            _log.exception("a background task failed; it restarts in %.1f s", pause)
        await asyncio.sleep(pause)


def _log_failure(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("a background task failed", exc_info=error)
