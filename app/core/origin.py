"""Whether a file that stands on a server now is the one that a task made (promises 8 and 11).

`out_00001_.png` exists on every server, and again after somebody has cleared a folder. So a file's date is held against
the task's own beginning and end, all by the server's own clock: newer than the end, somebody has written over it; older
than the beginning, it was made by an earlier prompt. That one is right only for a node that was taken from the cache,
which names the file of the prompt that it was cached from (docs/comfyui.md 5). No date tells such a file from one that
another server at the same address has under this name: only the server's own word does, that it still is the one that
ran the task.
"""

from __future__ import annotations

from app.core.model import NodeId, Output, Task

FILE_CLOCK_SLACK = 2.0  # seconds: Last-Modified has whole ones, and a write may be dated after the event
MADE_THERE = frozenset({"output", "temp"})  # an `input` that a node shows is as old as it is


def is_of(task: Task, output: Output, modified: float | None) -> bool:
    """Whether a file dated `modified` (seconds since the epoch; None if the server reports none) can be that output.

    An end that history does not prove needs both dates, cached or not: the server may be another one by now.
    """
    if modified is None:
        return True
    latest = output.told_ms if task.server_ended_ms is None else task.server_ended_ms
    if latest is not None and modified > latest / 1000 + FILE_CLOCK_SLACK:
        return False
    if output.folder not in MADE_THERE or (task.is_proven and _was_cached(task, output.node_id)):
        return True
    if task.server_started_ms is None or latest is None:
        return task.is_proven
    return modified >= task.server_started_ms / 1000 - FILE_CLOCK_SLACK


def needs_word(task: Task, output: Output, modified: float | None) -> bool:
    """Whether no date ties the file to the task: then the server has to tell that it is still the one that ran it."""
    if output.folder not in MADE_THERE:
        return False
    if modified is None or task.server_started_ms is None:
        return True
    return modified < task.server_started_ms / 1000 - FILE_CLOCK_SLACK


def _was_cached(task: Task, node_id: NodeId) -> bool:
    """A node that another one has expanded to (`2.0.1`) is cached with it."""
    return node_id in task.cached or node_id.partition(".")[0] in task.cached
