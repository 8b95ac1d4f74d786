"""Names of saved files and the project of a window: kept, told to the session, and shown with an example."""

from __future__ import annotations

from app.core.naming import TEMPLATE
from app.ui.page.projection import project
from app.ui.results.actions import NAMES_KEY, PROJECT_KEY, ResultsActions
from app.ui.results.state import ResultsState
from app.ui.results.storage import KeepingDialog, KeepingView
from app.ui.results.storage_html import keeping
from tests.unit.ui.page_kit import (
    ENGLISH,
    MemoryContext,
    MemoryScreen,
    StillPictures,
    StillSession,
    ended,
    output,
    window,
    workflows,
)


class Rig:
    """The hands on one window's tab."""

    def __init__(self, screen: MemoryScreen | None = None) -> None:
        self.context = MemoryContext("enlarge")
        self.screen = screen or MemoryScreen()
        self.told: list[str] = []
        self.actions = ResultsActions(self.context, self.screen, self.told.append)


def test_the_project_is_this_windows_and_the_template_everybodys() -> None:
    rig = Rig()
    rig.actions.type_project("harbour")
    rig.actions.type_template("{server}_{seed}")
    assert rig.told == ["harbour"]
    assert (rig.screen.memory[PROJECT_KEY], rig.screen.shared[NAMES_KEY]) == ("harbour", "{server}_{seed}")
    again = Rig(rig.screen)
    again.actions.load()
    assert (again.context.ui.of(ResultsState).project, again.context.ui.of(ResultsState).names, again.told) == (
        "harbour",
        "{server}_{seed}",
        ["harbour"],
    )
    rig.actions.type_template(TEMPLATE)
    assert NAMES_KEY not in {key for key, value in rig.screen.shared.items() if value}


def test_saved_files_are_called_as_the_person_wants() -> None:
    rig = Rig()
    rig.actions.type_template("{workflow} on {server}")
    task = ended("a", output())
    view = project(
        StillSession(window=window(task)),
        rig.context.ui,
        workflows=workflows(),
        pictures=StillPictures(),
        language="en",
    )
    assert view.results.cards[0].results[0].download_name == "Enlarge and sharpen on gpu-1.png"


def test_the_dialog_shows_an_example_and_what_cannot_be_told() -> None:
    told = str(keeping(KeepingView(KeepingDialog(), None, names="{server}_{sampler}"), ENGLISH))
    assert "gpu-2.png" in told
    assert "Not known, and left out: {sampler}" in told
    assert "Not known" not in str(keeping(KeepingView(KeepingDialog(), None), ENGLISH))
