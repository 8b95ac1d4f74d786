"""`/queue`: what a server runs, and what waits there.

    {"queue_running": [row, …], "queue_pending": [row, …]}     a row is [number, prompt_id, prompt, extra_data, …]

The rows that wait come in heap order. They run by number, then by prompt_id.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

RUNNING, PENDING = "queue_running", "queue_pending"
OTHER = "other-"  # begins what a gateway with users shows instead of another user's prompt_id


class QueueError(ValueError):
    """The answer is not ComfyUI's queue."""


class TooManyRows(QueueError):
    """The queue is longer than its reader wants it."""


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One prompt of a queue. `whole` is the row as the server sent it."""

    number: float
    prompt_id: str
    prompt: Mapping[str, Any]
    extra_data: Mapping[str, Any]
    is_running: bool
    whole: list[Any]


def read_rows(answer: object, *, most: float = math.inf) -> tuple[QueueRow, ...]:
    """Return the rows in the order in which they run, or raise `QueueError`."""
    running, pending = (answer.get(RUNNING), answer.get(PENDING)) if isinstance(answer, dict) else (None, None)
    if not isinstance(running, list) or not isinstance(pending, list):
        raise QueueError("/queue is not ComfyUI's")
    if len(running) + len(pending) > most:
        raise TooManyRows(f"/queue has more than {most:,} prompts")
    waiting = sorted((_row(item) for item in pending), key=lambda row: (row.number, row.prompt_id))
    return (*(_row(item, is_running=True) for item in running), *waiting)


def read_remaining(answer: object) -> int:
    """Return how many prompts a server has, from `/prompt` or the status event's `status`, or raise `QueueError`."""
    match answer:
        case {"exec_info": {"queue_remaining": int(count)}}:
            return max(0, count)
        case _:
            raise QueueError("it does not say how many prompts remain")


def _row(item: object, *, is_running: bool = False) -> QueueRow:
    match item:
        case [int() | float() as number, str(prompt_id), *rest] if _is_float(number):
            prompt, extra_data = (part if isinstance(part, dict) else {} for part in (*rest, None, None)[:2])
            return QueueRow(number, prompt_id, prompt, extra_data, is_running, list(item))
        case _:
            raise QueueError("/queue has an item that is not ComfyUI's")


def _is_float(number: float) -> bool:
    try:
        float(number)
    except OverflowError:  # hundreds of digits
        return False
    return True
