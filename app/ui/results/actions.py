"""Names of saved files: what a task can tell for one, and the person's own wishes about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from app.core.naming import MAX_TEMPLATE, TEMPLATE, NameFacts
from app.ui.kit.context import PageContext, set_slices
from app.ui.kit.screen import Facts, Screen
from app.ui.results.state import ResultsState

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


class NamingActions:
    """The hands on the project and on the template of names. `name_project` tells the session."""

    def __init__(self, desk: PageContext, screen: Screen, name_project: Callable[[str], None]) -> None:
        self._desk = desk
        self._screen = screen
        self._name_project = name_project

    def load(self) -> None:
        """As they were set: the project for this window, the names for all."""
        names, project = self._screen.kept(NAMES_KEY), self._screen.recall(PROJECT_KEY)
        set_slices(self._desk, replace(self._desk.ui.of(ResultsState), names=names or TEMPLATE, project=project))
        self._name_project(project)

    def type(self, name: str, facts: Facts) -> bool:
        """Something typed; False if it is none of these."""
        value = str(facts.get("value", ""))
        match name:
            case "project":
                self._screen.remember(PROJECT_KEY, value)
                self._name_project(value)
                set_slices(self._desk, replace(self._desk.ui.of(ResultsState), project=value))
            case "names":
                text = value[:MAX_TEMPLATE]
                self._screen.keep(NAMES_KEY, text if text.strip() != TEMPLATE else "")
                set_slices(self._desk, replace(self._desk.ui.of(ResultsState), names=text))
            case _:
                return False
        return True
