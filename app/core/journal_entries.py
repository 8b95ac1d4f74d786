"""How each event is recorded in the journal and parsed, so that a recorded run can be checked later.

    verdict(known, evidence, judged)      # facts of an `evidence` entry: the class, its fields, before and after
    window_changes(before, after)         # the changes of the window, as (kind, facts)
    read_evidence("Seen", said), read_task(facts)

Of a task, the fields that `judge` reads and writes are recorded, and of its notes those that it reads. Its workflow,
title and inputs are not, nor is a field with its default value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from app.core.evidence import Evidence
from app.core.journal import plain
from app.core.model import Reservation, Task
from app.core.records import decode, encode, stored_fields
from app.core.window import Free, Moored, Window

Event = tuple[str, dict[str, Any]]

NOT_RECORDED = frozenset(
    {"client_id", "workflow", "templates", "title", "inputs", "choice", "notes", "part", "extra", "v"}
)
READ_NOTES = frozenset({"unclear", "server_changed"})  # by `judge`: a busy answer, another server
_KINDS = {kind.__name__: kind for kind in get_args(Evidence)}


def recorded_fields(task: Task) -> dict[str, Any]:
    """The recorded fields of a task: those that evidence changes, and none that are private."""
    return {
        name: plain(encode(value))
        for name, read, default in stored_fields(Task)
        if name not in NOT_RECORDED and (value := read(task)) != default
    }


def read_task(facts: Mapping[str, Any]) -> Task:
    """The task with its recorded fields; BrokenRecord if they are invalid."""
    return decode(Task, {"client_id": "", **facts})


def read_evidence(name: str, said: Mapping[str, Any]) -> Evidence:
    """The evidence in an entry; KeyError for a class that this version does not know."""
    found: Evidence = decode(_KINDS[name], said)
    return found


def verdict(task: Task, evidence: Evidence, judged: Task) -> dict[str, Any]:
    """One judgement: the evidence, and the task before and after (`after` has the differences; None: the default)."""
    before, after = recorded_fields(task), recorded_fields(judged)
    names = dict.fromkeys((*before, *after))
    return {
        "prompt_id": task.prompt_id,
        "server_id": task.server_id,
        "address": task.address,
        "evidence": type(evidence).__name__,
        "was": task.state.value,
        "now": judged.state.value,
        "said": plain(encode(evidence)),
        "before": before | _notes_of(task),
        "after": {name: after.get(name) for name in names if before.get(name) != after.get(name)},
    }


def _notes_of(task: Task) -> dict[str, Any]:
    """The notes that `judge` reads, if there are any."""
    notes = tuple(note for note in task.notes if note.kind in READ_NOTES)
    return {"notes": plain(encode(notes))} if notes else {}


def window_changes(before: Window | None, after: Window) -> Iterator[Event]:
    """The changes between two values of the aggregate; `before` is None until the window has its records."""
    if before is None:
        yield "restored", _restored(after)
    else:
        yield from _reservations(before, after)
        yield from _tasks(before, after)
        if before.quarantined != after.quarantined:
            yield "quarantined", {"prompt_ids": [task.prompt_id for task in after.quarantined]}
        if before.unreadable != after.unreadable:
            yield "unreadable", {"prompt_ids": [record.prompt_id for record in after.unreadable]}
    was = before.window_locked_server if before else None
    if was != after.window_locked_server:
        yield "moored", {"was": was, "now": after.window_locked_server, "holders": holders(after)}


def holders(window: Window) -> list[str]:
    """The prompt_ids that hold the window, sorted."""
    match window.mooring:
        case Moored() as moored:
            return sorted(moored.holders)
        case Free():
            return []


def _restored(window: Window) -> dict[str, Any]:
    return {
        "window_id": window.window_id,
        "ended": sum(task.state.is_end for task in window.tasks.values()),
        "unfinished": len(window.unfinished),
        "quarantined": [task.prompt_id for task in window.quarantined],
        "unreadable": [record.prompt_id for record in window.unreadable],
        "tasks": [recorded_fields(task) for task in window.unfinished],
    }


def _reservations(before: Window, after: Window) -> Iterator[Event]:
    for prompt_id in before.reservations:
        if prompt_id not in after.reservations and prompt_id not in after.tasks:
            yield "released", {"prompt_id": prompt_id}
    for prompt_id, reservation in after.reservations.items():
        if prompt_id not in before.reservations:
            yield "reserved", _reserved(reservation, before)


def _reserved(reservation: Reservation, before: Window) -> dict[str, Any]:
    choice = reservation.choice
    return {
        "prompt_id": reservation.prompt_id,
        "window_id": reservation.window_id,
        "server_id": reservation.server_id,
        "address": reservation.address,
        "was": before.window_locked_server,
        "reason": choice.reason if choice else "",
        "loads": dict(choice.loads) if choice else {},
        "refused": dict(choice.refused) if choice else {},
        "scores": dict(choice.scores) if choice else {},
    }


def _tasks(before: Window, after: Window) -> Iterator[Event]:
    for prompt_id, task in after.tasks.items():
        if prompt_id not in before.tasks:
            kind = "registered" if prompt_id in before.reservations else "adopted"
            yield kind, {"prompt_id": prompt_id, "server_id": task.server_id, "task": recorded_fields(task)}
    for prompt_id in before.tasks:
        if prompt_id not in after.tasks:
            yield "dropped", {"prompt_id": prompt_id}
