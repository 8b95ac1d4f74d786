"""*Many files*: the question, the runs that it makes, and the panel of those under way."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import replace
from typing import Any

import pytest

from app.core.errors import StorageError
from app.core.file_runs import FileFault, FileInput, FilePlan, FileRun, FileRuns
from app.core.model import BatchId, PromptId
from app.core.ports.files import ChosenFile, FileSet
from app.core.waiting_runs import EVERY, Batch, read_values
from app.session.waiting.file_feed import ROOM
from app.ui.form.open_workflow import open_workflow
from app.ui.form.state import FormState
from app.ui.kit.state import UiState
from app.ui.runs.files import FilesDialog
from app.ui.runs.files_words import word_fault
from app.ui.runs.state import BatchView, RunsState
from app.ui.runs.waiting import cancel_view
from app.workflows.published import parse_published
from tests.kit.page.elements import element, elements
from tests.kit.page.rig import PageRig
from tests.kit.page.stills import Bytes, StillPictures, StillSession, fleet, server, translator
from tests.kit.page.views import markup, project
from tests.unit.ui.runs.test_waiting import waiting

PHOTO = ("1", "image")
BATCH = BatchId("batch")


def chosen(*paths: str, size: int = 10, media_type: str = "image/png") -> FileSet:
    files = tuple(ChosenFile(path, size, 5, media_type) for path in paths)

    async def claim(index: int) -> bool:
        return paths[index] != "taken.png"

    return FileSet(files, lambda index: Bytes(paths[index].encode(), media_type), claim=claim)


def rig(workflow_id: str = "enlarge") -> PageRig:
    return PageRig(workflow_id, session=StillSession(fleet=fleet(server("a", is_demo=True), server("b", is_demo=True))))


def rig_of(*inputs: tuple[str, str, str]) -> PageRig:
    """Return the actions on a form with these inputs: node, name, kind. Prompts are drawn."""
    graph: dict[str, Any] = {}
    for node, name, _ in inputs:
        graph.setdefault(node, {"class_type": f"Node{node}", "inputs": {}})["inputs"][name] = (
            0 if name == "seed" else ""
        )
    fields = [{"node": node, "input": name, "kind": kind, "choices": True} for node, name, kind in inputs]
    form = {"v": 1, "title": "two", "about": "", "fields": fields, "workflow": graph}
    made = rig()
    made.context.workflows = (open_workflow(parse_published("two", json.dumps(form))),)
    made.context.set_ui(UiState().with_slices(FormState(workflow_id="two")))
    return made


def shown(made: PageRig, region: str = "dialogs") -> str:
    view = project(
        made.session, made.context.ui, workflows=made.context.workflows, pictures=StillPictures(), language="en"
    )
    return markup(view, region)


def is_open(made: PageRig) -> bool:
    return isinstance(made.context.ui.dialog, FilesDialog)


def plans(made: PageRig) -> list[FilePlan]:
    return [call[1] for call in made.session.line.files.calls if call[0] == "start"]


# What asks


def test_more_files_than_fields_or_a_folder_are_asked_about() -> None:
    for files, is_asked in (
        (chosen("a.png"), False),
        (chosen("a.png", "b.png"), True),
        (chosen("h/a.png"), True),
        (chosen("a.png", "flow.json", media_type=""), False),
        (chosen("h/a.png", "h/flow.json", media_type=""), True),
        (chosen("a.mp4", "b.mp4", media_type="video/mp4"), False),
    ):
        made = rig()
        assert made.actions.take_many(None, files) is is_asked, files.files
        assert is_open(made) is is_asked


def test_files_to_open_are_no_runs() -> None:
    made = rig()
    assert not made.actions.take_many(None, chosen("a.png", "b.png"), "open")


def test_two_files_for_two_fields_are_put_into_them() -> None:
    made = rig_of(("1", "image", "picture"), ("2", "image", "picture"))
    assert not made.actions.take_many(None, chosen("a.png", "b.png"))
    assert made.actions.take_many(None, chosen("a.png", "b.png", "c.png"))


def test_workflow_without_a_field_for_files_asks_nothing() -> None:
    made = rig("text")
    assert not made.actions.take_many(None, chosen("a.png", "b.png"))
    made.actions.act("open-files", {})
    assert "takes no file" in shown(made)
    assert not elements(shown(made), data_testid="choose-folder")


@pytest.mark.parametrize(
    ("kind", "names", "words"),
    [("video", ("a.mp4", "b.webm"), "2 films"), ("audio", ("a.mp3", "b.flac"), "2 sounds")],
)
async def test_films_and_sounds_are_run_one_by_one_too(kind: str, names: tuple[str, ...], words: str) -> None:
    made = rig_of(("1", "file", kind))
    made.actions.take_many(("1", "file"), chosen(*names, "photo.png", media_type=""))
    text = shown(made)
    assert words in text and "photo.png" in element(text, data_testid="files-left").text
    await made.act("files-add")
    (plan,) = plans(made)
    assert [file.name for file in plan.files] == list(names)


# The question


def test_dialog_tells_what_is_taken_and_why_others_are_not() -> None:
    made = rig()
    made.actions.take_many(PHOTO, chosen("h/a.png", "h/b/a.png", "h/.DS_Store", "h/scan.tiff", "h/c.png", "h/c.png"))
    text = shown(made)
    assert "3 pictures" in text and "30 B" in text and "3 PNG" in text and ">Run 3 on 2 servers<" in text
    assert "h/.DS_Store" in text and "h/scan.tiff" in text and "chosen twice" in text
    assert "disabled" not in element(text, data_action="files-add")


def test_more_files_join_those_of_the_open_dialog() -> None:
    made = rig()
    made.actions.take_many(PHOTO, chosen("a.png", "b.png"))
    made.actions.take_many(None, chosen("c.png"))
    assert "3 pictures" in shown(made)
    made.actions.act("files-clear", {})
    assert "Drop files or a folder" in shown(made)


def test_page_says_when_a_reload_will_need_the_files() -> None:
    made = rig()
    made.actions.take_many(PHOTO, chosen("a.png", "b.png", size=ROOM // 2))
    assert "choose them again" not in shown(made)
    made.actions.take_many(PHOTO, chosen("c.png"))
    assert "choose them again" in shown(made)


def test_several_fields_can_be_chosen_from() -> None:
    made = rig_of(("1", "image", "picture"), ("2", "image", "picture"))
    made.actions.take_many(None, chosen("a.png", "b.png", "c.png"))
    assert [item["value"] for item in elements(shown(made), "option")][:2] == ["1 image", "2 image"]
    made.actions.act("files-field", {"value": "2 image"})
    assert "selected" in element(shown(made), value="2 image")
    assert "disabled" in element(shown(made), data_action="files-add"), "the other picture is missing"


def test_file_names_are_no_markup() -> None:
    made = rig()
    made.actions.take_many(PHOTO, chosen("<img src=x>/a.png", "<img src=x>/<b>.txt", media_type=""))
    assert "<img src=x>" not in shown(made)
    assert "&lt;img" in shown(made)


# The runs


async def test_a_run_is_made_for_each_file_in_order() -> None:
    made = rig()
    made.actions.take_many(PHOTO, chosen("h/10.png", "h/2.png", "h/b/2.png"))
    await made.act("files-add")
    assert not is_open(made)
    (plan,) = plans(made)
    assert [run.label for run in plan.runs] == ["2.png", "10.png", "b/2.png"]
    assert (plan.folder, plan.senders, plan.media) == ("h", EVERY, "picture")
    assert plan.places == (FileInput(*PHOTO),)
    opened = made.session.line.files.calls[0][2]
    assert [opened.open(index).data for index in range(3)] == [b"h/2.png", b"h/10.png", b"h/b/2.png"]


async def test_each_file_is_claimed_from_where_it_came() -> None:
    made = rig()
    made.actions.take_many(PHOTO, chosen("3.png", ".hidden.png", "taken.png"))
    made.actions.take_many(PHOTO, chosen("10.png", "2.png"))
    await made.act("files-add")
    opened = made.session.line.files.calls[0][2]
    assert [(file.path, await opened.claim(index)) for index, file in enumerate(opened.files)] == [
        ("2.png", True), ("3.png", True), ("10.png", True), ("taken.png", False),
    ]  # fmt: skip


async def test_values_that_are_typed_while_runs_are_made_stay() -> None:
    made = rig_of(("1", "image", "picture"), ("2", "text", "text"), ("2", "seed", "seed"))
    made.actions.take_many(("1", "image"), chosen(*(f"{number}.png" for number in range(90))))
    made.actions.act("files-add", {})
    await asyncio.sleep(0)
    assert made.context.ui.of(RunsState).files.is_making
    made.actions.act("field", {"node": "2", "name": "text", "value": "typed"})
    await made.context.done()
    draft = made.context.ui.of(FormState).draft
    assert (len(plans(made)), draft.values["2", "text"]) == (1, "typed")
    assert ("2", "seed") in draft.values


async def test_files_that_are_dropped_while_runs_are_made_are_another_plan() -> None:
    made = rig()
    made.actions.take_many(PHOTO, chosen(*(f"{number}.png" for number in range(90))))
    made.actions.act("files-add", {})
    await asyncio.sleep(0)
    made.actions.take_many(None, chosen("late.png", "later.png"))
    await made.context.done()
    (plan,) = plans(made)
    assert len(plan.files) == 90
    assert is_open(made) and ">Run 2 on 2 servers<" in shown(made)


async def test_prompt_is_drawn_for_each_file_and_its_template_kept() -> None:
    made = rig_of(("1", "image", "picture"), ("2", "text", "text"), ("2", "seed", "seed"))
    chance = random.Random(1)
    made.actions.runs._random_seed = lambda highest: chance.randint(0, highest)
    made.actions.act("field", {"node": "2", "name": "text", "value": "{red|blue}"})
    made.actions.take_many(("1", "image"), chosen(*(f"{number}.png" for number in range(30))))
    await made.act("files-add")
    (plan,) = plans(made)
    assert {read_values(run.values)["2", "text"] for run in plan.runs} == {"red", "blue"}
    assert {item.text for run in plan.runs for item in run.templates} == {"{red|blue}"}


@pytest.mark.parametrize(
    ("cross", "facts", "name", "values"),
    [
        ("seeds", {"start": "7", "count": "3"}, "seed", [7, 8, 9]),
        ("lines", {"text": "a dune\na lake"}, "text", ["a dune", "a lake"]),
    ],
)
async def test_files_are_crossed_with_seeds_and_texts(
    cross: str, facts: dict[str, str], name: str, values: list[object]
) -> None:
    made = rig_of(("1", "image", "picture"), ("2", "text", "text"), ("2", "seed", "seed"))
    made.actions.take_many(PHOTO, chosen("a.png", "b.png"))
    made.actions.act("files-cross", {"value": cross})
    for place, text in facts.items():
        made.actions.act("many", {"place": place, "value": text})
    assert f">Run {2 * len(values)} on 2 servers<" in shown(made)
    await made.act("files-add")
    (plan,) = plans(made)
    assert [read_values(run.values)["2", name] for run in plan.runs] == values * 2


async def test_files_are_crossed_with_the_rows_of_a_table() -> None:
    made = rig()
    made.actions.take_many(PHOTO, chosen("a.png", "b.png"))
    assert element(shown(made), id="files-cross-hint").text == "One run, with the values of the form."
    made.actions.act("files-cross", {"value": "table"})
    assert element(shown(made), id="files-cross-hint").text.startswith("A run for each row")
    made.actions.act("many", {"place": "text", "value": "width\n512\n1024\n2048"})
    assert ">Run 6 on 2 servers<" in shown(made)
    await made.act("files-add")
    (plan,) = plans(made)
    assert [read_values(run.values)["2", "width"] for run in plan.runs] == [512, 1024, 2048] * 2
    assert [run.cell.row for run in plan.runs if run.cell] == [0, 0, 0, 1, 1, 1]


async def test_table_from_a_file_is_what_files_are_crossed_with() -> None:
    made = rig()
    made.actions.take_many(PHOTO, chosen("a.png", "b.png"))
    made.actions.act("files-cross", {"value": "lines"})
    assert element(shown(made), data_testid="many-file")["data-files"] == "plan"
    made.actions.take_files(None, [(Bytes(b"width\n512\n1024\n"), "sizes.csv")], "plan")
    await made.context.done()
    assert "checked" in element(shown(made), id="files-cross-table")
    assert is_open(made) and ">Run 4 on 2 servers<" in shown(made)


async def test_wrong_table_is_explained_and_adds_nothing() -> None:
    made = rig()
    made.actions.take_many(PHOTO, chosen("a.png", "b.png"))
    made.actions.act("files-cross", {"value": "table"})
    assert "disabled" in element(shown(made), data_action="files-add")
    made.actions.act("many", {"place": "text", "value": "width\nwide"})
    assert "files-outcome" in shown(made)
    assert "disabled" in element(shown(made), data_action="files-add")


async def test_too_many_runs_are_refused() -> None:
    made = rig()
    made.actions.take_many(PHOTO, chosen(*(f"{number}.png" for number in range(101))))
    made.actions.act("files-cross", {"value": "table"})
    made.actions.act("many", {"place": "text", "value": "width\n" + "64\n" * 100})
    assert "too many runs: 10100" in shown(made)


async def test_store_that_keeps_nothing_leaves_the_question_open(monkeypatch: pytest.MonkeyPatch) -> None:
    made = rig()

    async def refuse(*_: object, **__: object) -> Batch:
        raise StorageError("keep_input", "quota")

    monkeypatch.setattr(made.actions.runs._many_files, "_new_batch", refuse)
    made.actions.take_many(PHOTO, chosen("a.png", "b.png"))
    await made.act("files-add")
    assert is_open(made) and not plans(made)
    assert ">Run 2 on 2 servers<" in shown(made) and "disabled" not in element(shown(made), data_action="files-add")


# The panel


def work(marks: str, *faults: FileFault, folder: str = "holiday") -> FileRuns:
    files = tuple(ChosenFile(f"{folder}/{number}.png", 10, 5) for number in range(len(marks)))
    runs = tuple(FileRun("[]", f"{number}.png") for number in range(len(marks)))
    plan = FilePlan(
        batch=Batch(batch_id=BATCH, workflow="{}", title="Sharpen"),
        places=(FileInput(*PHOTO),),
        files=files,
        runs=runs,
        folder=folder,
    )
    found = FileRuns.of(plan)
    return replace(found, progress=replace(found.progress, marks=marks, faults=faults))


def panel(made: PageRig, found: FileRuns, at_hand: int = 0) -> str:
    files = made.session.line.files
    files.works, files.at_hand = (found,), {BATCH: dict.fromkeys(range(at_hand), Bytes)}
    return shown(made, "waiting")


def test_panel_counts_the_runs_and_what_a_reload_would_need() -> None:
    text = panel(rig(), work("ddw..."), at_hand=6)
    assert "holiday" in text and "2 of 6 done" in text and "3 to come" in text
    assert "3 files are still to be read" in text
    assert "After a reload you would have to choose them again." in text
    assert "files-missing" not in text


def test_counts_at_the_top_of_the_queue_are_not_repeated() -> None:
    made = rig()
    made.session.line.files.works = (work("dww..."),)
    counted = BatchView(batch_id=BATCH, done=2, total=6)  # noticed before the files' own count
    view = project(made.session, made.context.ui, workflows=(), pictures=StillPictures(), language="en", batch=counted)
    assert element(markup(view, "now"), data_testid="batch-done").text == "2 of 6 done"
    assert element(markup(view, "waiting"), data_testid="files-counts").text == "2 waiting or running · 3 to come"


@pytest.mark.parametrize(("marks", "is_fine"), [("www", True), ("ww.", False)])
def test_reload_is_fine_only_once_all_files_are_read(marks: str, is_fine: bool) -> None:
    made = rig()
    made.session.line.line = waiting("0.png", "1.png")
    text = panel(made, work(marks), at_hand=3)
    assert ("a reload is fine" in text) is is_fine
    assert ("After a reload you would have to choose them again." in text) is not is_fine


def test_panel_tells_that_a_large_plan_does_not_survive_a_reload() -> None:
    made = rig()
    made.session.line.files.forgotten = frozenset({BATCH})
    text = panel(made, work("dd...."), at_hand=6)
    assert "keep this page open" in text and "choose them again" not in text


def test_panel_asks_for_the_folder_after_a_reload() -> None:
    text = panel(rig(), work("dd...."))
    assert "4 files are not here since this page was reloaded" in text
    again = element(text, data_testid="choose-folder")
    assert (again["data-files"], again["data-node"], "webkitdirectory" in again) == ("again", BATCH, True)


def test_panel_asks_for_files_if_no_folder_was_chosen() -> None:
    text = panel(rig(), work("dd....", folder=""))
    assert "Choose the files again" in text
    assert not elements(text, data_testid="choose-folder")


async def test_folder_that_is_chosen_again_goes_to_its_plan() -> None:
    made = rig()
    panel(made, work("dd...."))
    assert made.actions.take_many((BATCH, ""), chosen("holiday/2.png"), "again")
    assert made.session.line.files.calls[-1][:2] == ("supply", BATCH)
    made.actions.take_many((BATCH, ""), FileSet((), chosen().open), "again")
    assert "None of the missing files" in shown(made, "errors")


async def test_failures_are_listed_and_run_again_alone() -> None:
    made = rig()
    faults = (
        FileFault(run=1, cause="not-a-picture"),
        FileFault(run=2, cause="failed", detail="CUDA <b>", prompt_id=PromptId("p")),
    )
    text = panel(made, work("dff", *faults))
    assert "2 runs failed" in text and "1.png" in text and "No picture that can be read" in text
    assert "CUDA &lt;b&gt;" in text
    await made.act("files-retry", batchId=BATCH)
    assert made.session.line.files.calls[-1] == ("retry", BATCH)


async def test_dismissed_failures_can_be_brought_back() -> None:
    made = rig()
    panel(made, work("df", FileFault(run=1, cause="empty")))
    made.actions.act("files-dismiss", {"batchId": BATCH})
    assert made.session.line.files.calls[-1] == ("drop_failures", BATCH)
    made.actions.act("undo-last", {})
    assert made.session.line.files.calls[-1] == ("undo", BATCH)


async def test_all_that_waits_is_removed_with_the_files_to_follow() -> None:
    made = rig()
    panel(made, work("dd...."), at_hand=6)
    made.actions.act("line-clear", {})
    await asyncio.sleep(0)
    assert made.session.line.files.calls[-1] == ("drop_rest", BATCH)
    assert [item.count for item in made.context.ui.deletions] == [4]
    made.actions.act("undo-last", {})
    assert made.session.line.files.calls[-1] == ("undo", BATCH)


def test_runs_of_files_to_follow_can_be_cancelled() -> None:
    view = cancel_view(None, (), (work("dw...."),))
    assert (view.everything.waiting, [(item.batch_id, item.title) for item in view.plans]) == (4, [(BATCH, "Sharpen")])


@pytest.mark.parametrize(
    "cause", ["failed", "lost", "refused-file", "not-a-picture", "unreadable", "empty", "shared-gone", "not-a-film"]
)
def test_every_failure_has_a_short_text(cause: str) -> None:
    for language in ("en", "zh-CN"):
        assert word_fault(FileFault(run=0, cause=cause, detail="413"), translator(language))


def test_long_list_of_failures_is_cut() -> None:
    faults = tuple(FileFault(run=run, cause="empty") for run in range(80))
    text = panel(rig(), work("f" * 80, *faults))
    assert text.count('data-testid="files-fault"') == 50
    assert "and 30 more" in text


def test_nothing_is_shown_of_work_without_files() -> None:
    assert "files-work" not in shown(rig(), "waiting")
