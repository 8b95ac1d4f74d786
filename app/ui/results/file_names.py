"""Names of saved files: what a task can tell for one, and the person's own wishes about them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from app.core.model import Fleet, Task
from app.core.naming import MAX_TEMPLATE, TEMPLATE, NameFacts, file_name
from app.core.past import PastOutput, PastTask, told_by
from app.ui.page.context import PageContext
from app.ui.page.screen import Facts, Screen

NAMES_KEY = "mooring.names"  # for all windows
PROJECT_KEY = "mooring.project"  # this window's
SAMPLE = NameFacts(
    original="ComfyUI_00012_.png",
    task="7f3a9c1d",
    server="gpu-2",
    workflow="Dunes",
    project="harbour",
    seed="77",
    at=(2026, 11, 26, 9, 30, 0),
)

Moment = tuple[int, int, int, int, int, int]
LocalTime = Callable[[float], Moment]  # the person's own time at seconds since the epoch


def local_time(at: float) -> Moment:
    """By this machine's clock: a browser's Python has the person's zone."""
    told = time.localtime(at)
    return told.tm_year, told.tm_mon, told.tm_mday, told.tm_hour, told.tm_min, told.tm_sec


def task_file(task: Task, index: int, template: str, fleet: Fleet) -> str:
    """What one result of a task is saved as."""
    server = fleet.get(task.server_id)
    at = task.ended_at if task.ended_at is not None else task.created_at
    facts = NameFacts(
        original=task.outputs[index].filename,
        task=task.prompt_id,
        server=server.name if server else task.server_id,
        workflow=task.title,
        project=task.project,
        seed=told_by(task.workflow)[0] if "{seed}" in template else "",
        index=index,
        at=local_time(at),
    )
    return file_name(template, facts)


def row_file(row: PastTask, output: PastOutput, template: str, fleet: Fleet) -> str:
    """What one result of a row is saved as."""
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


class NamingActions:
    """The hands on the project and on the template of names. `name_project` tells the session."""

    def __init__(self, desk: PageContext, screen: Screen, name_project: Callable[[str], None]) -> None:
        self._desk = desk
        self._screen = screen
        self._name_project = name_project

    def load(self) -> None:
        """As they were set: the project for this window, the names for all."""
        names, project = self._screen.kept(NAMES_KEY), self._screen.recall(PROJECT_KEY)
        self._desk.set_ui(replace(self._desk.ui, names=names or TEMPLATE, project=project))
        self._name_project(project)

    def type(self, name: str, facts: Facts) -> bool:
        """Something typed; False if it is none of these."""
        value = str(facts.get("value", ""))
        match name:
            case "project":
                self._screen.remember(PROJECT_KEY, value)
                self._name_project(value)
                self._desk.set_ui(replace(self._desk.ui, project=value))
            case "names":
                text = value[:MAX_TEMPLATE]
                self._screen.keep(NAMES_KEY, text if text.strip() != TEMPLATE else "")
                self._desk.set_ui(replace(self._desk.ui, names=text))
            case _:
                return False
        return True
