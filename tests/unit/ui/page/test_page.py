"""The page as a whole: it follows, draws once per frame, and remembers what was typed."""

from __future__ import annotations

import asyncio
import json

import pytest

from app.core.model import InputFile, NodeId
from app.ui.form import drafts
from app.ui.form.open_workflow import open_workflow
from app.ui.form.state import Draft, FormState
from app.ui.kit.i18n import Translator
from app.ui.page.page import Page
from app.ui.page.panel_data import PanelSources
from app.ui.page.releases import Releases
from app.ui.results.folder_actions import Folder
from app.ui.settings.account_actions import Team
from app.workflows.catalogue import Catalogue
from app.workflows.forms.fields import SeedMode, Text
from tests.ports.memory_documents import MemoryDocuments
from tests.unit.ui.page_kit import (
    Bytes,
    MemoryNotifier,
    MemoryScreen,
    StillSession,
    ended,
    task,
    translator,
    window,
    workflows,
)
from tests.unit.ui.panel_kit import panel_sources


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
    looks: PanelSources | None = None,
    notifier: MemoryNotifier | None = None,
    team: Team | None = None,
    folder: Folder | None = None,
) -> tuple[Page, StillSession]:
    session = session or StillSession()
    page = Page(
        session,  # type: ignore[arg-type]
        screen,
        workflows(),
        releases=releases or Releases("b1"),
        translators=words,
        random_seed=lambda limit: limit,
        read_input=read_input,
        break_server=session.break_server,
        arrange=arrange,
        now=lambda: 100.0,
        documents=MemoryDocuments(),
        panel_sources=looks or panel_sources(),
        notifier=notifier or MemoryNotifier(),
        team=team,
        folder=folder,
    )
    await page.start("en")
    screen.draw()
    return page, session


async def test_the_first_drawing_has_every_region() -> None:
    screen = MemoryScreen()
    await opened(screen)
    assert len(screen.changes[0]["regions"]) == 16  # type: ignore[arg-type]
    assert screen.changes[0]["title"] == "Mooring"


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


async def test_everything_is_drawn_anew_if_something_was_to_stay_that_is_not_there() -> None:
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
    told, whole = (change["regions"] for change in screen.changes)
    assert "Dunes" not in told["results"] and "Dunes" in whole["results"]  # type: ignore[index]
    assert len(whole) == 16  # type: ignore[arg-type]
    screen.draw()
    assert len(screen.changes) == 2


async def test_what_moves_by_itself_waits_a_few_frames_and_the_persons_own_does_not() -> None:
    screen = MemoryScreen()
    page, session = await opened(screen)
    screen.changes.clear()
    screen.calm.clear()
    session.window = window(task("a"))
    session.listeners[0]()
    page.actions.act("open-settings", {})
    assert screen.calm == [True, False]
    screen.draw()
    assert len(screen.changes) == 1, "the first of both draws everything"
    session.listeners[0]()
    assert screen.calm == [True, False, True]


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


async def test_what_was_typed_comes_back_after_a_reload() -> None:
    screen = MemoryScreen()
    page, _session = await opened(screen)
    page.actions.act("workflow", {"value": "text"})
    page.actions.act("field", {"node": "1", "name": "text", "value": "dunes\n“at” night"})
    again, _session = await opened(screen)
    assert again.ui.of(FormState).workflow_id == "text"
    assert again.ui.of(FormState).draft.values == {("1", "text"): "dunes\n“at” night"}


@pytest.mark.parametrize(("sha256", "is_back"), [("kept", True), ("made room", False)])
async def test_a_picture_that_was_run_is_back_in_its_field_after_a_reload(sha256: str, is_back: bool) -> None:
    screen = MemoryScreen()
    page, session = await opened(screen)
    page.take_files(("1", "image"), [(Bytes(), "boat.png")])
    await asyncio.wait(page._background)
    used = InputFile(node_id=NodeId("1"), input_name="image", name="x", sha256=sha256, original_name="boat.png")
    session.window = window(task("a", inputs=(used,)))
    again, _session = await opened(screen, session)
    await asyncio.wait(again._background)
    assert (("1", "image") in again.ui.of(FormState).draft.pictures) is is_back


async def test_a_file_that_was_never_run_is_back_in_its_field_too() -> None:
    screen, session = MemoryScreen(), StillSession(keeps={})
    page, _session = await opened(screen, session)
    page.take_files(("1", "image"), [(Bytes(), "boat.png")])
    await asyncio.wait(page._background)
    assert session.keeps is not None
    (sha256,) = session.keeps
    assert page.ui.of(FormState).draft.pictures[("1", "image")].sha256 == sha256
    assert sha256 in screen.memory[drafts.STORE_KEY]
    page.actions.act("clear-picture", {"node": "1", "name": "image"})
    assert sha256 not in screen.memory[drafts.STORE_KEY], "what was taken out stays out"


def test_a_files_hash_is_remembered_until_it_is_found_again() -> None:
    key = ("1", "image")
    form = FormState(workflow_id="text", drafts={"text": Draft(awaited={key: "boat.png"}, kept={key: "aa"})})
    again = drafts.load(drafts.dump(form), workflows())
    assert again == form
    assert [(item.key, item.name, item.sha256) for item in drafts.stored_files(again, None)] == [
        (key, "boat.png", "aa")
    ]
    assert drafts.without_gone(form.draft, {"2"}).kept == {}


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


async def test_other_workflows_can_be_offered_and_what_was_typed_stays() -> None:
    screen = MemoryScreen()
    page, _session = await opened(screen)
    page.actions.act("field", {"node": "2", "name": "width", "value": "999"})
    known = Catalogue.parse({"SaveImage": {"input": {"required": {"filename_prefix": ["STRING", {}]}}}})
    enlarge, *others = page.workflows
    page.set_workflows((open_workflow(enlarge.published, known), *others))
    assert page.ui.of(FormState).draft.values == {("2", "width"): "999"}
    assert isinstance(page.workflows[0].form.by_key["4", "filename_prefix"].kind, Text)
    page.set_workflows(tuple(others))
    assert page.ui.of(FormState).workflow_id == "blend"
    page.set_workflows(())
    assert page.ui.of(FormState).workflow_id == ""
    screen.draw()
