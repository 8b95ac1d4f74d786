"""The menu of a result: the same entries in the same order in *Latest* and in *All*."""

from __future__ import annotations

from app.core.model import Delivery, Task
from app.ui.kit.image_addresses import Original
from app.ui.kit.state import UiState
from app.ui.page.projection import project
from app.ui.results.over_html import cell_over
from tests.unit.ui.elements import element, elements
from tests.unit.ui.page_kit import ENGLISH, StillPictures, StillSession, ended, output, window, workflows
from tests.unit.ui.trouble import markup

PICTURE = output(delivery=Delivery.KEPT, media_type="image/png", size=10)
ONLY_IN_ALL = ("Pick",)
ONE_OF = {"Run a variation", "Run again"}  # `static/js/grid.js` removes the one that does not fit


def entries(text: str) -> list[str]:
    """Return the labels in the only menu, which begins with what a finger cannot point at."""
    [menu] = text.split('class="pop menu"')[1:]
    about, _, actions = menu[: menu.index("</div>")].partition("</p>")
    assert 'class="tile-about' in about
    return [item.text for item in elements(actions, "span")]


def latest(task: Task) -> list[str]:
    pictures = StillPictures(originals={(task.prompt_id, 0): Original("blob:1")})
    view = project(
        StillSession(window=window(task)), UiState(), workflows=workflows(), pictures=pictures, language="en"
    )
    return entries(markup(view, "results").partition('class="gallery"')[2])


def test_menu_names_the_run_and_its_time() -> None:
    view = project(
        StillSession(window=window(ended("a", PICTURE, title="Dunes"))),
        UiState(), workflows=workflows(), pictures=StillPictures(), language="en",
    )  # fmt: skip
    tile = markup(view, "results")
    [about] = elements(tile, class_="tile-about quiet")
    assert about.text == f"Dunes · {element(tile, class_='tile-when numeric').text}"


def test_latest_and_all_have_one_menu() -> None:
    in_all = [item for item in entries(str(cell_over(ENGLISH))) if item not in ONLY_IN_ALL]
    in_latest = latest(ended("a", PICTURE, workflow='{"1": {"class_type": "KSampler", "inputs": {"seed": 1}}}'))
    assert in_latest == [item for item in in_all if item != "Run again"]
    without_seed = latest(ended("a", PICTURE, workflow='{"1": {"class_type": "Enlarge", "inputs": {}}}'))
    assert without_seed == [item for item in in_all if item != "Run a variation"]
    assert set(in_all) > ONE_OF
