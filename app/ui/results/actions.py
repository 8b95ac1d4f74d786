"""Actions on the list of results: opening one, showing more, and naming saved files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from app.core.model import BatchId, PromptId
from app.core.naming import MAX_TEMPLATE, TEMPLATE, NameFacts
from app.ui.kit.actions import action
from app.ui.kit.context import PageContext, set_slices
from app.ui.kit.screen import Screen
from app.ui.results.state import RESULTS_AT_FIRST, PictureDialog, ResultsState, SavingDialog

NAMES_KEY = "mooring.names"  # for all windows
PROJECT_KEY = "mooring.project"  # for this window
SAMPLE = NameFacts(
    original="ComfyUI_00012_.png",
    task="7f3a9c1d",
    server="gpu-2",
    workflow="Dunes",
    input="IMG-1.jpg",
    project="harbour",
    seed="77",
    at=(2026, 11, 26, 9, 30, 0),
)


class ResultsActions:
    """Actions on the list of results. `name_project` passes the window's project to the session."""

    def __init__(self, context: PageContext, screen: Screen, name_project: Callable[[str], None]) -> None:
        self._context = context
        self._screen = screen
        self._name_project = name_project

    def load(self) -> None:
        """Restore the project of this window, and the names for all windows."""
        names, project = self._screen.kept(NAMES_KEY), self._screen.recall(PROJECT_KEY)
        set_slices(self._context, replace(self._context.ui.of(ResultsState), names=names or TEMPLATE, project=project))
        self._name_project(project)

    @action("open-picture")
    def open_picture(self, prompt_id: PromptId, index: int, sheet: BatchId | None = None) -> None:
        """Show a result large; `sheet` is the contact sheet it was opened from."""
        self._show(PictureDialog(prompt_id, index, sheet))

    @action("note-saved")
    def note_saved(self, file: str) -> None:
        """Say that the browser saves a file, which a link has begun."""
        set_slices(self._context, self._context.ui.of(ResultsState).with_saved(file))

    @action("open-saving")
    def open_saving(self) -> None:
        """Show how results are saved as files."""
        self._show(SavingDialog(self._context.ui.opened_from))

    @action("show-more")
    def show_more(self) -> None:
        saved = self._context.ui.of(ResultsState)
        set_slices(self._context, replace(saved, results_shown=saved.results_shown + RESULTS_AT_FIRST))

    @action("project")
    def type_project(self, value: str) -> None:
        self._screen.remember(PROJECT_KEY, value)
        self._name_project(value)
        set_slices(self._context, replace(self._context.ui.of(ResultsState), project=value))

    @action("names")
    def type_template(self, value: str) -> None:
        text = value[:MAX_TEMPLATE]
        self._screen.keep(NAMES_KEY, text if text.strip() != TEMPLATE else "")
        set_slices(self._context, replace(self._context.ui.of(ResultsState), names=text))

    def _show(self, dialog: PictureDialog | SavingDialog) -> None:
        self._context.set_ui(replace(self._context.ui, dialog=dialog))
