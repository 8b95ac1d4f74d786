"""Following a link: the workflow is chosen, its form filled in, and nothing else; a result is shown to its owner."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from app.core.errors import BadInput
from app.core.model import PromptId, ServerId, TaskState
from app.core.saved import PublishedFile
from app.session import Picked
from app.ui.form import drafts
from app.ui.form.catalogues import FormCatalogues
from app.ui.form.form_html import form as form_markup
from app.ui.form.open_workflow import find_open
from app.ui.form.projection import field_view, form_view
from app.ui.form.state import FormState, Picture
from app.ui.library.library import PUBLISHED_MARK, Library, is_file
from app.ui.library.listing import published_paths, stock_of
from app.ui.library.opening import Opener
from app.ui.library.state import LibraryDialog
from app.ui.links.actions import LinkActions
from app.ui.links.share_html import share
from app.ui.links.sharing import ShareDialog, share_view
from app.ui.results.state import PictureDialog
from app.workflows.catalogue import Catalogue
from app.workflows.forms.kinds import SeedMode
from app.workflows.library import WorkflowOrigin
from app.workflows.links import LeftOutReason, ResultLink, write_link
from app.workflows.reading import read_source
from tests.kit.page.rig import Rig
from tests.kit.page.stills import (
    Bytes,
    MemoryFiles,
    StillSession,
    ended,
    fleet,
    output,
    server,
    task,
    translator,
    window,
)

CATALOGUE = Catalogue.parse(
    {
        "Sampler": {
            "input": {
                "required": {
                    "seed": ["INT", {"default": 1, "min": 0, "max": 1000, "control_after_generate": True}],
                    "steps": ["INT", {"default": 20, "min": 1, "max": 100}],
                    "text": ["STRING", {"multiline": True, "default": ""}],
                    "way": [
                        "COMFY_DYNAMICCOMBO_V3",
                        {
                            "options": [
                                {"key": "plain", "inputs": {}},
                                {"key": "more", "inputs": {"required": {"power": ["INT", {"default": 1, "max": 9}]}}},
                            ]
                        },
                    ],
                }
            },
            "output": ["IMAGE"],
            "output_name": ["IMAGE"],
        },
        "SaveImage": {"input": {"required": {"images": ["IMAGE"], "filename_prefix": ["STRING", {}]}}, "output": []},
        "LoadImage": {
            "input": {"required": {"image": [["a.png"], {"image_upload": True}]}},
            "output": ["IMAGE"],
            "output_name": ["IMAGE"],
        },
        "Partner": {"input": {"required": {"count": ["INT", {"default": 1}]}}, "output": [], "api_node": True},
    }
)
STUDIO = f"{PUBLISHED_MARK}team/studio.json"
WORKFLOW = {
    "1": {"class_type": "Sampler", "inputs": {"seed": 1, "steps": 20, "text": "", "way": "plain"}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
    "3": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
    "4": {"class_type": "Partner", "inputs": {"count": 1}},
}

MINE = json.dumps(WORKFLOW).encode()


class LinksRig(Rig):
    """The page's opener, its library and its links; `draw` is one redraw."""

    def __init__(self, **facts: Any) -> None:
        known = fleet(server("gpu-1", catalogue=facts.pop("catalogue", "a")))
        known = replace(known, workflows="list-1")
        super().__init__(session=StillSession(fleet=known, catalogues={ServerId("gpu-1"): CATALOGUE}, **facts))
        self.files = MemoryFiles()
        for path in ("team/studio.json", "other.png"):
            self.files.published_files[path] = PublishedFile(path, "t1"), json.dumps(WORKFLOW).encode()
        self.library = Library(self.documents, self.files, lambda: 1.0, lambda: None)
        self.catalogues = FormCatalogues(self.session, self.context)
        self.opener = Opener(self.context, self.library, self.catalogues, self.screen, lambda _opened: None)
        self.links = LinkActions(self.session, self.context, self.screen, self.library, self.opener)
        self.table.add(self.links)

    async def draw(self) -> None:
        for _ in range(4):
            if self.session.fleet.source:
                await self.library.refresh_published(self.session.fleet.workflows)
            self.catalogues.refresh()
            self.opener.refresh()
            self.links.refresh()
            await self.done()

    async def follow(self, link: str) -> None:
        self.links.follow(link)
        await self.draw()

    @property
    def asked(self) -> list[str]:
        """Return what the session was asked for besides catalogues."""
        return [call[0] for call in self.session.calls if call[0] != "catalogue"]

    @property
    def form(self) -> FormState:
        return self.ui.of(FormState)

    @property
    def values(self) -> dict[tuple[str, str], str]:
        return dict(self.draft.values)

    @property
    def refused(self) -> list[tuple[str, LeftOutReason]]:
        assert self.form.link is not None
        return [(item.name, item.reason) for item in self.form.link.refused]

    @property
    def error(self) -> BadInput:
        error = super().error
        assert isinstance(error, BadInput)
        return error

    def form_markup(self) -> str:
        chosen = find_open(self.context.workflows, self.form.workflow_id)
        stock = stock_of(self.context.workflows, self.library, self.session.fleet)
        return str(form_markup(form_view(stock, chosen, self.form, None), translator("en")))


async def test_link_chooses_a_published_workflow_and_fills_in_its_form() -> None:
    rig = LinksRig()
    await rig.follow("workflow=team/studio&1.text=a%20boat%0Aat%20dusk&Steps=30&1.seed=5")
    assert rig.form.workflow_id == STUDIO
    assert rig.values == {("1", "text"): "a boat\nat dusk", ("1", "steps"): "30", ("1", "seed"): "5"}
    assert rig.draft.modes == {("1", "seed"): SeedMode.FIXED}
    assert rig.refused == []
    assert rig.screen.changes[-1]["texts"]
    assert rig.asked == [], "nothing was run"


async def test_link_to_a_workflow_alone_changes_no_value() -> None:
    rig = LinksRig()
    await rig.follow("workflow=team/studio.json")
    assert (rig.form.workflow_id, rig.values, rig.form.link) == (STUDIO, {}, None)
    await rig.follow("workflow=text")
    assert rig.form.workflow_id == "text", "one that comes with Mooring"


@pytest.mark.parametrize(
    "name",
    [
        "nothing",
        "../team/studio",
        "team%2F..%2Fteam%2Fstudio",
        "/team/studio",
        f"{PUBLISHED_MARK}team/studio.json",
        "%3Cb%3E",
        "__proto__",
    ],
)
async def test_unknown_workflow_is_named_and_changes_nothing(name: str) -> None:
    rig = LinksRig()
    await rig.follow(f"workflow={name}&1.steps=3")
    assert rig.error.cause == "link-unknown"
    assert (rig.form.workflow_id, rig.form.drafts, rig.form.link) == ("enlarge", {}, None)


async def test_own_workflow_of_the_library_is_not_opened_by_a_link() -> None:
    rig = LinksRig()
    await rig.library.add(*await rig.library.made(read_source(MINE, "mine.json"), WorkflowOrigin.FILE))
    await rig.follow(f"workflow={rig.library.items[0].item_id}")
    assert rig.error.cause == "link-unknown"


async def test_invalid_link_is_an_error_and_changes_nothing() -> None:
    rig = LinksRig()
    for link, cause in (
        ("workflow=", "bad-link"),
        ("workflow=x&a=" + "b" * 20_000, "link-too-long"),
        ("open=x&json=a", "bad-link"),
        ("open=x&json=" + "a" * 200_000, "link-too-large"),
        (opening("x", "no workflow"), "unknown-file"),
        (opening("x", '{"a": 1}'), "no-workflow"),
        (opening("x", "[" * 200 + "{}" + "]" * 200), "no-workflow"),
        (opening("x", '{"a":' * 200 + "1" + "}" * 200), "too-deep"),
    ):
        await rig.follow(link)
        assert rig.error.cause == cause, link[:40]
    assert (rig.form.workflow_id, rig.form.drafts, rig.form.link) == ("enlarge", {}, None)
    assert rig.library.items == ()


def opening(title: str, text: str) -> str:
    """Return a link with a whole workflow."""
    return f"open={title}&json={base64.urlsafe_b64encode(text.encode()).decode().rstrip('=')}"


def sampler(**values: Any) -> str:
    """Return a workflow like the published one, with these values of its sampler."""
    return json.dumps(WORKFLOW | {"1": {"class_type": "Sampler", "inputs": {**WORKFLOW["1"]["inputs"], **values}}})


async def test_whole_workflow_of_a_link_is_opened_and_marked() -> None:
    rig = LinksRig()
    await rig.follow(opening("Blue%20hour", sampler(text="dusk")))
    (item,) = rig.library.items
    assert (rig.form.workflow_id, item.title, item.origin) == (item.item_id, "Blue hour", WorkflowOrigin.LINK)
    assert "are from a link" in rig.form_markup()
    assert "dusk" in rig.form_markup()
    assert rig.asked == [], "nothing was run"
    rig.table.act("dismiss-link", {})
    assert "are from a link" not in rig.form_markup()


async def test_undo_of_a_whole_workflow_leaves_everything_as_it_was() -> None:
    rig = LinksRig()
    await rig.follow(opening("Blue%20hour", sampler(text="dusk")))
    rig.table.act("undo-link", {})
    await rig.draw()
    assert (rig.form.workflow_id, rig.form.link, rig.library.items) == ("enlarge", None, ())


async def test_whole_workflow_that_has_run_stays_after_undo() -> None:
    rig = LinksRig()
    await rig.follow(opening("Blue%20hour", sampler(text="dusk")))
    await rig.opener.note_used(rig.form.workflow_id, PromptId("p"))
    rig.table.act("undo-link", {})
    await rig.draw()
    assert rig.form.workflow_id == "enlarge"
    assert len(rig.library.items) == 1


async def test_next_link_with_the_workflow_is_its_next_version_with_its_own_values() -> None:
    rig = LinksRig()
    await rig.follow(opening("Blue%20hour", sampler(text="dusk")))
    first = rig.form.workflow_id
    rig.draft = rig.draft.with_value(("1", "text"), "mine")
    await rig.follow(opening("Blue%20hour", sampler(text="dawn")))
    assert (rig.form.workflow_id, rig.values, len(rig.library.items)) == (first, {}, 1)
    assert "dawn" in rig.form_markup()
    assert {"node": "1", "name": "text", "text": "dawn"} in rig.screen.changes[-1]["texts"]
    rig.table.act("undo-link", {})
    await rig.draw()
    assert rig.values == {("1", "text"): "mine"}
    rig.draft = rig.draft.undo()
    opened = find_open(rig.context.workflows, first)
    assert opened is not None
    assert opened.form.by_key["1", "text"].text == "dusk", "the earlier content is current again"


async def test_link_is_never_a_version_of_a_file_of_the_users_own() -> None:
    rig = LinksRig()
    await rig.library.add(*await rig.library.made(read_source(MINE, "mine.json"), WorkflowOrigin.FILE))
    await rig.follow(opening("mine", sampler(text="theirs")))
    assert len(rig.library.items) == 2
    assert all(not item.versions for item in rig.library.items)


async def test_what_does_not_fit_is_named_and_the_rest_is_filled_in() -> None:
    rig = LinksRig()
    await rig.follow(
        "workflow=team/studio&1.text=a&3.image=..%2F..%2Fetc%2Fpasswd&4.count=99&1.steps=1000&nothing=1&bad=%FF"
        "&%3Cimg%20src=x%20onerror=alert(1)%3E=1"
    )
    assert rig.values == {("1", "text"): "a"}
    assert [reason for _, reason in rig.refused] == [
        LeftOutReason.UNREADABLE,
        LeftOutReason.FILE,
        LeftOutReason.CREDITS,
        LeftOutReason.INVALID,
        LeftOutReason.UNKNOWN,
        LeftOutReason.UNKNOWN,
    ]
    assert "<img" not in rig.form_markup()
    assert "a link cannot choose a file" in rig.form_markup()


async def test_values_are_marked_as_those_of_a_link_until_they_change() -> None:
    rig = LinksRig()
    await rig.follow("workflow=team/studio&1.steps=30&2.filename_prefix=..%2F..%2Fx")
    assert rig.form_markup().count('data-testid="from-link"') == 2
    linked = rig.form_markup().partition('data-testid="linked"')[2]
    assert "Steps" in linked and "Filename prefix" in linked
    opened = find_open(rig.context.workflows, STUDIO)
    assert opened is not None
    steps = opened.form.by_key["1", "steps"]
    assert field_view(steps, rig.draft).is_linked
    assert not field_view(steps, rig.draft.with_value(steps.key, "31")).is_linked
    reloaded = drafts.load(drafts.dump(rig.form), rig.context.workflows, is_file)
    assert field_view(steps, reloaded.drafts[STUDIO]).is_linked, "a reload keeps the mark"
    rig.table.act("dismiss-link", {})
    assert not field_view(steps, rig.draft).is_linked
    assert rig.form.link is None
    assert rig.values[steps.key] == "30"


async def type_into(rig: LinksRig, **texts: str) -> None:
    rig.opener.choose(STUDIO)
    await rig.draw()
    draft = rig.draft
    for name, text in texts.items():
        draft = draft.with_value(("1", name), text)
    picture = Picture(Picked(Bytes(b"picture"), "mine.png"), "blob:1")
    rig.draft = draft.with_picture(("3", "image"), picture)


async def test_link_over_a_changed_form_is_one_step_to_undo_and_loses_nothing() -> None:
    rig = LinksRig()
    await type_into(rig, text="my own words", steps="40")
    before = rig.draft
    rig.opener.choose("text")
    await rig.follow("workflow=team/studio&1.text=theirs&1.seed=9")
    assert rig.values == {("1", "text"): "theirs", ("1", "steps"): "40", ("1", "seed"): "9"}
    assert rig.draft.pictures == before.pictures
    undone = rig.draft.undo()
    assert (undone.values, undone.pictures, undone.modes) == (before.values, before.pictures, before.modes)
    assert rig.draft.undo().redo().values == rig.draft.values


async def test_undo_of_a_link_restores_only_what_still_is_the_links() -> None:
    rig = LinksRig()
    await type_into(rig, text="my own words")
    await rig.follow("workflow=team/studio&1.text=theirs&1.steps=30&1.seed=9")
    rig.draft = rig.draft.with_value(("1", "steps"), "50")
    rig.table.act("undo-link", {})
    assert rig.values == {("1", "text"): "my own words", ("1", "steps"): "50"}
    assert rig.form.link is None
    assert rig.draft.undo().values[("1", "text")] == "theirs", "this can be undone, too"


async def test_link_waits_until_no_dialog_is_open() -> None:
    rig = LinksRig()
    rig.context.set_ui(rig.ui.with_dialog(LibraryDialog(query="mine")))
    await rig.follow("workflow=team/studio&1.steps=30")
    assert rig.ui.dialog == LibraryDialog(query="mine")
    assert rig.form.workflow_id == "enlarge"
    rig.context.set_ui(replace(rig.ui, dialog=None))
    await rig.draw()
    assert (rig.form.workflow_id, rig.values) == (STUDIO, {("1", "steps"): "30"})


async def test_link_waits_for_the_list_of_published_workflows() -> None:
    rig = LinksRig()
    rig.links.follow("workflow=team/studio")
    rig.links.refresh()
    assert (rig.form.workflow_id, rig.ui.errors) == ("enlarge", ())
    await rig.draw()
    assert rig.form.workflow_id == STUDIO


async def test_later_link_replaces_one_that_waits() -> None:
    rig = LinksRig()
    known = rig.session.fleet
    rig.session.fleet = replace(known, source="")
    await rig.follow("workflow=text&1.steps=3")
    await rig.follow("workflow=team/studio&1.steps=31")
    assert rig.form.workflow_id == "enlarge", "the fleet is not known yet"
    rig.session.fleet = known
    await rig.draw()
    assert rig.form.workflow_id == STUDIO
    assert {key: draft.values for key, draft in rig.form.drafts.items() if draft.values} == {
        STUDIO: {("1", "steps"): "31"}
    }


async def test_link_waits_for_the_catalogue_of_a_server() -> None:
    rig = LinksRig(catalogue="")
    await rig.follow("workflow=team/studio&1.steps=30")
    assert rig.form.link is not None and rig.form.link.is_waiting
    assert rig.values == {}
    rig.session.fleet = replace(rig.session.fleet, servers=(server("gpu-1", catalogue="a"),))
    await rig.draw()
    assert rig.values == {("1", "steps"): "30"}


async def test_choice_of_a_link_adds_the_inputs_that_its_other_values_are_for() -> None:
    rig = LinksRig()
    await rig.follow("workflow=team/studio&1.way.power=7&1.way=more")
    assert rig.values == {("1", "way"): "more", ("1", "way.power"): "7"}


async def test_link_leaves_the_binding_and_the_work_of_the_window_alone() -> None:
    busy = window(task("a"))
    rig = LinksRig(window=busy)
    await rig.follow("workflow=team/studio&1.steps=30")
    assert rig.session.window is busy
    assert busy.window_locked_server == "gpu-1"
    assert rig.asked == []


# Results


RUN = task("a").prompt_id


async def test_result_of_this_browser_is_shown() -> None:
    rig = LinksRig(window=window(ended("a", output(), output())))
    await rig.follow(f"result=gpu-1/{RUN}/1")
    assert rig.ui.dialog == PictureDialog(RUN, 1)
    other = LinksRig()
    other.session.past.tasks[RUN] = past = ended("a", output())
    await other.follow(f"result=gpu-1/{RUN}/0")
    assert other.ui.dialog == PictureDialog(RUN, 0, task=past)
    assert other.asked == [], "its server was not asked"


async def test_result_that_only_its_server_knows_is_shown() -> None:
    found = ended("a", output())
    rig = LinksRig(visits={("gpu-1", RUN): found})
    await rig.follow(f"result=gpu-1/{RUN}/0")
    assert rig.ui.dialog == PictureDialog(RUN, 0, task=found)


async def test_result_of_another_user_is_refused_in_words() -> None:
    rig = LinksRig()
    await rig.follow(f"result=gpu-1/{RUN}/0")
    assert (rig.error.cause, rig.error.name, rig.ui.dialog) == ("link-not-yours", "gpu-1", None)


@pytest.mark.parametrize("found", [ended("a", output()), task("a"), ended("a", state=TaskState.FAILED)])
async def test_output_that_a_run_does_not_have_is_an_error(found: Any) -> None:
    rig = LinksRig(window=window(found))
    await rig.follow(f"result=gpu-1/{RUN}/5")
    assert (rig.error.cause, rig.ui.dialog) == ("link-no-output", None)


async def test_result_does_not_replace_a_dialog() -> None:
    rig = LinksRig(window=window(ended("a", output())))
    rig.context.set_ui(rig.ui.with_dialog(LibraryDialog()))
    await rig.follow(f"result=gpu-1/{RUN}/0")
    assert isinstance(rig.ui.dialog, LibraryDialog)


# Sharing


def shared(rig: LinksRig, *, has_values: bool) -> Any:
    chosen = find_open(rig.context.workflows, rig.form.workflow_id)
    assert chosen is not None
    stock = stock_of(rig.context.workflows, rig.library, rig.session.fleet)
    dialog = ShareDialog("https://studio.example/", has_values)
    return share_view(dialog, chosen, rig.draft, published_paths(stock))


async def test_link_is_made_with_or_without_values_and_leads_back() -> None:
    rig = LinksRig()
    await type_into(rig, text="rain & <b>", steps="40", seed="7")
    draft = rig.draft.with_mode(("1", "seed"), SeedMode.RANDOM)
    rig.draft = draft
    rig.table.act("open-share", {})
    assert rig.ui.dialog == ShareDialog("https://studio.example/")
    rig.table.act("share-values", {"checked": True})
    assert rig.ui.dialog == ShareDialog("https://studio.example/", has_values=True)
    bare, full = shared(rig, has_values=False), shared(rig, has_values=True)
    assert bare.link == "https://studio.example/#workflow=team/studio"
    assert (full.values, full.left_out) == (2, 1), "neither the file nor the seed that is drawn"
    assert "rain" in full.link and "mine.png" not in full.link and "seed" not in full.link
    assert "<b>" not in str(share(full, translator("en")))
    other = LinksRig()
    await other.follow(full.link.partition("#")[2])
    assert other.values == {("1", "text"): "rain & <b>", ("1", "steps"): "40"}
    assert other.refused == []


async def test_own_workflow_has_no_link() -> None:
    rig = LinksRig()
    await rig.opener.open_source(read_source(MINE, "mine.json"), WorkflowOrigin.FILE)
    await rig.draw()
    view = shared(rig, has_values=True)
    assert view.link == ""
    assert "share-none" in str(share(view, translator("en")))


def test_link_to_a_result_carries_its_ids_only() -> None:
    sealed = ended("a", output(seal="alice~1~2~3"))
    link = write_link(ResultLink(sealed.server_id, sealed.prompt_id, 0))
    assert link == f"result=gpu-1/{PromptId(RUN)}/0"
