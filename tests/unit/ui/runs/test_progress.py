"""The line on a card: percentage, node with step, remaining time, place, bytes sent; and nothing that is unknown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.core.eta import Eta, Outlook
from app.core.model import Contact, PromptId, Task, TaskState
from app.core.progress import Progress
from app.session import Run, RunStage
from app.ui.form.state import FormState
from app.ui.kit.i18n import Translator
from app.ui.kit.state import UiState
from app.ui.page.tab_title import read_sign, title_ends, word_title
from app.ui.runs.progress_words import word_time
from app.ui.runs.tasks_html import now
from tests.kit.page.elements import element, elements
from tests.kit.page.stills import ENGLISH, StillPictures, StillSession, task, translator, window, workflows
from tests.kit.page.views import Seen, changed_regions, project
from tests.ports.tasks import changed

ETA = Outlook(Eta(1072.0, 1120.0, 72.4))


def page(*tasks: Task, **facts: object) -> Seen:
    session = StillSession(window=window(*tasks), **facts)  # type: ignore[arg-type]
    return project(
        session,
        UiState().with_slices(FormState(workflow_id="enlarge")),
        workflows=workflows(),
        pictures=StillPictures(),
        language="en",
    )


def line(view: Seen, _: Translator = ENGLISH) -> str:
    """Return the texts of the first card's line."""
    found = elements(str(now(view.now, _)), "p", class_="card-step")
    return " | ".join(part.strip() for part in found[0].parts if part.strip()) if found else ""


def moving(item: Task, fraction: float = 0.63) -> dict[PromptId, Progress]:
    return {item.prompt_id: Progress(item.prompt_id, 4, node="2", value=14, maximum=20, fraction=fraction)}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (11.6, "0:12"), (80, "1:20"), (3599.4, "59:59"), (3729, "1:02:09"), (-4, "0:00")]
)
def test_time_is_written_as_a_clock(seconds: float, text: str) -> None:
    assert word_time(seconds) == text


def test_running_task_shows_percentage_node_step_and_time() -> None:
    item = task()
    view = page(item, progress=moving(item), outlooks={item.prompt_id: ETA})
    assert line(view) == "63 % | Enlarge 14/20 | 1:12 left"
    assert line(view, translator("zh-CN")).endswith("14/20 | 剩余 1:12")
    markup = str(now(view.now, ENGLISH))
    eta = element(markup, data_testid="eta")
    assert (eta["data-ends"], eta["data-until"]) == ("1072.0", "1120.0")
    assert (eta["data-coming"], eta["data-over"]) == ("{time} left", "any moment now")
    assert element(markup, "progress")["aria-valuetext"] == "63 %, Enlarge: step 14 of 20"


def test_no_time_is_shown_without_an_estimate() -> None:
    item = task()
    assert line(page(item, progress=moving(item))) == "63 % | Enlarge 14/20"
    assert line(page(item)) == "Running"


@pytest.mark.parametrize(
    ("place", "says"),
    [
        (1, "Next in line | starts in about 1:12"),
        (3, "2 ahead in line | starts in about 1:12"),
    ],
)
def test_waiting_task_shows_its_place_and_start(place: int, says: str) -> None:
    item = task(state=TaskState.QUEUED, place=place)
    assert line(page(item, outlooks={item.prompt_id: ETA})) == says


@pytest.mark.parametrize(
    ("own", "others", "says"),
    [
        (1, 2, "1 ahead in line · before it 1 of yours, 2 of others"),
        (0, 2, "1 ahead in line · 2 runs of others before it"),
        (2, 0, "1 ahead in line"),
        (None, None, "1 ahead in line"),
    ],
)
def test_waiting_task_shows_whose_runs_are_before_it(own: int | None, others: int | None, says: str) -> None:
    item = task(state=TaskState.QUEUED, place=2)
    text = line(page(item, outlooks={item.prompt_id: Outlook(None, own, others)}))
    assert text.replace("\N{NO-BREAK SPACE}", " ") == says


def test_cancelling_is_shown_beside_the_percentage() -> None:
    item = task(cancel_asked_at=5.0)
    assert line(page(item, progress=moving(item))).startswith("63 % | Stopping")


def test_unreachable_server_shows_no_line() -> None:
    item = task(contact=Contact.UNREACHABLE)
    assert line(page(item)) == ""


def test_upload_shows_the_bytes_sent() -> None:
    run = Run(
        prompt_id=PromptId("r"), title="", started_at=1.0, stage=RunStage.UPLOADING, fraction=0.25, sent=50, size=200
    )
    assert line(page(runs=(run,))) == "25 % | Uploading: 50 B of 200 B"
    whole = replace(run, fraction=1.0, sent=200)
    assert line(page(runs=(whole,))) == "100 % | Uploaded; the server is saving it …"


def test_passing_second_patches_nothing() -> None:
    item = task()
    before = page(item, progress=moving(item), outlooks={item.prompt_id: ETA})
    later = Outlook(Eta(1072.0, 1120.0, 71.4))
    after = page(item, progress=moving(item), outlooks={item.prompt_id: later})
    assert changed_regions(before, after, ENGLISH) == {}
    assert "1:11 left" in line(after), "any other patch has the current text"
    another = page(item, progress=moving(item), outlooks={item.prompt_id: Outlook(Eta(1090.0, 1140.0, 89.4))})
    assert set(changed_regions(before, another, ENGLISH)) == {f"pace-{item.prompt_id}"}


def test_progress_patches_only_its_own_region() -> None:
    item, other = task("a"), task("b")
    progress = {**moving(item), **moving(other)}
    before = page(item, other, progress=progress)
    on = replace(progress[item.prompt_id], fraction=0.7)
    after = page(item, other, progress={**progress, item.prompt_id: on})
    regions = changed_regions(before, after, ENGLISH)
    assert list(regions) == [f"pace-{item.prompt_id}"]
    assert element(regions[f"pace-{item.prompt_id}"], "progress")["value"] == "0.700"
    whole = changed_regions(None, after, ENGLISH)["now"]
    assert f'id="pace-{item.prompt_id}">{regions[f"pace-{item.prompt_id}"]}</div>' in whole, "same as drawn whole"

    stopping = changed(item, cancel_asked_at=9.0)
    asked = page(stopping, other, progress={**progress, item.prompt_id: on})
    assert "now" in changed_regions(after, asked, ENGLISH), "any other change draws the whole region"
    assert "now" in changed_regions(before, page(item, progress=moving(item)), ENGLISH)


def test_title_has_a_place_for_the_remaining_time() -> None:
    item = task("a", "gpu-2")
    session = StillSession(window=window(item), progress=moving(item), outlooks={item.prompt_id: ETA})
    sign = read_sign(session, frozenset())
    assert word_title(sign, ENGLISH) == "63 % · {left} · gpu-2 · Mooring"
    assert title_ends(sign) == "1072.0 1120.0 inf"
    unknown = read_sign(StillSession(window=window(item), progress=moving(item)), frozenset())
    assert (word_title(unknown, ENGLISH), title_ends(unknown)) == ("63 % · gpu-2 · Mooring", "")
