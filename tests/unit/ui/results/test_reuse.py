"""Reusing a result: its settings in a form of the same shape or in a new workflow, or itself as an input."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from app.core.errors import BadInput, TaskNotFound
from app.core.model import Delivery, InputFile, NodeId, PromptId, ServerId, Task, Template
from app.core.ports.blobs import Blob
from app.session import Picked
from app.ui.form.actions import FormActions
from app.ui.form.catalogues import FormCatalogues
from app.ui.form.open_workflow import find_open
from app.ui.form.state import Draft, FormState, Picture
from app.ui.kit.actions import ActionTable
from app.ui.library.library import Library
from app.ui.library.opening import Opener
from app.ui.results.album_html import ask_workflow
from app.ui.results.reuse import Reuse, settings_of
from app.ui.results.state import InputDialog, PictureDialog
from app.workflows.forms.kinds import SeedMode
from tests.kit.page.elements import element, elements
from tests.kit.page.rig import Rig
from tests.kit.page.stills import (
    ENGLISH,
    Bytes,
    StillSession,
    ended,
    fleet,
    output,
    server,
    window,
    workflows,
)
from tests.kit.page.trouble import page
from tests.kit.page.views import markup
from tests.unit.ui.library.test_opening import CATALOGUE, api, graph
from tests.unit.ui.page.test_actions import SEED

TEXT = find_open(workflows(), "text")
assert TEXT is not None


class ReuseRig(Rig):
    """The actions, with a real opener."""

    def __init__(self, *own: Task) -> None:
        known = fleet(server("gpu-1", catalogue="a"))
        catalogued = {ServerId("gpu-1"): CATALOGUE}
        super().__init__(session=StillSession(fleet=known, window=window(*own), catalogues=catalogued))
        self.kept: dict[str, Blob] = {}
        self.taken: list[tuple[Blob, str]] = []
        self.recovered = 0
        library = Library(self.documents, self.session.files, lambda: 1.0, lambda: None)
        catalogues = FormCatalogues(self.session, self.context)
        opener = Opener(self.context, library, catalogues, self.screen, lambda _opened: None)
        self.opener = opener
        self.reuse = Reuse(
            self.session,
            self.context,
            self.screen,
            opener,
            self.read_input,
            take_files=self.taken.extend,
            recover=self.recover,
        )
        self.table.add(self.reuse)

    async def read_input(self, sha256: str) -> Blob | None:
        return self.kept.get(sha256)

    async def recover(self) -> None:
        self.recovered += 1

    async def use(self, action: str, task: Task, **facts: str) -> None:
        """Perform an action on the first result of the task, which is shown large."""
        self.ui = replace(self.ui, dialog=PictureDialog(task.prompt_id, 0))
        await self.act(action, promptId=task.prompt_id, **facts)
        self.opener.refresh()
        await self.done()


def run_of(changes: dict[tuple[str, str], Any], **more: Any) -> Task:
    """A task of the shipped workflow for texts."""
    assert TEXT is not None
    return ended("t", output(), title=TEXT.title, workflow=TEXT.workflow.with_values(changes).text, **more)


def text_key() -> tuple[str, str]:
    assert TEXT is not None
    return next(key for key, item in TEXT.form.by_key.items() if isinstance(item.value, str) and key[1] == "text")


async def test_settings_fill_the_form_as_one_step_to_undo() -> None:
    task = run_of({text_key(): "dunes at night"})
    rig = ReuseRig(task)
    await rig.use("use-settings", task)
    assert rig.ui.of(FormState).workflow_id == "text"
    assert rig.draft.values[text_key()] == "dunes at night"
    assert rig.draft.undo().values == {}
    assert rig.ui.dialog is None
    assert {"reveal": "form"} in rig.screen.changes
    texts = next(change["texts"] for change in rig.screen.changes if "texts" in change)
    assert {"node": text_key()[0], "name": "text", "text": "dunes at night"} in texts  # type: ignore[operator]


async def test_settings_give_the_template_of_a_drawn_prompt_back() -> None:
    made = (Template(NodeId(text_key()[0]), "text", "dunes at {night|noon}"),)
    task = run_of({text_key(): "dunes at noon"}, templates=made)
    rig = ReuseRig(task)
    await rig.use("use-settings", task)
    assert rig.draft.values[text_key()] == "dunes at {night|noon}"


async def test_settings_of_another_workflow_give_the_template_back() -> None:
    made = (Template(NodeId("2"), "filename_prefix", "{x|y}"),)
    task = ended("t", output(), title="Boat", workflow=json.dumps(api()), templates=made)
    rig = ReuseRig(task)
    await rig.use("use-settings", task)
    assert rig.draft.values == {("2", "filename_prefix"): "{x|y}"}


def test_reused_seed_is_fixed() -> None:
    slow = find_open(workflows(), "slow")
    assert slow is not None
    values, modes = settings_of(slow.form, ended("s", output(), workflow=slow.workflow.text))
    seeds = [key for key in values if "seed" in key[1]]
    assert [modes[key] for key in seeds] == [SeedMode.FIXED]


async def test_kept_files_are_awaited_in_their_fields() -> None:
    enlarge = workflows()[0]
    key = enlarge.uploads[0].key
    used = InputFile(node_id=NodeId(key[0]), input_name=key[1], name="x", sha256="abc", original_name="boat.png")
    task = ended("e", output(), workflow=enlarge.workflow.text, inputs=(used,))
    rig = ReuseRig(task)
    url = rig.screen.object_url(Bytes(b"other"))
    other = Draft().with_picture(key, Picture(Picked(Bytes(b"other"), "other.png"), url))
    rig.ui = rig.ui.with_slices(rig.ui.of(FormState).with_draft(other, "enlarge"))
    await rig.use("use-settings", task)
    draft = rig.ui.of(FormState).drafts["enlarge"]
    assert rig.screen.urls == {}, "the replaced picture is freed"
    assert (draft.awaited, draft.kept) == ({key: "boat.png"}, {key: "abc"})
    assert key not in draft.values
    assert rig.recovered == 1


async def test_unknown_workflow_is_opened_as_its_own() -> None:
    task = ended("o", output(), title="Night", workflow=json.dumps(api(33)))
    rig = ReuseRig(task)
    await rig.use("use-settings", task)
    opened = find_open(rig.context.workflows, rig.ui.of(FormState).workflow_id)
    assert opened is not None
    assert (opened.title, opened.form.by_key["1", "width"].text, opened.editor) == ("Night", "33", None)


@pytest.mark.parametrize("is_kept", [True, False])
async def test_editors_file_is_opened_if_it_is_kept(is_kept: bool) -> None:
    task = ended("o", output(), title="Night", workflow=json.dumps(api(16)), editor_sha256="e")
    rig = ReuseRig(task)
    rig.kept = {"e": Bytes(json.dumps(graph()).encode())} if is_kept else {}
    await rig.use("use-settings", task)
    opened = find_open(rig.context.workflows, rig.ui.of(FormState).workflow_id)
    assert opened is not None
    assert (opened.editor is not None) is is_kept
    assert opened.form.by_key["1", "width"].text == "16"


async def test_task_without_window_is_read_from_the_store() -> None:
    task = run_of({text_key(): "long ago"})
    rig = ReuseRig()
    await rig.use("use-settings", task)
    assert isinstance(rig.error, TaskNotFound)
    rig.session.past.tasks = {task.prompt_id: task}
    await rig.use("use-settings", task)
    assert rig.draft.values[text_key()] == "long ago"


async def test_result_becomes_input_from_here_or_its_server() -> None:
    task = ended("a", output("boat.png", delivery=Delivery.KEPT))
    rig = ReuseRig(task)
    rig.session.results.kept[task.prompt_id, 0] = here = Bytes(b"here")
    await rig.use("use-as-input", task, index="0")
    assert rig.taken == [(here, "boat.png")]
    rig.session.results.kept.clear()
    rig.session.results.served[task.prompt_id, 0] = there = Bytes(b"there")
    await rig.use("use-as-input", task, index="0")
    assert rig.taken[-1] == (there, "boat.png")
    rig.session.results.served.clear()
    await rig.use("use-as-input", task, index="0")
    assert isinstance(rig.error, BadInput)
    assert len(rig.taken) == 2
    assert rig.ui.dialog == PictureDialog(PromptId(task.prompt_id), 0), "it stays open and shows the error"


async def test_workflow_without_picture_input_is_replaced_by_a_chosen_one() -> None:
    task = ended("a", output("boat.png", delivery=Delivery.KEPT))
    rig = ReuseRig(task)
    rig.session.results.kept[task.prompt_id, 0] = here = Bytes(b"here")
    rig.opener.choose("text")
    await rig.use("use-as-input", task, index="0")
    asked = rig.ui.dialog
    assert isinstance(asked, InputDialog)
    assert {workflow_id for workflow_id, _title in asked.workflows} == {"enlarge", "blend"}
    question = str(ask_workflow(asked, ENGLISH))
    assert [item["data-workflow-id"] for item in elements(question, data_testid="use-in")] == ["enlarge", "blend"]
    assert rig.taken == [], "nothing is put anywhere before the answer"
    await rig.use("use-in", task, workflowId="blend", index="0")
    assert rig.taken == [(here, "boat.png")]
    assert rig.ui.of(FormState).workflow_id == "blend"


async def test_form_says_whose_settings_it_has_and_that_the_seed_is_fixed() -> None:
    task = ended("a", output(), workflow=TEXT.form.workflow.text)
    rig = ReuseRig(task)
    await rig.use("use-settings", task)

    def shown() -> str:
        return markup(page(rig.session, rig.ui), "form")

    mark = element(shown(), data_testid="taken")
    assert mark.text.endswith(
        "are in this form. Its seed is fixed: without a change, Run makes the same again. New seed for each run"
    )
    form = FormActions(rig.context, lambda limit: limit)
    ActionTable(rig.context, form).act("new-seeds", {})
    assert rig.draft.modes[SEED] is SeedMode.RANDOM
    assert element(shown(), data_testid="taken").text.endswith("are in this form.")
    ActionTable(rig.context, form).act("dismiss-taken", {})
    assert not elements(shown(), data_testid="taken")


async def test_form_that_is_changed_says_no_more_whose_settings_it_had() -> None:
    task = ended("a", output(), workflow=TEXT.form.workflow.text)
    rig = ReuseRig(task)
    await rig.use("use-settings", task)
    form = FormActions(rig.context, lambda limit: limit)
    key = next(key for key in rig.draft.values if key != SEED)
    before = rig.draft.values[key]
    ActionTable(rig.context, form).act("field", {"node": key[0], "name": key[1], "value": before + ", at night"})
    assert rig.draft.values[key] != before
    assert not elements(markup(page(rig.session, rig.ui), "form"), data_testid="taken")
    ActionTable(rig.context, form).act("field", {"node": key[0], "name": key[1], "value": before})
    assert elements(markup(page(rig.session, rig.ui), "form"), data_testid="taken")
