"""Names of saved files, from the facts of a task and the user's template."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from app.core.model import Task
from app.core.naming import TEMPLATE, NameFacts, file_name
from app.core.past import PastOutput, PastTask, ended_at, input_name, seed_and_prompts

Moment = tuple[int, int, int, int, int, int]


def local_time(at: float) -> Moment:
    """Return the local time: a browser's Python has the user's time zone."""
    local = time.localtime(at)
    return local.tm_year, local.tm_mon, local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec


@dataclass(frozen=True, slots=True)
class Naming:
    """How files of results are named: the user's template; `word` returns the text that the page shows for a title."""

    template: str = TEMPLATE
    word: Callable[[str], str] = str


DEFAULT_NAMING = Naming()


def task_file(task: Task, index: int, server: str, naming: Naming) -> str:
    """Return the file name for one result of a task; `server` is the name of its server."""
    seed = seed_and_prompts(task.workflow)[0] if "{seed}" in naming.template else ""
    facts = NameFacts(
        original=task.delivery.outputs[index].filename,
        task=task.prompt_id,
        server=server,
        workflow=naming.word(task.title),
        input=input_name(task),
        project=task.project,
        seed=seed,
        index=index,
        at=local_time(ended_at(task)),
    )
    return file_name(naming.template, facts)


def row_file(row: PastTask, output: PastOutput, server: str, naming: Naming) -> str:
    """Return the file name for one result of a row."""
    facts = NameFacts(
        original=output.filename,
        task=row.prompt_id,
        server=server,
        workflow=naming.word(row.title),
        input=row.input_name,
        project=row.project,
        seed=row.seed,
        index=output.index,
        at=local_time(row.ended_at),
    )
    return file_name(naming.template, facts)
