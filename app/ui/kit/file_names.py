"""Names of saved files, from the facts of a task and the user's template."""

from __future__ import annotations

import time

from app.core.model import Fleet, Task
from app.core.naming import NameFacts, file_name
from app.core.past import PastOutput, PastTask, seed_and_prompts

Moment = tuple[int, int, int, int, int, int]


def local_time(at: float) -> Moment:
    """Return the local time: a browser's Python has the user's time zone."""
    local = time.localtime(at)
    return local.tm_year, local.tm_mon, local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec


def task_file(task: Task, index: int, template: str, fleet: Fleet) -> str:
    """Return the file name for one result of a task."""
    server = fleet.get(task.server_id)
    at = task.ended_at if task.ended_at is not None else task.created_at
    facts = NameFacts(
        original=task.outputs[index].filename,
        task=task.prompt_id,
        server=server.name if server else task.server_id,
        workflow=task.title,
        project=task.project,
        seed=seed_and_prompts(task.workflow)[0] if "{seed}" in template else "",
        index=index,
        at=local_time(at),
    )
    return file_name(template, facts)


def row_file(row: PastTask, output: PastOutput, template: str, fleet: Fleet) -> str:
    """Return the file name for one result of a row."""
    server = fleet.get(row.server_id)
    facts = NameFacts(
        original=output.filename,
        task=row.prompt_id,
        server=server.name if server else row.server_id,
        workflow=row.title,
        project=row.project,
        seed=row.seed,
        index=output.index,
        at=local_time(row.ended_at),
    )
    return file_name(template, facts)
