"""What the evidence says about a task: submit answers, polls of queue and history, and events of the socket.

`judge(task, evidence)` returns the task after another piece of evidence. The rules:

- An end that was read (an answer, a history entry) is final. One that was inferred from absence (lost, or
  cancelled because our delete left no trace) is overturned by any positive evidence.
- *Lost* takes two polls, at least `LOST_GAP` apart, after the POST itself has ended, each finding the id
  neither in the queue nor, afterwards, in the history of the real server. A poll without a real answer does not count.
- A prompt that met a busy proxy is *not queued* instead of lost, by the same two polls, unless its server has changed:
  then it may be sent again.
- A task that comes back after such an end is a ward: the end has freed its window.
- The socket never ends a task. Its report is kept, and decides only when history has forgotten the task.
"""

from __future__ import annotations

from dataclasses import replace

from app.core.busy import BUSY, is_looked_up
from app.core.ends import NOT_RESTARTED
from app.core.evidence import (
    Absent,
    Accepted,
    Cached,
    CancelAsked,
    Evidence,
    Executed,
    Finished,
    GivenUp,
    Moved,
    NoAnswer,
    Refused,
    Removed,
    ReportedEnd,
    Seen,
    Started,
    Unclear,
)
from app.core.model import Contact, Failure, Note, Task, TaskState
from app.core.outputs import in_order_of

LOST_GAP = 3.0  # seconds between the two polls; docs/comfyui.md 3: history may lag execution_success by milliseconds
UNREACHABLE_AFTER = 2  # polls in a row without a real answer; one may be a hiccup


def judge(task: Task, evidence: Evidence) -> Task:
    """The task after another piece of evidence; the same value if it says nothing new."""
    if task.state is TaskState.GIVEN_UP or (task.state.is_end and task.end.is_proven):
        return task
    match evidence:
        case Accepted() | Refused() | Unclear():
            return _submit_answer(task, evidence)
        case Seen() | Absent() | Removed() | Finished():
            return _poll(task, evidence)
        case NoAnswer() | Moved():
            return _no_contact(task, evidence)
        case Started() | Cached() | Executed() | ReportedEnd():
            return _report(task, evidence)
        case CancelAsked(at):
            if task.progress.is_cancelling or task.state.is_end:
                return task
            asked = replace(task.progress, cancel_asked_at=at)
            return replace(task, progress=asked).with_note(Note(at, "cancel_asked"))
        case GivenUp(at):
            if task.state.is_end:
                return task
            return _ended(task, TaskState.GIVEN_UP, at, proven=False, note=Note(at, "given_up"))


def _submit_answer(task: Task, evidence: Accepted | Refused | Unclear) -> Task:
    if task.progress.is_answered:  # one POST has no second answer; the first stands
        return task
    answered = replace(task.progress, answered_at=evidence.at)
    task = replace(task, progress=answered)
    match evidence:
        case Accepted(at, number, node_errors):
            state = TaskState.QUEUED if task.state in _UNPLACED else task.state
            note = Note(at, "accepted", "" if number is None else f"number {number:g}")
            answered = replace(answered, number=number, warnings=node_errors)
            return replace(task, state=state, progress=answered).with_note(note)
        case Refused(at, failure):
            if task.state not in _UNPLACED:  # seen in the queue already: the server took it after all
                return task.with_note(Note(at, "refused_after_seen", failure.message))
            note = Note(at, failure.kind, failure.message)
            return _ended(_with_failure(task, failure), TaskState.FAILED, at, proven=True, note=note)
        case Unclear(at, cause):
            state = TaskState.UNCLEAR if task.state is TaskState.REGISTERED else task.state
            answered = replace(answered, absent_since=None)
            return replace(task, state=state, progress=answered).with_note(Note(at, "unclear", cause))


def _poll(task: Task, evidence: Seen | Absent | Removed | Finished) -> Task:
    task = replace(task, progress=task.progress.reached())
    match evidence:
        case Seen(at, is_running, place):
            return _seen(task, at, is_running, place)
        case Absent():
            return _absent(task, evidence)
        case Removed(at):
            if task.state.is_end or not task.progress.is_cancelling or not task.progress.is_answered:
                return task
            return _ended(task, TaskState.CANCELLED, at, proven=False, note=Note(at, "removed"))
        case Finished():
            return _finished(task, evidence)


def _seen(task: Task, at: float, is_running: bool, place: int | None) -> Task:
    state = TaskState.RUNNING if is_running else TaskState.QUEUED
    noted = task.state is not state or task.progress.absent_since is not None
    progress = replace(
        task.progress,
        place=None if is_running else place,
        absent_since=None,
        started_at=task.progress.started_at or (at if is_running else None),
    )
    seen = replace(_as_ward(task), state=state, progress=progress, end=replace(task.end, ended_at=None))
    return seen.with_note(Note(at, "seen_running" if is_running else "seen_queued")) if noted else seen


def _as_ward(task: Task) -> Task:
    """Return a task whose end is overturned as a ward: the end has freed its window, which may use another server."""
    return replace(task, is_ward=True) if task.state.is_end else task


def _absent(task: Task, evidence: Absent) -> Task:
    began, at = evidence.began, evidence.at
    answered_at, absent_since = task.progress.answered_at, task.progress.absent_since
    if task.state.is_end or answered_at is None or began < answered_at <= at:
        return task  # while the POST is under way, absence proves nothing
    apart = evidence.apart
    if absent_since is None or (apart is None and absent_since > at):  # after now: the clock was set back
        absent = replace(task.progress, absent_since=at)
        return replace(task, progress=absent).with_note(Note(at, "absent"))
    if (began - absent_since if apart is None else apart) < LOST_GAP:
        return task
    note = Note(at, "absent_again", NOT_RESTARTED if evidence.is_same else "")
    match task.end.told_end:
        case "success":
            return _ended(_with_missing(task), TaskState.SUCCEEDED, at, proven=False, note=note)
        case "error":
            return _ended(task, TaskState.FAILED, at, proven=False, note=note)
        case "interrupted":
            return _ended(task, TaskState.CANCELLED, at, proven=False, note=note)
    if task.progress.is_cancelling:  # a deleted prompt leaves no trace on the server
        return _ended(task, TaskState.CANCELLED, at, proven=False, note=note)
    if is_looked_up(task) and not _has_changed(task):  # the busy proxy did not pass it on
        not_queued = _with_failure(task, Failure(kind="not_sent", message=BUSY))
        return _ended(not_queued, TaskState.FAILED, at, proven=False, note=note)
    return _ended(task, TaskState.LOST, at, proven=False, note=note)


def _has_changed(task: Task) -> bool:
    """Whether its server is known to have been restarted or replaced: then absence does not show that it never ran."""
    return any(note.kind == "server_changed" for note in task.notes)


def _finished(task: Task, entry: Finished) -> Task:
    task = replace(
        task,
        delivery=task.delivery.with_reported(in_order_of(task.workflow, entry.outputs)),
        progress=replace(task.progress, absent_since=None),
        end=replace(
            task.end,
            server_ended_ms=entry.ended_ms,
            server_started_ms=entry.started_ms or task.end.server_started_ms,
            cached=entry.cached or task.end.cached,
        ),
    )
    note = Note(entry.at, "history", entry.end)
    match entry.end:
        case "success":
            return _ended(_with_missing(task), TaskState.SUCCEEDED, entry.at, proven=True, note=note)
        case "interrupted":
            return _ended(task, TaskState.CANCELLED, entry.at, proven=True, note=note)
        case _:
            failure = entry.failure or task.end.failure or Failure(kind="execution")
            return _ended(_with_failure(task, failure), TaskState.FAILED, entry.at, proven=True, note=note)


def _no_contact(task: Task, evidence: NoAnswer | Moved) -> Task:
    if task.state.is_end:
        return task
    progress = task.progress
    if isinstance(evidence, Moved):
        if (progress.contact, progress.contact_detail) == (Contact.MOVED, evidence.present):
            return task
        moved = replace(progress, contact=Contact.MOVED, contact_detail=evidence.present)
        return replace(task, progress=moved).with_note(Note(evidence.at, "moved", evidence.present))
    silent = replace(progress, silent_looks=progress.silent_looks + 1)
    if silent.silent_looks < UNREACHABLE_AFTER or silent.contact is Contact.UNREACHABLE:
        return replace(task, progress=silent)
    unreachable = replace(silent, contact=Contact.UNREACHABLE, contact_detail=evidence.cause)
    return replace(task, progress=unreachable).with_note(Note(evidence.at, "unreachable", evidence.cause))


def _report(task: Task, evidence: Started | Cached | Executed | ReportedEnd) -> Task:
    progress = replace(task.progress.reached(), absent_since=None)
    task = replace(task, progress=progress)
    if task.state.is_end or task.state in _UNPLACED or task.state is TaskState.QUEUED:
        task = replace(
            _as_ward(task),
            state=TaskState.RUNNING,
            progress=replace(progress, place=None, started_at=progress.started_at or evidence.at),
            end=replace(task.end, ended_at=None),
        ).with_note(Note(evidence.at, "told_running"))
    match evidence:
        case Started(_, started_ms):
            started_ms = started_ms or task.end.server_started_ms
            return replace(task, end=replace(task.end, server_started_ms=started_ms))
        case Cached(_, nodes):
            return replace(task, end=replace(task.end, cached=nodes))
        case Executed(_, outputs, age):
            made = tuple(replace(output, told_ms=_no_later_than(task, age)) for output in outputs)
            return replace(task, delivery=task.delivery.with_reported(made))
        case ReportedEnd(at, end, failure, ended_ms, age):
            reported = replace(
                task.end,
                told_end=end,
                failure=failure or task.end.failure,
                server_started_ms=task.end.server_started_ms or _no_earlier_than(ended_ms, age),
                server_ended_ms=ended_ms or task.end.server_ended_ms,
            )
            return replace(task, end=reported).with_note(Note(at, "told_end", end))


def _no_earlier_than(ended_ms: int | None, age: float | None) -> int | None:
    """The earliest time a task of that age can have begun, by the server's clock."""
    return None if ended_ms is None or age is None else ended_ms - round(age * 1000)


def _no_later_than(task: Task, age: float | None) -> int | None:
    """The latest time an output reported now was made, by the server's clock."""
    return None if task.end.server_started_ms is None or age is None else task.end.server_started_ms + round(age * 1000)


def _ended(task: Task, state: TaskState, at: float, *, proven: bool, note: Note) -> Task:
    progress = replace(
        task.progress,
        place=None,
        contact=Contact.OK,
        contact_detail="",
        answered_at=task.progress.answered_at or at,
    )
    end = replace(task.end, ended_at=at, is_proven=proven)
    return replace(task, state=state, progress=progress, end=end).with_note(note)


def _with_missing(task: Task) -> Task:
    """The task with the expected output nodes that made nothing: success does not mean that outputs exist."""
    made = {output.node_id for output in task.delivery.outputs}
    missing = tuple(node_id for node_id in task.expected if node_id not in made)
    return replace(task, end=replace(task.end, missing=missing))


def _with_failure(task: Task, failure: Failure) -> Task:
    return replace(task, end=replace(task.end, failure=failure))


_UNPLACED = frozenset({TaskState.REGISTERED, TaskState.UNCLEAR})
