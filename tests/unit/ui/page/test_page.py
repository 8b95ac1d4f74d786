"""The page as a whole: it follows, draws once per frame, and remembers what was typed."""

from __future__ import annotations

import asyncio
import json

import pytest

from app.core.model import Fleet, InputFile, NodeId
from app.core.ports.files import ChosenFile, FileSet
from app.core.ports.tray import Tray
from app.core.progress import Progress
from app.session import Preview
from app.ui.form import drafts
from app.ui.form.context import set_workflows, workflows_on
from app.ui.form.open_workflow import open_workflow
from app.ui.form.state import Draft, FormState
from app.ui.kit.i18n import Translator
from app.ui.notices.releases import Releases
from app.ui.page.page import MOST_BY_ONE, Page
from app.ui.page.regions import REGIONS, digest_of
from app.ui.results.folder_actions import Folder
from app.ui.settings.account_actions import Team
from app.ui.windows.panel_data import PanelSources
from app.ui.words.state import WordsState
from app.workflows.catalogue import Catalogue
from app.workflows.forms.kinds import SeedMode, Text
from tests.kit.page.elements import element
from tests.kit.page.stills import (
    Bytes,
    MemoryNotifier,
    MemoryScreen,
    StillSession,
    checkpoint_sample,
    ended,
    fleet,
    server,
    task,
    translator,
    window,
    workflows,
)
from tests.kit.page.whole import make_page


async def words(language: str) -> Translator:
    return translator(language)


async def read_input(sha256: str) -> Bytes | None:
    return Bytes() if sha256 == "kept" else None


async def arrange(question: str) -> str:
    asked = json.loads(question)
    places = [[300 * number, 0] for number in range(len(asked["boxes"]))]
    return json.dumps({"places": places, "bends": [[] for _ in asked["lines"]]})


async def opened(
    screen: MemoryScreen,
    session: StillSession | None = None,
    *,
    releases: Releases | None = None,
    sources: PanelSources | None = None,
    notifier: MemoryNotifier | None = None,
    team: Team | None = None,
    folder: Folder | None = None,
    tray: Tray | None = None,
) -> tuple[Page, StillSession]:
    session = session or StillSession()
    page = make_page(
        session,
        screen,
        arrange=arrange,
        break_server=session.break_server,
        read_input=read_input,
        releases=releases,
        sources=sources,
        notifier=notifier,
        team=team,
        folder=folder,
        tray=tray,
    )
    await page.start("en")
    await page.load_rest()
    screen.draw()
    return page, session


async def test_the_first_drawing_has_every_region() -> None:
    screen = MemoryScreen()
    await opened(screen)
    assert len(screen.changes[0]["regions"]) == len(REGIONS)  # type: ignore[arg-type]
    assert screen.changes[0]["title"] == "Mooring"


async def test_regions_that_were_drawn_before_are_not_drawn_again() -> None:
    screen = MemoryScreen()
    await opened(screen)
    whole: dict[str, str] = screen.changes[0]["regions"]  # type: ignore[assignment]
    drawn = {region: digest_of(markup) for region, markup in whole.items()} | {"form": "of another build"}
    again = MemoryScreen(drawn_regions=drawn)
    page, _session = await opened(again)
    assert set(again.changes[0]["regions"]) == {"form"}  # type: ignore[call-overload]
    await page.speak("zh-CN")
    again.draw()
    assert len(again.changes[-1]["regions"]) == len(REGIONS), "they were drawn before once"  # type: ignore[arg-type]


async def test_page_begins_with_the_workflow_that_was_chosen_before_it() -> None:
    screen = MemoryScreen(chosen="slow")
    page, _session = await opened(screen)
    assert page.ui.of(FormState).workflow_id == "slow"
    assert element(screen.changes[0]["regions"]["form"], id="fields-slow")  # type: ignore[index]
    assert '"chosen": "slow"' in screen.recall(drafts.STORE_KEY), "a reload keeps it"


async def test_many_changes_become_one_patch_of_what_is_different() -> None:
    screen = MemoryScreen()
    _page, session = await opened(screen)
    screen.changes.clear()
    session.window = window(task("a"))
    for _ in range(20):
        session.listeners[0]()
    assert len(screen.due) == 1
    screen.draw()
    assert len(screen.changes) == 1
    assert set(screen.changes[0]["regions"]) == {"header", "run", "now", "tabs"}  # type: ignore[call-overload]


async def test_whole_page_is_drawn_if_a_card_is_missing() -> None:
    screen = MemoryScreen()
    _page, session = await opened(screen)
    session.window = window(ended("a", title="Dunes"))
    session.listeners[0]()
    screen.draw()
    screen.changes.clear()
    screen.lacks = [True]
    session.window = window(ended("a", title="Dunes"), ended("b"))
    session.listeners[0]()
    screen.draw()
    screen.draw()
    first, whole = (change["regions"] for change in screen.changes)
    assert "Dunes" not in first["results"] and "Dunes" in whole["results"]  # type: ignore[index]
    assert len(whole) == len(REGIONS)  # type: ignore[arg-type]
    screen.draw()
    assert len(screen.changes) == 2


async def test_progress_is_drawn_calmly_and_clicks_in_the_next_frame() -> None:
    screen = MemoryScreen()
    page, session = await opened(screen)
    screen.changes.clear()
    screen.calm.clear()
    session.window = window(task("a"))
    session.listeners[0]()
    page.actions.act("open-settings", {})
    assert screen.calm == [True, False]
    screen.draw()
    assert len(screen.changes) == 1, "the first one draws everything"
    session.listeners[0]()
    assert screen.calm == [True, False, True]


async def test_step_of_progress_draws_its_line_and_computes_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    screen, item = MemoryScreen(), task("a")
    _page, session = await opened(screen, StillSession(window=window(item, ended("b"))))
    screen.changes.clear()
    projected: list[object] = []
    monkeypatch.setattr("app.ui.page.page.project", lambda *_all, **_more: projected.append(None))
    session.progress = {item.prompt_id: Progress(item.prompt_id, 4, fraction=0.5)}
    session.movers[0]()
    session.movers[0]()
    screen.draw()
    assert [set(change["moved"]) for change in screen.changes] == [{f"pace-{item.prompt_id}"}]  # type: ignore[call-overload]
    session.movers[0]()
    screen.draw()
    assert len(screen.changes) == 1, "the same step once more"
    assert projected == []


async def test_tasks_that_moved_are_drawn_one_after_the_other() -> None:
    screen, items = MemoryScreen(), [task(name) for name in "abc"]
    _page, session = await opened(screen, StillSession(window=window(*items)))
    screen.changes.clear()
    for fraction in (0.25, 0.5):
        session.progress = {item.prompt_id: Progress(item.prompt_id, 4, fraction=fraction) for item in items}
        session.movers[0]()
        screen.draw()
    for _ in items[2:]:
        session.movers[0]()
    while screen.due:
        screen.draw()
    drawn = [next(iter(change["moved"])) for change in screen.changes]  # type: ignore[call-overload]
    rows = [f"pace-{item.prompt_id}" for item in items]
    assert sorted(drawn[:3]) == sorted(rows), "each has its turn before one has a second"
    assert all(len(change["moved"]) == 1 for change in screen.changes)  # type: ignore[arg-type]
    assert drawn[3:] == [drawn[0]], "the others were drawn with their latest step"


async def test_only_the_first_preview_draws_its_row() -> None:
    screen, item = MemoryScreen(), task("a")
    _page, session = await opened(screen, StillSession(window=window(item)))
    screen.changes.clear()
    for serial in (1, 2):
        session.previews = {item.prompt_id: Preview(Bytes(), "image/jpeg", serial)}
        session.movers[0]()
        screen.draw()
    assert [list(change["regions"]) for change in screen.changes] == [["now"]]  # type: ignore[call-overload]
    assert len(screen.previews[item.prompt_id]) == 2


async def test_key_is_remembered_immediately_and_drawn_later() -> None:
    screen = MemoryScreen()
    page, _session = await opened(screen)
    page.set_ui(page.ui.with_slices(FormState(workflow_id="text")))
    screen.draw()
    fields = next(item.form.by_key for item in workflows_on(page) if item.workflow_id == "text")
    key = next(key for key, item in fields.items() if isinstance(item.kind, Text))
    page.actions.act("field", {"node": key[0], "name": key[1], "value": "dune"})
    assert "dune" in screen.memory[drafts.STORE_KEY]
    assert screen.due == []
    other = next(key for key, item in fields.items() if not isinstance(item.kind, Text))
    page.actions.act("field", {"node": other[0], "name": other[1], "value": "3"})
    assert len(screen.due) == 1


async def test_a_change_that_shows_nowhere_touches_nothing() -> None:
    screen = MemoryScreen()
    _page, session = await opened(screen)
    screen.changes.clear()
    session.listeners[0]()
    screen.draw()
    assert screen.changes == []


async def test_another_language_redraws_everything_and_says_so_to_the_browser() -> None:
    screen = MemoryScreen()
    page, _session = await opened(screen)
    screen.changes.clear()
    await page.speak("zh-CN")
    screen.draw()
    assert screen.changes[0]["lang"] == "zh-CN"
    assert "运行" in screen.changes[0]["regions"]["run"]  # type: ignore[index]


async def test_typed_values_survive_a_reload() -> None:
    screen = MemoryScreen()
    page, _session = await opened(screen)
    page.actions.act("workflow", {"value": "text"})
    page.actions.act("field", {"node": "1", "name": "text", "value": "dunes\n“at” night"})
    reloaded, _session = await opened(screen)
    assert reloaded.ui.of(FormState).workflow_id == "text"
    assert reloaded.ui.of(FormState).draft.values == {("1", "text"): "dunes\n“at” night"}


@pytest.mark.parametrize(("sha256", "is_back"), [("kept", True), ("made room", False)])
async def test_submitted_picture_is_in_its_field_after_a_reload(sha256: str, is_back: bool) -> None:
    screen = MemoryScreen()
    page, session = await opened(screen)
    page.take_files(("1", "image"), [(Bytes(), "boat.png")])
    await asyncio.wait(page._background)
    used = InputFile(node_id=NodeId("1"), input_name="image", name="x", sha256=sha256, original_name="boat.png")
    session.window = window(task("a", inputs=(used,)))
    reloaded, _session = await opened(screen, session)
    await asyncio.wait(reloaded._background)
    assert (("1", "image") in reloaded.ui.of(FormState).draft.pictures) is is_back


async def test_folder_of_words_is_added_whole_with_its_folders() -> None:
    page, _session = await opened(MemoryScreen())
    paths = [f"pack/wildcards/animals/{number}.txt" for number in range(MOST_BY_ONE + 1)]
    files = tuple(ChosenFile(path, 1) for path in (*paths, "pack/flow.json"))
    page.take_many(None, FileSet(files, lambda _: Bytes(b"tabby", "")))
    await asyncio.wait(page._background)
    found = page.ui.of(WordsState).items
    assert [item.name for item in found[:2]] == ["animals/0", "animals/1"]
    assert len(found) == len(paths)


async def test_files_beyond_those_that_are_taken_one_by_one_are_an_error() -> None:
    page, _session = await opened(MemoryScreen())
    files = tuple(ChosenFile(f"{number}.json", 1) for number in range(MOST_BY_ONE + 1))
    page.take_many(None, FileSet(files, lambda _: Bytes(b"{}", "")), "open")
    assert [str(error.facts()["cause"]) for _, error in page.ui.errors] == ["too-many-files"]
    await asyncio.wait(page._background)


async def test_unsubmitted_file_is_in_its_field_after_a_reload() -> None:
    screen, session = MemoryScreen(), StillSession(keeps={})
    page, _session = await opened(screen, session)
    page.take_files(("1", "image"), [(Bytes(), "boat.png")])
    await asyncio.wait(page._background)
    assert session.keeps is not None
    (sha256,) = session.keeps
    assert page.ui.of(FormState).draft.pictures[("1", "image")].sha256 == sha256
    assert sha256 in screen.memory[drafts.STORE_KEY]
    page.actions.act("clear-picture", {"node": "1", "name": "image"})
    assert sha256 not in screen.memory[drafts.STORE_KEY], "a removed file stays removed"


def test_hash_of_a_file_is_remembered_until_it_is_found() -> None:
    key = ("1", "image")
    form = FormState(workflow_id="text", drafts={"text": Draft(awaited={key: "boat.png"}, kept={key: "aa"})})
    reloaded = drafts.load(drafts.dump(form), workflows())
    assert reloaded == form
    assert [(item.key, item.name, item.sha256) for item in drafts.stored_files(reloaded, None)] == [
        (key, "boat.png", "aa")
    ]


def test_new_window_begins_with_the_form_it_was_opened_from() -> None:
    memory = MemoryScreen()
    drafted = {name: Draft(values={("1", "seed"): "5"}) for name in ("text", "slow")}
    drafts.hand_over(FormState(workflow_id="slow", drafts=drafted), memory, 100.0)
    handed = drafts.load(drafts.recall(memory, 110.0), workflows())
    assert handed == FormState(workflow_id="slow", drafts={"slow": drafted["slow"]})
    assert drafts.recall(memory, 110.0) == "", "only one window takes it"
    drafts.hand_over(handed, memory, 100.0)
    assert drafts.recall(memory, 100.0 + 2 * drafts.HANDED_FOR) == "", "a window that was opened otherwise"
    memory.keep(drafts.HANDED_KEY, "{")
    assert drafts.recall(memory, 100.0) == "", "what this page has not written"
    memory.remember(drafts.STORE_KEY, drafts.dump(FormState(workflow_id="text")))
    drafts.hand_over(handed, memory, 100.0)
    assert drafts.load(drafts.recall(memory, 101.0), workflows()).workflow_id == "text", "a reload keeps its own"


def test_drafts_survive_a_round_trip() -> None:
    draft = Draft(values={("1", "seed"): "18446744073709551615"}, modes={("1", "seed"): SeedMode.UP})
    form = FormState(workflow_id="text", drafts={"text": draft})
    assert drafts.load(drafts.dump(form), workflows()) == form


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{",
        '{"chosen": "text"}',
        '{"chosen": "gone", "drafts": {}}',
        '{"chosen": "text", "drafts": {"text": {"values": [["9", "x", "y"]], "modes": [["9", "x", "fixed"]]}}}',
        '{"chosen": "text", "drafts": {"text": 3}}',
        '{"chosen": "text", "drafts": {"text": {"values": [], "modes": [["1", "seed", "backwards"]]}}}',
    ],
)
def test_unreadable_drafts_are_no_obstacle(text: str) -> None:
    found = drafts.load(text, workflows())
    assert found.workflow_id in {"enlarge", "text"}
    assert not found.draft.values


async def test_first_workflow_is_one_that_this_fleet_can_run() -> None:
    enlarge, blend, text, slow = workflows()
    session = StillSession(fleet=Fleet())
    page, _session = await opened(MemoryScreen(), session)
    set_workflows(page, (text, enlarge, blend, slow))
    page.actions.act("workflow", {"value": "text"})
    session.fleet = fleet(server("gpu-1"))
    session.listeners[0]()
    assert page.ui.of(FormState).workflow_id == "enlarge"
    page.actions.act("workflow", {"value": "blend"})
    session.listeners[0]()
    assert page.ui.of(FormState).workflow_id == "blend", "one that was chosen and can run stays"


@pytest.mark.parametrize(
    ("is_demo", "checkpoints", "first"),
    [(True, (), "text"), (False, ("photo.safetensors",), "checkpoint"), (False, (), "enlarge")],
)
async def test_first_sample_makes_a_picture_of_what_the_servers_have(
    is_demo: bool, checkpoints: tuple[str, ...], first: str
) -> None:
    enlarge, blend, text, slow = workflows()
    session = StillSession(fleet=Fleet())
    page, _session = await opened(MemoryScreen(), session)
    set_workflows(page, (text, checkpoint_sample(*checkpoints), enlarge, blend, slow))  # as in the picker
    page.actions.act("workflow", {"value": "text"})
    session.fleet = fleet(server("gpu-1", is_demo=is_demo))
    session.listeners[0]()
    assert page.ui.of(FormState).workflow_id == first


async def test_what_was_typed_is_never_left_for_another_workflow() -> None:
    enlarge, blend, text, slow = workflows()
    session = StillSession(fleet=Fleet())
    page, _session = await opened(MemoryScreen(), session)
    set_workflows(page, (text, enlarge, blend, slow))
    page.actions.act("workflow", {"value": "text"})
    page.actions.act("field", {"node": "1", "name": "text", "value": "dunes"})
    session.fleet = fleet(server("gpu-1"))
    session.listeners[0]()
    assert page.ui.of(FormState).workflow_id == "text"


async def test_other_workflows_can_be_offered_and_what_was_typed_stays() -> None:
    screen = MemoryScreen()
    page, _session = await opened(screen)
    page.actions.act("field", {"node": "2", "name": "width", "value": "999"})
    known = Catalogue.parse({"SaveImage": {"input": {"required": {"filename_prefix": ["STRING", {}]}}}})
    enlarge, *others = workflows_on(page)
    set_workflows(page, (open_workflow(enlarge.published, known), *others))
    assert page.ui.of(FormState).draft.values == {("2", "width"): "999"}
    assert isinstance(workflows_on(page)[0].form.by_key["4", "filename_prefix"].kind, Text)
    set_workflows(page, tuple(others))
    assert page.ui.of(FormState).workflow_id == "blend"
    set_workflows(page, ())
    assert page.ui.of(FormState).workflow_id == ""
    screen.draw()
