"""Names of saved files, and the project of a window: stored, passed to the session, and shown with an example."""

from __future__ import annotations

from app.core.model import Delivery
from app.core.naming import TEMPLATE
from app.ui.kit.image_addresses import Original
from app.ui.results.actions import NAMES_KEY, PROJECT_KEY, ResultsActions
from app.ui.results.saving_html import saving
from app.ui.results.state import ResultsState, SavingView
from tests.kit.page.elements import element
from tests.kit.page.rig import Rig
from tests.kit.page.stills import (
    ENGLISH,
    MemoryScreen,
    StillPictures,
    StillSession,
    ended,
    output,
    window,
    workflows,
)
from tests.kit.page.trouble import page
from tests.kit.page.views import markup, project


class ResultsRig(Rig):
    """The actions of one window."""

    def __init__(self, screen: MemoryScreen | None = None) -> None:
        super().__init__(screen=screen)
        self.projects: list[str] = []
        self.actions = ResultsActions(self.context, self.screen, self.projects.append)


def test_project_is_per_window_and_template_for_all() -> None:
    rig = ResultsRig()
    rig.actions.type_project("harbour")
    rig.actions.type_template("{server}_{seed}")
    assert rig.projects == ["harbour"]
    assert (rig.screen.memory[PROJECT_KEY], rig.screen.shared[NAMES_KEY]) == ("harbour", "{server}_{seed}")
    reloaded = ResultsRig(rig.screen)
    reloaded.actions.load()
    results = reloaded.ui.of(ResultsState)
    assert (results.project, results.names, reloaded.projects) == ("harbour", "{server}_{seed}", ["harbour"])
    rig.actions.type_template(TEMPLATE)
    assert NAMES_KEY not in {key for key, value in rig.screen.shared.items() if value}


def test_saved_files_follow_the_template() -> None:
    rig = ResultsRig()
    rig.actions.type_template("{workflow} on {server}")
    task = ended("a", output())
    view = project(
        StillSession(window=window(task)),
        rig.ui,
        workflows=workflows(),
        pictures=StillPictures(),
        language="en",
    )
    card = view.results.cards[0]
    assert card.download_name(card.results[0]) == "Enlarge and sharpen on gpu-1.png"


def test_download_is_confirmed_by_its_name_for_a_while() -> None:
    rig = ResultsRig()
    task = ended("a", output(delivery=Delivery.KEPT))
    session = StillSession(window=window(task))
    pictures = StillPictures(originals={(task.prompt_id, 0): Original("blob:1")})
    link = element(markup(page(session, rig.ui, pictures), "results"), data_testid="download")
    assert link["data-action"] == "note-saved" and link["data-file"] == link["download"]
    keys = []
    for name in ("Dunes.png", "Dunes.png"):
        rig.actions.note_saved(name)
        (notice,) = page(session, rig.ui).errors
        assert notice.leaves and notice.is_brief
        keys.append(notice.key)
    assert len({*keys}) == 2, "each is announced"
    text = element(markup(page(session, rig.ui), "errors"), data_kind="saved").text
    assert text.startswith("Download started Dunes.png")


def test_dialog_shows_example_and_unknown_parts() -> None:
    text = str(saving(SavingView("{server}_{sampler}"), ENGLISH))
    assert "gpu-2.png" in text
    assert "Not known, and left out: {sampler}" in text
    assert "Not known" not in str(saving(SavingView(), ENGLISH))
