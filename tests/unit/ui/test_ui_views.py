"""The markup of the regions: complete, escaped, in one language, with the hooks that tests and styles use."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import htpy as h
import pytest

from app.core.errors import BadInput, ConfigError, ConnectError, PromptRejected, ServerLockedError, StorageError
from app.core.model import (
    Choice,
    Contact,
    Delivery,
    Failure,
    Health,
    NodeError,
    PromptId,
    ServerId,
    TaskState,
    Unreadable,
)
from app.core.ports import Identity, Keep, KeepSettings, Usage
from app.core.progress import Progress
from app.session import Picked, Run, RunStage
from app.ui.gallery import Original
from app.ui.i18n import Translator
from app.ui.keeping import KeepingDialog, KeepingView
from app.ui.projection import project
from app.ui.regions import REGIONS, changed_regions, live_words
from app.ui.state import DialogView, Draft, GiveUpDialog, PageView, Picture, PictureDialog, UiState
from app.ui.views.dialogs import dialogs
from tests.unit.ui.kit import (
    ENGLISH,
    ME,
    Bytes,
    StillPictures,
    StillSession,
    ended,
    fleet,
    output,
    samples,
    server,
    task,
    translator,
    window,
)

EVIL = "<img src=x onerror=alert(1)> & \"'"
FAULT = NodeError(node_id="2", class_type=EVIL, type="value_not_in_list", message=EVIL, details=EVIL, input_name=EVIL)
FAILURE = Failure(
    kind="execution",
    message=EVIL,
    node_id="2",
    node_type=EVIL,
    exception_type=EVIL,
    traceback=EVIL,
    node_errors=(FAULT,),
)


def unreadable(text: str) -> tuple[Unreadable, ...]:
    """Records that cannot be read, of each kind; `text` is what they say."""
    damaged = Unreadable(prompt_id=PromptId(text), owner=ME, server_id=ServerId(text), title=text, detail=text)
    return (
        damaged,
        replace(damaged, prompt_id=PromptId("u2"), owner=None, server_id=None, title=""),
        replace(damaged, prompt_id=PromptId("u3"), is_newer=True),
    )


def crowded(language: str = "en", text: str = "gpu") -> dict[str, str]:
    """Every region in a state that shows nearly everything at once; `text` is what servers and the person named."""
    name = ServerId("gpu-1")
    tasks = [
        task("a", title=text),
        task("b", state=TaskState.QUEUED, place=3),
        task("c", state=TaskState.UNCLEAR, contact=Contact.UNREACHABLE, contact_detail="timeout"),
        task("d", contact=Contact.MOVED, contact_detail=text),
        task("e", is_ward=True, title=""),
        ended("f", output(delivery=Delivery.KEPT, size=1000), output("b.png", delivery=Delivery.GONE)),
        ended("g", output(delivery=Delivery.OVERWRITTEN), title=text, missing=("9",)),
        ended(
            "h", state=TaskState.FAILED, failure=FAILURE if text == EVIL else Failure(kind="rejected", node_errors=())
        ),
        ended("i", state=TaskState.LOST),
        ended(
            "j",
            output("v.mp4", delivery=Delivery.KEPT, media_type="video/mp4"),
            warnings=(FAULT,) if text == EVIL else (),
        ),
        ended(
            "k", state=TaskState.CANCELLED, choice=Choice(server_id=name, reason="tie", refused={"gpu-2": "timeout"})
        ),
        ended("l", state=TaskState.GIVEN_UP),
        ended(
            "m",
            output("m1.png", delivery=Delivery.DROPPED, size=1000),
            output("m2.mp4", delivery=Delivery.THUMBNAIL, size=1000, media_type="video/mp4"),
            output("m3.png", delivery=Delivery.GONE, size=1000),
        ),
    ]
    runs = (
        Run(
            prompt_id=PromptId("r1"), title=text, started_at=1.0, stage=RunStage.UPLOADING, server_id=name, fraction=0.5
        ),
        Run(
            prompt_id=PromptId("r2"),
            title="",
            started_at=1.0,
            stage=RunStage.FAILED,
            error=PromptRejected(name, text, text),
        ),
    )
    session = StillSession(
        window=window(*tasks, quarantined=(task("q", "gpu-9", title=text),), unreadable=unreadable(text)),
        identity=Identity(ME, is_new=True, is_duplicate=True),
        fleet=fleet(
            server("gpu-1", name=text, running=1, pending=2),
            server("gpu-2", health=Health.DOWN, detail=text, version=text, is_demo=True),
            server("gpu-3", health=Health.NOT_COMFYUI, version=""),
        ),
        fleet_error=ConfigError(text),
        store_error=StorageError("write", "quota", text),
        runs=runs,
        progress={tasks[0].prompt_id: Progress(tasks[0].prompt_id, 4, node="2", value=2, maximum=9, fraction=0.25)},
    )
    originals = {(tasks[5].prompt_id, 0): Original("blob:5"), (tasks[9].prompt_id, 0): Original("blob:9")}
    small = {(tasks[12].prompt_id, index): f"blob:s{index}" for index in (0, 2)}
    pictures = StillPictures(previews={tasks[0].prompt_id: "blob:p"}, originals=originals, small=small)
    photo = Picture(Picked(Bytes(), text), "blob:1", 640, 480)
    draft = Draft(
        values={("2", "width"): text},
        pictures={("1", "image"): photo},
        faults={("1", "image"): BadInput("empty", text)},
    )
    ui = UiState(sample_id="enlarge", drafts={"enlarge": draft}, dialog=PictureDialog(tasks[5].prompt_id, 0))
    ui = ui.with_error(ServerLockedError("submit", ServerId("gpu-2"), name, 1))
    view = project(session, ui, samples=samples(), pictures=pictures, language=language)
    asked = project(
        session,
        UiState(sample_id="text", dialog=GiveUpDialog(tasks[0].prompt_id)),
        samples=samples(),
        pictures=pictures,
        language=language,
    )
    words = translator(language)
    found = changed_regions(None, view, words)
    other = changed_regions(None, asked, words)
    found |= {"form 2": other["form"], "dialogs 2": other["dialogs"]}
    for number, record in enumerate(unreadable(text), 3):
        about = DialogView(GiveUpDialog(record.prompt_id), record=record)
        found[f"dialogs {number}"] = str(h.fragment[dialogs(about, words)])
    return found | around_what_is_kept(words, text)


def around_what_is_kept(words: Translator, text: str) -> dict[str, str]:
    """The dialog about what is kept, and large pictures whose originals are not here, in every state."""
    usage = Usage(
        settings=KeepSettings(1_000_000), count=3, size=900_000, thumbnails=9, thumbnails_size=50, used=1, quota=2
    )
    dialogs_of_it = [
        (KeepingDialog(), None),
        (KeepingDialog(cap="0.0"), replace(usage, is_persistent=True)),
        (KeepingDialog(cap="0.0005", keep=Keep.THUMBNAILS), replace(usage, is_persistent=False)),
        (KeepingDialog(is_deleting=True), usage),
        (KeepingDialog(cap="0.05"), replace(usage, size=90_000_000)),
    ]
    found = {
        f"keeping {number}": str(h.fragment[dialogs(DialogView(KeepingView(*item)), words)])
        for number, item in enumerate(dialogs_of_it)
    }
    name = ServerId("gpu-1")
    lacking = (
        (Original(is_coming=True), Delivery.DROPPED),
        (Original(error=ConnectError(name, "timeout")), Delivery.DROPPED),
        (Original(), Delivery.GONE),
        (Original(), Delivery.OVERWRITTEN),
    )
    for number, (original, delivery) in enumerate(lacking):
        done = ended("z", output(delivery=delivery, size=9))
        view = project(
            StillSession(window=window(done), fleet=fleet(server("gpu-1", name=text))),
            UiState(dialog=PictureDialog(done.prompt_id, 0)),
            samples=samples(),
            pictures=StillPictures(
                originals={(done.prompt_id, 0): original}, small={(done.prompt_id, 0): "blob:s"} if number else {}
            ),
            language=words.language,
        )
        found[f"large {number}"] = changed_regions(None, view, words)["dialogs"]
    return found


class _Reader(HTMLParser):
    """Collects what a person can read: texts and spoken attributes, and whether they are a server's or the person's."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[tuple[str, bool]] = []
        self.read: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = dict(attrs)
        self.tags.append((tag, facts))
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


def read(markup: str) -> _Reader:
    reader = _Reader()
    reader.feed(markup)
    assert not reader.open
    return reader


def unmarked(text: str) -> str:
    """What stands outside of ⟦…⟧, which may be nested."""
    inner = re.compile(r"⟦[^⟦⟧]*⟧")
    while inner.search(text):
        text = inner.sub("", text)
    return text


@pytest.mark.parametrize("region", sorted(crowded()))
def test_nothing_readable_is_outside_the_catalogue(region: str) -> None:
    """In the pseudo-locale every catalogue text is in ⟦…⟧; letters outside of those are somebody's own or a mistake."""
    size = re.compile(r"\d+ B")  # the browser's Intl writes those
    left = [
        text for text in read(crowded("pseudo")[region]).read if re.search(r"[^\W\d_]", size.sub("", unmarked(text)))
    ]
    assert not left


@pytest.mark.parametrize("region", sorted(crowded()))
def test_a_servers_text_is_never_markup(region: str) -> None:
    markup = crowded(text=EVIL)[region]
    assert "<img src=x" not in markup
    assert all("onerror" not in facts for _tag, facts in read(markup).tags)


@pytest.mark.parametrize("region", sorted(crowded()))
def test_markup_needs_no_inline_style_or_script(region: str) -> None:
    for tag, facts in read(crowded()[region]).tags:
        assert tag not in {"style", "script"}
        assert not [name for name in facts if name == "style" or name.startswith("on")]


def test_ids_are_unique_on_the_whole_page() -> None:
    regions = {name: markup for name, markup in crowded().items() if " " not in name}
    ids = [facts["id"] for markup in regions.values() for _tag, facts in read(markup).tags if "id" in facts]
    assert len(ids) == len(set(ids))


def test_every_control_has_a_name() -> None:
    for markup in crowded().values():
        for button in re.findall(r"<button[^>]*>.*?</button>", markup, re.DOTALL):
            has_text = bool(re.sub(r"<[^>]*>", "", button).strip())
            assert has_text or 'aria-label="' in button or 'alt="' in button, button


def _page(**facts: object) -> PageView:
    session = StillSession(**facts)  # type: ignore[arg-type]
    return project(session, UiState(sample_id="enlarge"), samples=samples(), pictures=StillPictures(), language="en")


def _markup(view: PageView, region: str, _: Translator = ENGLISH) -> str:
    name, render = REGIONS[region]
    return str(h.fragment[render(getattr(view, name), _)])


def test_a_task_card_carries_its_id_state_and_server() -> None:
    markup = _markup(_page(window=window(task("a", contact=Contact.UNREACHABLE))), "now")
    card = next(facts for _tag, facts in read(markup).tags if facts.get("data-testid") == "task-card")
    assert card["data-prompt-id"] == task("a").prompt_id
    assert (card["data-state"], card["data-server"]) == ("unreachable", "gpu-1")


def test_progress_is_a_real_progress_element_with_its_value() -> None:
    running = task("a")
    progress = Progress(running.prompt_id, 4, node="2", fraction=0.456)
    markup = _markup(_page(window=window(running), progress={running.prompt_id: progress}), "now")
    bar = next(facts for tag, facts in read(markup).tags if tag == "progress")
    assert bar["value"] == "0.456"
    assert "46 %" in markup
    assert "Enlarge" in markup


def test_a_task_that_waits_or_is_silent_does_not_pretend_to_move() -> None:
    for still in (task(state=TaskState.QUEUED), task(contact=Contact.UNREACHABLE)):
        markup = _markup(_page(window=window(still)), "now")
        assert next(facts for tag, facts in read(markup).tags if tag == "progress")["value"] == "0"


def test_a_moved_task_offers_giving_up_but_not_cancelling() -> None:
    markup = _markup(_page(window=window(task(contact=Contact.MOVED))), "now")
    assert 'data-testid="give-up"' in markup
    assert 'data-testid="cancel"' not in markup


def test_a_failed_task_shows_the_servers_words_node_and_traceback() -> None:
    failure = Failure(kind="execution", message="out of memory", node_type="KSampler", traceback="File x, line 1")
    markup = _markup(_page(window=window(ended("a", state=TaskState.FAILED, failure=failure))), "results")
    assert "KSampler" in markup
    assert "out of memory" in markup
    assert "File x, line 1" in re.search(r"<details.*?</details>", markup[markup.index("trace-") - 60 :], re.DOTALL)[0]


def test_an_unreadable_record_is_told_with_its_facts_and_offers_giving_up() -> None:
    record = Unreadable(prompt_id=PromptId("p-9"), owner=ME, server_id=ServerId("gpu-2"), detail="Task.state is odd")
    view = _page(window=window(unreadable=(record,)))
    markup = _markup(view, "notices")
    assert "A stored task is damaged and cannot be read." in markup
    assert "p-9 → gpu-2 · Task.state is odd" in markup
    give_up = next(facts for _tag, facts in read(markup).tags if facts.get("data-testid") == "give-up-record")
    assert (give_up["data-action"], give_up["data-prompt-id"]) == ("ask-give-up", "p-9")
    assert 'data-action="reload"' not in markup
    assert "a stored task cannot be read" in _markup(view, "run")
    assert "Not moored" not in _markup(view, "header")


def test_a_newer_record_is_not_called_damaged_and_offers_a_reload() -> None:
    record = Unreadable(prompt_id=PromptId("p-9"), owner=ME, is_newer=True)
    markup = _markup(_page(window=window(unreadable=(record,))), "notices")
    assert "newer version of Mooring" in markup
    assert "damaged" not in markup
    assert 'data-action="reload"' in markup


def test_the_question_about_an_unreadable_record_names_what_is_lost() -> None:
    record = Unreadable(prompt_id=PromptId("p-9"), owner=ME, server_id=ServerId("gpu-2"))
    markup = str(h.fragment[dialogs(DialogView(GiveUpDialog(record.prompt_id), record=record), ENGLISH)])
    confirm = next(facts for _tag, facts in read(markup).tags if facts.get("data-testid") == "confirm-give-up")
    assert (confirm["data-action"], confirm["data-prompt-id"]) == ("give-up", "p-9")
    assert "gpu-2 may still run it" in markup


def test_why_this_server_is_told_with_the_loads() -> None:
    markup = _markup(_page(window=window(task())), "now")
    assert "gpu-1 had the shortest line." in markup
    assert "2 tasks in line" in markup


def test_run_says_why_it_is_not_possible() -> None:
    markup = _markup(_page(), "run")
    run = next(facts for _tag, facts in read(markup).tags if facts.get("data-testid") == "run")
    assert "disabled" in run
    assert "Put a picture in first" in markup


def test_a_demo_workflow_says_when_the_fleet_has_no_demo() -> None:
    assert "Needs a demo server" in _markup(_page(), "form")
    assert "Needs a demo server" not in _markup(_page(fleet=fleet(server("d", is_demo=True))), "form")


def test_a_demo_fleet_is_clearly_told() -> None:
    markup = _markup(_page(fleet=fleet(server("d", is_demo=True), source="demo")), "fleet")
    assert "without a model" in markup
    assert "no model" in markup


def test_listeners_hear_a_state_not_each_step() -> None:
    running = task("a")
    told = {
        live_words(
            _page(window=window(running), progress={running.prompt_id: Progress(running.prompt_id, 4, fraction=part)}),
            ENGLISH,
        )
        for part in (0.1, 0.5)
    }
    assert told == {"Enlarge and sharpen on gpu-1: Running"}


def test_only_the_regions_that_changed_are_rendered() -> None:
    before = _page(window=window(task("a")))
    after = _page(
        window=window(task("a")), progress={task("a").prompt_id: Progress(task("a").prompt_id, 4, fraction=0.5)}
    )
    assert set(changed_regions(before, after, ENGLISH)) == {"now"}
    assert changed_regions(after, after, ENGLISH) == {}
    assert set(changed_regions(None, after, ENGLISH)) == set(REGIONS)
