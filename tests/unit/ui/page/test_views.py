"""The markup of the regions: complete, escaped, in one language, with the hooks that tests and styles use."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from app.core.model import (
    Contact,
    Failure,
    PromptId,
    ServerId,
    TaskState,
    Unreadable,
)
from app.core.progress import Progress
from app.ui.fleet.panel import FleetDialog
from app.ui.form.controls import field_id
from app.ui.form.state import Draft, FormState
from app.ui.kit.state import UiState
from app.ui.page.regions import REGIONS
from app.ui.results.album import AlbumView, AlbumWish
from app.ui.runs.questions import Question
from app.ui.runs.state import GiveUpDialog
from tests.kit.page.crowd import EVIL, crowded
from tests.kit.page.elements import element, elements
from tests.kit.page.stills import (
    ENGLISH,
    ME,
    StillPictures,
    StillSession,
    ended,
    fleet,
    server,
    task,
    window,
    workflows,
)
from tests.kit.page.views import Seen, changed_regions, dialog_markup, project
from tests.kit.page.views import markup as _markup


class _Reader(HTMLParser):
    """Collects readable text: texts and spoken attributes, and whether they are a server's or the user's."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[tuple[str, bool]] = []
        self.read: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = dict(attrs)
        own = facts.get("translate") == "no" or (bool(self.open) and self.open[-1][1])
        if tag not in {"img", "input", "use", "br"}:
            self.open.append((tag, own))
        if not own:
            self.read += [value for name in ("title", "aria-label", "alt", "placeholder") if (value := facts.get(name))]

    def handle_endtag(self, tag: str) -> None:
        if tag not in {"img", "input", "use", "br"}:
            assert self.open.pop()[0] == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if data.strip() and not (self.open and self.open[-1][1]):
            self.read.append(data.strip())


def readable(markup: str) -> list[str]:
    """Return the texts that are ours."""
    reader = _Reader()
    reader.feed(markup)
    assert not reader.open
    return reader.read


def unmarked(text: str) -> str:
    """Return the text outside of ⟦…⟧, which may be nested."""
    inner = re.compile(r"⟦[^⟦⟧]*⟧")
    while inner.search(text):
        text = inner.sub("", text)
    return text


@pytest.mark.parametrize("region", sorted(crowded()))
def test_nothing_readable_is_outside_the_catalogue(region: str) -> None:
    """In the pseudo-locale every catalogue text is in ⟦…⟧; other letters are a server's, a user's or a mistake."""
    size = re.compile(r"\d+ B")  # the browser's Intl writes those
    left = [
        text for text in readable(crowded("pseudo")[region]) if re.search(r"[^\W\d_]", size.sub("", unmarked(text)))
    ]
    assert not left


@pytest.mark.parametrize("region", sorted(crowded()))
def test_a_servers_text_is_never_markup(region: str) -> None:
    markup = crowded(text=EVIL)[region]
    assert "<img src=x" not in markup
    assert all("onerror" not in item for item in elements(markup))


@pytest.mark.parametrize("region", sorted(crowded()))
def test_markup_needs_no_inline_style_or_script(region: str) -> None:
    for item in elements(crowded()[region]):
        assert item.tag not in {"style", "script"}
        assert not [name for name in item.attributes if name == "style" or name.startswith("on")]


def test_ids_are_unique_on_the_whole_page() -> None:
    regions = {name: markup for name, markup in crowded().items() if " " not in name}
    ids = [item["id"] for markup in regions.values() for item in elements(markup) if "id" in item]
    assert len(ids) == len(set(ids))


def test_every_control_has_a_name() -> None:
    for markup in crowded().values():
        for button in re.findall(r"<button[^>]*>.*?</button>", markup, re.DOTALL):
            has_text = bool(re.sub(r"<[^>]*>", "", button).strip())
            assert has_text or 'aria-label="' in button or 'alt="' in button, button


def _page(dialog: FleetDialog | None = None, **facts: object) -> Seen:
    session, ui = StillSession(**facts), UiState(dialog=dialog).with_slices(FormState(workflow_id="enlarge"))  # type: ignore[arg-type]
    return project(session, ui, workflows=workflows(), pictures=StillPictures(), language="en")


def test_a_task_card_carries_its_id_state_and_server() -> None:
    markup = _markup(_page(window=window(task("a", contact=Contact.UNREACHABLE))), "now")
    card = element(markup, data_testid="task-card")
    assert card["data-prompt-id"] == task("a").prompt_id
    assert (card["data-state"], card["data-server"]) == ("unreachable", "gpu-1")


def test_progress_is_a_real_progress_element_with_its_value() -> None:
    running = task("a")
    progress = Progress(running.prompt_id, 4, node="2", fraction=0.456)
    markup = _markup(_page(window=window(running), progress={running.prompt_id: progress}), "now")
    bar = element(markup, "progress")
    assert bar["value"] == "0.456"
    assert "46 %" in markup
    assert "Enlarge" in markup


def test_waiting_or_silent_task_has_no_moving_bar() -> None:
    for still in (task(state=TaskState.QUEUED), task(contact=Contact.UNREACHABLE)):
        markup = _markup(_page(window=window(still)), "now")
        assert element(markup, "progress")["value"] == "0"


def test_a_moved_task_offers_giving_up_but_not_cancelling() -> None:
    markup = _markup(_page(window=window(task(contact=Contact.MOVED))), "now")
    assert 'data-testid="give-up"' in markup
    assert 'data-testid="cancel"' not in markup


def test_failed_task_shows_message_node_and_traceback() -> None:
    failure = Failure(kind="execution", message="out of memory", node_type="KSampler", traceback="File x, line 1")
    markup = _markup(_page(window=window(ended("a", state=TaskState.FAILED, failure=failure))), "now")
    assert "KSampler" in markup
    assert "out of memory" in markup
    assert "File x, line 1" in re.search(r"<details.*?</details>", markup[markup.index("trace-") - 60 :], re.DOTALL)[0]


def test_unreadable_record_shows_its_facts_and_offers_giving_up() -> None:
    record = Unreadable(prompt_id=PromptId("p-9"), owner=ME, server_id=ServerId("gpu-2"), detail="Task.state is odd")
    view = _page(window=window(unreadable=(record,)))
    markup = _markup(view, "notices")
    assert "A stored task is damaged and cannot be read." in markup
    assert "p-9 → gpu-2 · Task.state is odd" in markup
    give_up = element(markup, data_testid="give-up-record")
    assert (give_up["data-action"], give_up["data-prompt-id"]) == ("ask-give-up", "p-9")
    assert 'data-action="reload"' not in markup
    assert "a stored task cannot be read" in _markup(view, "run")
    assert "Idle" not in _markup(view, "header")


def test_newer_record_offers_a_reload_and_is_not_called_damaged() -> None:
    record = Unreadable(prompt_id=PromptId("p-9"), owner=ME, is_newer=True)
    markup = _markup(_page(window=window(unreadable=(record,))), "notices")
    assert "newer version of Mooring" in markup
    assert "damaged" not in markup
    assert 'data-action="reload"' in markup


def test_the_question_about_an_unreadable_record_names_what_is_lost() -> None:
    record = Unreadable(prompt_id=PromptId("p-9"), owner=ME, server_id=ServerId("gpu-2"))
    markup = dialog_markup(GiveUpDialog, Question(GiveUpDialog(record.prompt_id), record=record))
    confirm = element(markup, data_testid="confirm-give-up")
    assert (confirm["data-action"], confirm["data-prompt-id"]) == ("give-up", "p-9")
    assert "gpu-2 may still run it" in markup


def test_choice_of_server_is_explained_with_loads() -> None:
    markup = _markup(_page(window=window(task())), "now")
    assert "gpu-1 had the shortest line." in markup
    assert "2 tasks in line" in markup


def test_run_says_why_it_is_not_possible() -> None:
    markup = _markup(_page(), "run")
    run = element(markup, data_testid="run")
    assert "disabled" in run
    assert "Put a picture in first" in markup


def test_a_demo_workflow_is_offered_only_where_the_fleet_has_a_demo() -> None:
    assert not elements(_markup(_page(), "form"), id="pick-text")
    assert elements(_markup(_page(fleet=fleet(server("d", is_demo=True))), "form"), id="pick-text")


def test_demo_fleet_is_marked() -> None:
    markup = _markup(_page(FleetDialog(), fleet=fleet(server("d", is_demo=True), source="demo")), "dialogs")
    assert "without a model" in markup
    assert "no model" in markup


def test_only_the_regions_that_changed_are_rendered() -> None:
    before = _page(window=window(task("a")))
    after = _page(
        window=window(task("a")), progress={task("a").prompt_id: Progress(task("a").prompt_id, 4, fraction=0.5)}
    )
    assert set(changed_regions(before, after, ENGLISH)) == {f"pace-{task('a').prompt_id}"}
    assert changed_regions(after, after, ENGLISH) == {}
    assert set(changed_regions(None, after, ENGLISH)) == set(REGIONS)


def test_unchanged_ended_card_is_only_said_to_stay() -> None:
    old = ended("a", title="Dunes")
    pages = [
        _page(window=window(old)),
        _page(window=window(old, ended("b", title="Boat"))),
        _page(window=window(old, ended("b", title="Gulls"))),
    ]
    first, second, third = (
        changed_regions(before, after, ENGLISH)["results"] for before, after in zip([None, *pages], pages, strict=False)
    )
    stays = f'<article id="task-{old.prompt_id}" data-stays></article>'
    assert "Dunes" in first and stays not in first
    assert "Boat" in second and second.count("data-stays") == 1 and stays in second and "Dunes" not in second
    assert "Gulls" in third and third.count("data-stays") == 1 and stays in third
    assert "data-stays" not in changed_regions(None, pages[2], ENGLISH)["results"]
    album = pages[2].with_part(replace(pages[2].results, album=AlbumView(wish=AlbumWish())))
    assert "data-stays" not in changed_regions(album, pages[2], ENGLISH)["results"], "the album is shown"


def test_typed_text_draws_only_its_input() -> None:
    def typed(text: str, **more: str) -> Seen:
        values = {("1", "text"): text, **{("1", name): value for name, value in more.items()}}
        ui = UiState().with_slices(FormState("text", {"text": Draft(values=values)}))
        return project(StillSession(), ui, workflows=workflows(), pictures=StillPictures(), language="en")

    before, after = typed("dune"), typed("dunes")
    box = next(field_id(view.field, "box") for view in after.form.fields if view.field.key == ("1", "text"))
    regions = changed_regions(before, after, ENGLISH)
    assert set(regions) == {box}
    assert f'<div id="{box}" class="field">{regions[box]}</div>' in _markup(after, "form"), "same as drawn whole"
    assert set(changed_regions(before, typed("dunes", steps="x"), ENGLISH)) >= {"form"}, (
        "a fault changes the box itself"
    )
