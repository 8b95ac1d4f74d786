"""Where a workflow can run: shown before anything is uploaded, and not checked while the user types."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import pytest

from app.core.errors import ConfigError
from app.core.model import Fleet, ServerId
from app.core.workflow import parse_workflow
from app.session import Picked
from app.ui.form.open_workflow import OpenWorkflow, open_workflow, with_catalogue
from app.ui.form.state import Draft, FormState, Picture
from app.ui.kit.actions import ActionTable
from app.ui.kit.messages import word_error
from app.ui.runs.run_bar_words import word_blocker
from app.ui.runs.runnability import Standings
from app.ui.runs.state import Blocker
from app.workflows.catalogue import Catalogue
from app.workflows.forms.arrangement import Layout
from app.workflows.published import Published
from tests.kit.page import views
from tests.kit.page.elements import element, elements
from tests.kit.page.rig import Rig
from tests.kit.page.stills import (
    ENGLISH,
    Bytes,
    MemoryContext,
    StillSession,
    server,
    task,
    translator,
    window,
)
from tests.kit.page.views import Seen
from tests.unit.ui.page.test_views import readable
from wire.health import Health

A, B, C, D = (ServerId(f"gpu-{number}") for number in range(1, 5))
CKPT = ("1", "ckpt_name")


def nodes(*models: str, without: str = "") -> Catalogue:
    """What a server has installed."""
    classes: dict[str, Any] = {
        "Load": {"input": {"required": {"ckpt_name": [list(models)]}}, "display_name": "Load"},
        "Draw": {"input": {"required": {"text": ["STRING", {"multiline": True}]}}},
        "Read": {"input": {"required": {"image": [["old.png"], {"image_upload": True}]}}},
    }
    return Catalogue.parse({name: item for name, item in classes.items() if name != without})


GRAPH = {
    "1": {"class_type": "Load", "inputs": {"ckpt_name": "sd15.safetensors"}, "_meta": {"title": "First"}},
    "2": {"class_type": "Draw", "inputs": {"text": "calm"}},
    "3": {"class_type": "Read", "inputs": {"image": "mine.png"}},
}


def opened(catalogue: Catalogue | None = None) -> OpenWorkflow:
    flow = open_workflow(Published("own", "Own", "", False, parse_workflow(GRAPH), Layout()))
    return with_catalogue(flow, catalogue or nodes("sd15.safetensors"))


class HeldContext(MemoryContext):
    """A context whose background work waits in `begun` until a test performs it."""

    def __init__(self, workflow_id: str, offered: tuple[OpenWorkflow, ...]) -> None:
        super().__init__(workflow_id, offered)
        self.begun: list[Coroutine[Any, Any, None]] = []

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self.begun.append(work)


class StandingsRig(Rig):
    """A page with these catalogues, and a form with its picture."""

    def __init__(self, catalogues: dict[ServerId, Catalogue], *, names: tuple[ServerId, ...] = (A, B, C)) -> None:
        servers = tuple(server(name, catalogue=f"{name}-1") for name in names)
        self.held = HeldContext("own", (opened(),))
        super().__init__(session=StillSession(fleet=Fleet(servers, "file"), catalogues=catalogues), context=self.held)
        self.draft = self.draft.with_picture(("3", "image"), Picture(Picked(Bytes(), "mine.png"), "blob:1"))
        self.standings = Standings(self.session, self.context, self.screen)

    async def draw(self) -> Seen:
        """Draw until nothing is left to check."""
        self.standings.refresh()
        while self.held.begun:
            await self.held.begun.pop(0)
            self.standings.refresh()
        return self.view

    @property
    def checks(self) -> int:
        return sum(call[0] == "standing" for call in self.session.calls)


def line(view: Seen, language: str = "en") -> str:
    words = readable(markup(view, language))
    return words[0] if words else ""


def markup(view: Seen, language: str = "en") -> str:
    return views.markup(view, "standing", ENGLISH if language == "en" else translator(language))


HAS, OTHER, BARE = nodes("sd15.safetensors"), nodes("xl/SD15.safetensors"), nodes("sd15.safetensors", without="Draw")


@pytest.mark.parametrize(
    ("catalogues", "words", "chinese"),
    [
        ({A: HAS, B: HAS, C: HAS}, "Runs on gpu-1, gpu-2 and gpu-3", "可在 gpu-1、gpu-2 和 gpu-3 上运行"),
        (
            {A: HAS, B: BARE, C: HAS},
            "Runs on gpu-1 and gpu-3; gpu-2 lacks the node Draw",
            "可在 gpu-1 和 gpu-3 上运行；gpu-2 缺少节点 Draw",
        ),
        (
            {A: HAS, B: nodes(without="Draw"), C: HAS},
            "Runs on gpu-1 and gpu-3; gpu-2 lacks the node Draw and the model sd15.safetensors",
            "可在 gpu-1 和 gpu-3 上运行；gpu-2 缺少节点 Draw 和模型 sd15.safetensors",
        ),
        (
            {A: HAS, B: BARE, C: OTHER},
            "Runs on gpu-1; 2 servers lack something",
            "可在 gpu-1 上运行；2 台服务器缺少所需内容",
        ),
        (
            {A: OTHER, B: OTHER, C: OTHER},
            "No server can run this; gpu-1, gpu-2 and gpu-3 lack the model sd15.safetensors",
            "没有服务器能运行此工作流；gpu-1、gpu-2 和 gpu-3 缺少模型 sd15.safetensors",
        ),
        (
            {A: HAS, B: OTHER, C: nodes()},
            "Runs on gpu-1; gpu-2 and gpu-3 lack the model sd15.safetensors",
            "可在 gpu-1 上运行；gpu-2 和 gpu-3 缺少模型 sd15.safetensors",
        ),
        (
            {A: BARE},
            "Not known to run anywhere; gpu-1 lacks the node Draw",
            "尚不知道能在哪里运行；gpu-1 缺少节点 Draw",
        ),
    ],
)
async def test_line_says_where_it_runs_and_what_others_lack(
    catalogues: dict[ServerId, Catalogue], words: str, chinese: str
) -> None:
    view = await StandingsRig(catalogues).draw()
    assert line(view) == words
    assert line(view, "zh-CN") == chinese


async def test_large_fleet_is_counted() -> None:
    many = tuple(ServerId(f"gpu-{number}") for number in range(40))
    view = await StandingsRig(dict.fromkeys(many, HAS), names=many).draw()
    assert line(view) == "Runs on all 40 servers"
    view = await StandingsRig({**dict.fromkeys(many, HAS), many[7]: BARE}, names=many).draw()
    assert line(view) == "Runs on gpu-0, gpu-1 and 37 more; gpu-7 lacks the node Draw"


async def test_line_of_a_bound_window_names_its_server_first() -> None:
    rig = StandingsRig({A: HAS, B: HAS, C: BARE})
    rig.session.window = window(task("a", "gpu-2"))
    view = await rig.draw()
    assert line(view) == "This window is on gpu-2; gpu-1 can run it too; gpu-3 lacks the node Draw"


@pytest.mark.parametrize(
    ("servers", "text"),
    [
        (("gpu-3", "gpu-2"), "This window is on gpu-2 and gpu-3; gpu-1 can run it too"),
        (("gpu-3", "gpu-1", "gpu-2"), "This window is on gpu-1, gpu-2 and gpu-3"),
    ],
)
async def test_line_names_every_server_that_runs_are_spread_over(servers: tuple[str, ...], text: str) -> None:
    rig = StandingsRig({A: HAS, B: HAS, C: HAS})
    rig.session.window, *others = (window(task(name, name)) for name in servers)
    rig.session.others = tuple(others)
    assert line(await rig.draw()) == text


async def test_nothing_is_shown_while_nothing_is_known() -> None:
    view = await StandingsRig({}).draw()
    assert view.standing is None
    assert markup(view) == ""
    assert view.run.blocker is None


async def test_only_choices_files_and_catalogues_are_checked() -> None:
    rig = StandingsRig({A: HAS, B: HAS, C: HAS})
    await rig.draw()
    assert rig.checks == 1
    for text in ("c", "ca", "cal"):
        rig.type(("2", "text"), text)
        await rig.draw()
    assert rig.checks == 1
    rig.type(CKPT, "other.safetensors")
    assert line(await rig.draw()).startswith("No server can run this")
    assert rig.checks == 2
    rig.session.fleet = Fleet(
        tuple(replace(item, catalogue=f"{item.server_id}-2") for item in rig.session.fleet.servers), "file"
    )
    rig.session.catalogues = {A: nodes("other.safetensors"), B: HAS, C: HAS}
    assert line(await rig.draw()) == "Runs on gpu-1; gpu-2 and gpu-3 lack the model other.safetensors"
    assert rig.checks == 3
    rig.draft = rig.draft.with_picture(("3", "image"), None)
    assert line(await rig.draw()) == "Runs on gpu-1; gpu-2 and gpu-3 lack the model other.safetensors"
    assert rig.checks == 4


async def test_large_form_is_checked_once_it_is_whole() -> None:
    rig = StandingsRig({A: HAS, B: HAS, C: HAS})
    whole = rig.context.workflows[0]
    rig.context.workflows = (replace(whole, is_whole=False),)
    await rig.draw()
    assert rig.checks == 0
    rig.context.workflows = (whole,)
    assert line(await rig.draw()) == "Runs on gpu-1, gpu-2 and gpu-3"
    assert rig.checks == 1


@pytest.mark.parametrize(
    ("language", "fault", "put"),
    [
        ("en", "No server has the picture “mine.png”. Put the picture in again.", "Put the picture in again"),
        ("zh-CN", "没有服务器上有图片“mine.png”。 请重新放入这张图片。", "请重新放入图片"),
    ],
)
async def test_field_asks_for_picture_that_no_server_has(language: str, fault: str, put: str) -> None:
    rig = StandingsRig({A: HAS, B: BARE, C: HAS})
    rig.draft = Draft()
    view = await rig.draw()
    _ = ENGLISH if language == "en" else translator(language)
    assert line(view) == "Runs on gpu-1 and gpu-3; gpu-2 lacks the node Draw"
    assert (view.run.blocker, word_blocker(Blocker.PICTURE_GONE, _)) == (Blocker.PICTURE_GONE, put)
    (shown,) = (item for item in (*view.form.fields, *view.nodes.fields) if item.field.key == ("3", "image"))
    assert shown.fault is not None
    words = word_error(shown.fault, _)
    assert f"{words.title} {words.advice}" == fault


async def test_picture_on_one_server_is_missing_on_others() -> None:
    other = {"Read": {"input": {"required": {"image": [["mine.png"], {"image_upload": True}]}}}}
    rig = StandingsRig({A: HAS, B: Catalogue.parse({**HAS.entries, **other})}, names=(A, B))
    rig.draft = Draft()
    view = await rig.draw()
    assert line(view) == "Runs on gpu-2; gpu-1 lacks “mine.png”"
    assert view.run.blocker is None


async def test_missing_file_is_polled() -> None:
    rig = StandingsRig({A: HAS}, names=(A,))
    rig.draft = Draft()
    paused = asyncio.Event()

    async def pause() -> None:
        other = {"Read": {"input": {"required": {"image": [["mine.png"], {"image_upload": True}]}}}}
        rig.session.catalogues = {A: Catalogue.parse({**HAS.entries, **other})}
        paused.set()

    rig.standings = Standings(rig.session, rig.context, rig.screen, pause)
    assert line(await rig.draw()) == "Runs on gpu-1"
    assert paused.is_set() and rig.checks == 2


async def test_outdated_answer_changes_nothing() -> None:
    rig = StandingsRig({A: HAS, B: HAS, C: HAS})
    rig.standings.refresh()
    rig.type(CKPT, "other.safetensors")
    rig.standings.refresh()
    late, now = rig.held.begun
    await now
    before = rig.ui
    await late
    assert rig.ui is before


async def test_similar_value_is_used_with_one_click_and_undone() -> None:
    rig = StandingsRig({A: OTHER, B: OTHER, C: OTHER})
    rig.context.workflows = (opened(OTHER),)
    view = await rig.draw()
    button = element(markup(view), data_action="use-near")
    assert button.text == "Use “xl/SD15.safetensors”"
    facts = {name[5:]: str(value) for name, value in button.attributes.items() if name.startswith("data-")}
    ActionTable(rig.context, rig.standings).act("use-near", facts)
    assert rig.draft.values[CKPT] == "xl/SD15.safetensors"
    assert rig.screen.changes == [{"texts": [{"node": "1", "name": "ckpt_name", "text": "xl/SD15.safetensors"}]}]
    view = await rig.draw()
    assert line(view) == "Runs on gpu-1, gpu-2 and gpu-3"
    assert view.run.blocker is None
    assert rig.draft.undo().values == {}


async def test_servers_with_one_model_in_two_spellings_lack_the_same() -> None:
    windows = nodes("xl\\SD15.safetensors")
    rig = StandingsRig({A: OTHER, B: windows, C: OTHER})
    rig.context.workflows = (opened(windows),)
    view = await rig.draw()
    assert line(view) == "No server can run this; gpu-1, gpu-2 and gpu-3 lack the model sd15.safetensors"
    button = element(markup(view), data_action="use-near")
    assert button.text == "Use “xl\\SD15.safetensors”", "as in the form"
    rig.standings.use_near("1", "ckpt_name", str(button["data-text"]))
    assert line(await rig.draw()) == "Runs on gpu-1, gpu-2 and gpu-3"


async def test_workflow_that_no_server_can_run_blocks_run() -> None:
    view = await StandingsRig({A: BARE, B: BARE, C: BARE}).draw()
    assert view.run.blocker is Blocker.UNABLE
    view = await StandingsRig({A: BARE, B: BARE}).draw()  # the third server may be able to
    assert view.run.blocker is None


async def test_moored_server_that_cannot_run_it_offers_another_window() -> None:
    rig = StandingsRig({A: BARE, B: HAS, C: HAS})
    rig.session.window = window(task("a", A))
    view = await rig.draw()
    assert line(view) == "Runs on gpu-2 and gpu-3; gpu-1, which this window uses, lacks the node Draw"
    assert view.run.blocker is Blocker.MOORED_UNABLE
    assert "Open another window" in markup(view)
    rig.session.window = window(task("a", B))
    assert rig.view.run.blocker is None
    assert "Open another window" not in markup(rig.view)


async def test_servers_that_are_down_are_not_named() -> None:
    rig = StandingsRig({A: HAS, B: HAS, C: HAS})
    first, *others = rig.session.fleet.servers
    rig.session.fleet = Fleet((replace(first, health=Health.DOWN), *others), "file")
    assert line(await rig.draw()) == "Runs on gpu-2 and gpu-3"


async def test_equal_lacks_are_listed_once() -> None:
    both = nodes(without="Draw")
    rig = StandingsRig({A: HAS, B: both, C: both, D: nodes(without="Read")}, names=(A, B, C, D))
    text = markup(await rig.draw())
    assert len(elements(text, data_testid="lacking")) == 2
    assert text.count("The node “Draw” is not installed.") == 1
    assert "The model “sd15.safetensors” is not in its folder “checkpoints”." in text
    assert "First · Checkpoint name" in text


async def test_values_of_a_file_are_never_markup() -> None:
    rig = StandingsRig({A: HAS, B: HAS, C: HAS})
    rig.type(CKPT, "<b>x</b>.safetensors")
    assert not elements(markup(await rig.draw()), "b")


async def test_catalogues_are_reloaded_on_request_and_errors_shown() -> None:
    rig = StandingsRig({A: HAS, B: HAS, C: HAS})
    await rig.draw()
    rig.standings.reload_catalogues()
    rig.standings.reload_catalogues()
    await rig.held.begun.pop(0)
    rig.session.refusal = ConfigError("gone")
    await rig.held.begun.pop(0)
    assert [call for call in rig.session.calls if call == ("refresh_catalogues",)] == [("refresh_catalogues",)] * 2
    assert rig.ui.errors
    assert not rig.ui.of(FormState).known.is_looking
