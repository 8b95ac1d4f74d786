"""How long a task has not moved, and whether that is longer than its server has ever needed: *stalled*.

Stalled is a warning, never an end. A server that loads a model is silent for minutes and works; one whose executor
has died keeps answering and runs nothing more (docs/comfyui.md 8). So a stall is compared with what was learned:
the longest stillness of work that succeeded there.

    stillness = Stillness(now)
    stillness = stillness.polled(now)      # a poll found no change
    stillness = stillness.moved(now)       # it moved: a step, a node, a place in the queue
    is_stalled(task, stillness, patience, is_server_idle=False)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from app.core.model import ServerId, Task, TaskState

UNLEARNED_PATIENCE = 600.0  # seconds; large models on slow disks take minutes to load
LEAST_PATIENCE = 120.0
MOST_PATIENCE = 3600.0
LEARNED_FACTOR = 3.0  # how much longer than the longest known stillness is suspicious
IDLE_PATIENCE = 30.0  # next in the queue while nothing runs: a healthy executor takes it within milliseconds
POLL_COUNTS_FOR = 30.0  # seconds; a longer time between two polls means that the page slept, not the server


@dataclass(frozen=True, slots=True)
class Stillness:
    """Since when nothing has moved, counted only while the task was polled. In seconds of a clock that is never set."""

    polled_at: float
    still_for: float = 0.0
    longest: float = 0.0

    def moved(self, now: float) -> Stillness:
        """The stillness after a movement."""
        seen = self.polled(now)
        return Stillness(now, 0.0, seen.longest)

    def polled(self, now: float) -> Stillness:
        """The stillness after a poll that found no change."""
        still_for = self.still_for + min(max(0.0, now - self.polled_at), POLL_COUNTS_FOR)
        return replace(self, polled_at=now, still_for=still_for, longest=max(self.longest, still_for))


def learned_patience(server_id: ServerId, tasks: Iterable[Task]) -> float:
    """Seconds of stillness that are normal on that server, from the tasks that ran well there."""
    known = [
        task.end.longest_still
        for task in tasks
        if task.server_id == server_id and task.state is TaskState.SUCCEEDED and task.end.longest_still is not None
    ]
    if not known:
        return UNLEARNED_PATIENCE
    return min(MOST_PATIENCE, max(LEAST_PATIENCE, LEARNED_FACTOR * max(known)))


def is_stalled(task: Task, stillness: Stillness, patience: float, *, is_server_idle: bool) -> bool:
    """Whether a task that runs or is next has not moved for longer than is normal.

    `is_server_idle`: the server runs nothing at all, so the first in its queue should have begun.
    """
    is_first = task.state is TaskState.QUEUED and task.progress.place == 1
    if task.state is not TaskState.RUNNING and not is_first:
        return False
    return stillness.still_for >= (IDLE_PATIENCE if is_first and is_server_idle else patience)
