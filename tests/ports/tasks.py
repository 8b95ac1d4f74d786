"""Tasks for tests, by the names of their facts, whichever part of a `Task` has them.

task = new_task(prompt_id=PromptId("p-1"), …, state=TaskState.QUEUED, place=2)
task = changed(task, cancel_asked_at=20.0)
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from app.core.model import Task
from app.core.records import TASK_PARTS

_PART_OF = {item.name: part for part, kind in TASK_PARTS.items() for item in fields(kind)}


def new_task(**facts: Any) -> Task:
    """Return a task with these facts."""
    own, of_parts = _sorted(facts)
    parts = {name: kind(**of_parts.get(name, {})) for name, kind in TASK_PARTS.items()}
    return Task(**{**own, **parts})


def changed(task: Task, **facts: Any) -> Task:
    """Return the task with these facts instead."""
    own, of_parts = _sorted(facts)
    parts = {name: replace(getattr(task, name), **changes) for name, changes in of_parts.items()}
    return replace(task, **{**own, **parts})


def _sorted(facts: dict[str, Any]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Return the facts of the task itself, and those of its parts by part."""
    own: dict[str, Any] = {}
    of_parts: dict[str, dict[str, Any]] = {}
    for name, value in facts.items():
        if name in _PART_OF:
            of_parts.setdefault(_PART_OF[name], {})[name] = value
        else:
            own[name] = value
    return own, of_parts
