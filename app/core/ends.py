"""Why a task was cancelled or lost, as far as its record shows it.

    end_cause(task)       # EndCause.REMOVED: another user has taken it out of the queue

A server reports an interrupt without its author, and reports nothing about a prompt that was removed from its queue. So
what this user asked for is compared with what happened, and a removal by another user is certain only if the server was
not restarted since.
"""

from __future__ import annotations

from enum import Enum

from app.core.model import Task, TaskState
from app.core.server_fingerprint import RestartSign

UNDATED_RESTART = "number_fell_undated"  # the detail of a note of change: it may have been before the task was sent
NOT_RESTARTED = "not_restarted"  # the detail of a note of absence: the same server process had the task before


class EndCause(Enum):
    """Why a task was cancelled or lost. The string values appear in the console."""

    CANCELLED = "cancelled"  # by this user
    INTERRUPTED = "interrupted"  # while it ran, by another user of its server
    REMOVED = "removed"  # from the queue, by another user of its server
    NEVER_SEEN = "never_seen"  # no record shows that it arrived: not accepted, or removed early
    RESTARTED = "restarted"
    UNKNOWN = "unknown"  # its server was restarted, or its queue or history was cleared


_ACCEPTED = frozenset({"accepted", "seen_queued", "seen_running", "told_running", "told_end", "history"})


def end_cause(task: Task) -> EndCause | None:
    """Return why the task was cancelled or lost; None in any other state."""
    match task.state:
        case TaskState.CANCELLED:
            return EndCause.CANCELLED if _is_ours(task) else EndCause.INTERRUPTED
        case TaskState.LOST:
            return _of_loss(task)
    return None


def was_accepted(task: Task) -> bool:
    """Return whether the server has ever shown that it accepted the task."""
    return any(note.kind in _ACCEPTED for note in task.notes)


def _is_ours(task: Task) -> bool:
    """Return whether this user asked for the end before it was reported: by the order of notes, since clocks jump."""
    if not task.progress.is_cancelling:
        return False
    ends = (number for number, note in enumerate(task.notes) if (note.kind, note.detail) == ("told_end", "interrupted"))
    reported = next(ends, len(task.notes))
    return all(note.kind != "cancel_asked" for note in task.notes[reported:])


def _of_loss(task: Task) -> EndCause:
    accepted = next((number for number, note in enumerate(task.notes) if note.kind in _ACCEPTED), None)
    # A sign that came before its acceptance was known may be of a restart before it was sent.
    signs = {note.detail for note in task.notes[accepted or 0 :] if note.kind == "server_changed"}
    if accepted is None:
        return EndCause.UNKNOWN if signs else EndCause.NEVER_SEEN
    if signs:
        return EndCause.RESTARTED if RestartSign.NUMBER_FELL.value in signs else EndCause.UNKNOWN
    is_same = any(note.kind == "absent_again" and note.detail == NOT_RESTARTED for note in task.notes)
    return EndCause.REMOVED if is_same and task.progress.started_at is None else EndCause.UNKNOWN
