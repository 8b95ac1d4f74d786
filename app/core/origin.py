"""Whether a file on a server is the one that a task made (promises 8 and 11).

`out_00001_.png` exists on every server, and is reused after a folder was cleared. So a file's date is compared with
the task's beginning and end, all by the server's own clock: if it is newer than the end, the file was overwritten; if
it is older than the beginning, an earlier prompt made it. That is right only for a cached node, which names the file of
the prompt that it was cached from (docs/comfyui.md 5), and for a preview of a 3D model, which shows any file of the
server. No date distinguishes such a file from one that another server at the same address has under this name: only a
server that still has the task in its history is the one that ran it.
"""

from __future__ import annotations

from app.core.model import NodeId, Output, Task

FILE_CLOCK_SLACK = 2.0  # seconds: Last-Modified has whole ones, and a write may be dated after the event
MODEL = "3d"  # the kind of outputs that are 3D models
MADE_THERE = frozenset({"output", "temp"})  # an `input` that a node shows is as old as it is


def is_of(task: Task, output: Output, modified: float | None) -> bool:
    """Whether a file dated `modified` (seconds since the epoch; None if the server reports none) can be that output.

    An end that history does not prove needs both dates, cached or not, because the server may be another one by now.
    """
    if modified is None:
        return True
    latest = output.told_ms if task.end.server_ended_ms is None else task.end.server_ended_ms
    if latest is not None and modified > latest / 1000 + FILE_CLOCK_SLACK:
        return False
    may_be_older = output.kind == MODEL or _was_cached(task, output.node_id)
    if output.folder not in MADE_THERE or (task.end.is_proven and may_be_older):
        return True
    if task.end.server_started_ms is None or latest is None:
        return task.end.is_proven
    return modified >= task.end.server_started_ms / 1000 - FILE_CLOCK_SLACK


def needs_confirmation(task: Task, output: Output, modified: float | None) -> bool:
    """Whether no date ties the file to the task, so that the server's history has to confirm that it ran it."""
    if output.folder not in MADE_THERE:
        return False
    if modified is None or task.end.server_started_ms is None:
        return True
    return modified < task.end.server_started_ms / 1000 - FILE_CLOCK_SLACK


def _was_cached(task: Task, node_id: NodeId) -> bool:
    """Whether a node was cached; a node that it was expanded to (`2.0.1`) is cached with it."""
    return node_id in task.end.cached or node_id.partition(".")[0] in task.end.cached
