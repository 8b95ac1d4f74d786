"""Background tasks whose failures are seen: an error in one is logged, never lost with it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


def start_task(work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
    """Start `work`. The caller keeps the task: asyncio itself does not."""
    task = asyncio.create_task(work)
    task.add_done_callback(_log_failure)
    return task


def _log_failure(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("a background task failed", exc_info=error)
