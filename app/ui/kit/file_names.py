"""Names of saved files, from the facts of a task and the user's template.

`word` returns the text that the page shows for a title.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from app.core.model import Fleet, Task
from app.core.naming import NameFacts, file_name
from app.core.past import PastOutput, PastTask, ended_at, input_name, seed_and_prompts

Moment = tuple[int, int, int, int, int, int]
Word = Callable[[str], str]


def local_time(at: float) -> Moment:
    """Return the local time: a browser's Python has the user's time zone."""
    local = time.localtime(at)
    return local.tm_year, local.tm_mon, local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec


def task_file(task: Task, index: int, template: str, fleet: Fleet, word: Word = str) -> str:
    """Return the file name for one result of a task."""
    output, at = task.outputs[index], local_time(ended_at(task))
    seed = seed_and_prompts(task.workflow)[0] if "{seed}" in template else ""
    facts = _facts(task, fleet, word)
    return file_name(template, replace(facts, original=output.filename, index=index, at=at, seed=seed))


def row_file(row: PastTask, output: PastOutput, template: str, fleet: Fleet, word: Word = str) -> str:
    """Return the file name for one result of a row."""
    original, index, at = output.filename, output.index, local_time(row.ended_at)
    return file_name(template, replace(_facts(row, fleet, word), original=original, index=index, at=at, seed=row.seed))


def _facts(item: Task | PastTask, fleet: Fleet, word: Word) -> NameFacts:
    server = fleet.get(item.server_id)
    return NameFacts(
        original="",
        task=item.prompt_id,
        server=server.name if server else item.server_id,
        workflow=word(item.title),
        input=item.input_name if isinstance(item, PastTask) else input_name(item),
        project=item.project,
    )
