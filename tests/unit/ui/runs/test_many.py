"""The dialog *Batch*: the plan before it is added, its faults, and the runs that are added."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import pytest

from app.core.balancer import ANY
from app.core.errors import BadPlan
from app.core.waiting_runs import EVERY
from app.ui.form.open_workflow import open_workflow
from app.ui.form.state import Draft, FormState
from app.ui.kit.plan_words import word_bad_plan
from app.ui.kit.state import UiState
from app.ui.runs import orders
from app.ui.runs.commands import run_commands
from app.ui.runs.many import LONG_TEXT, ManyDialog, ManyDraft, ManyKind, first_kind, input_names
from app.ui.runs.many import plan_of as many_plan
from app.ui.runs.many_actions import appended, decoded
from app.ui.runs.state import RunsState
from app.workflows.editor.copy import filled
from app.workflows.graph import Key
from app.workflows.published import parse_published
from tests.kit.page.elements import element, elements
from tests.kit.page.rig import PageRig
from tests.kit.page.stills import ENGLISH, ROOT, Bytes, StillSession, fleet, server, translator, workflows
from tests.kit.page.trouble import page
from tests.kit.page.views import markup
from tests.unit.ui.library import test_opening
from tests.unit.ui.page.test_actions import SEED
from tests.unit.ui.runs.test_waiting import waiting

STEPS: Key = ("1", "steps")
TEXT: Key = ("1", "text")


def demo() -> StillSession:
    return StillSession(fleet=fleet(server("d-1", is_demo=True), server("d-2", is_demo=True)))


def shown(many: ManyDraft, workflow_id: str = "text", region: str = "dialogs") -> str:
    return markup(
        page(
            demo(), UiState(dialog=ManyDialog()).with_slices(FormState(workflow_id=workflow_id), RunsState(many=many))
        ),
        region,
    )


def rig(workflow_id: str = "text") -> PageRig:
    numbers = itertools.count(5)
    return PageRig(workflow_id, session=demo(), random_seed=lambda _: next(numbers))


async def write(made: PageRig, kind: str, **texts: str) -> None:
    await made.act("open-many")
    made.actions.act("many-kind", {"value": kind})
    for place, text in texts.items():
        made.actions.act("many", {"place": place.replace("_", "-"), "value": text})


# What is shown


def test_empty_plan_shows_no_fault() -> None:
    for kind in (ManyKind.LINES, ManyKind.TABLE, ManyKind.GRID):
        text = shown(ManyDraft(kind))
        assert "Nothing to run yet" in text and "is-warn" not in text
        assert "disabled" in element(text, data_action="many-add")


@pytest.mark.parametrize(("count", "words"), [(1, "Run"), (2, "Run 2 on 2 servers"), (9, "Run 9 on 2 servers")])
def test_same_number_of_runs_has_the_same_words_everywhere(count: int, words: str) -> None:
    lines = ManyDraft(lines="\n".join(f"dune {number}" for number in range(count)), senders=2)
    ui = UiState().with_slices(FormState(workflow_id="text"), RunsState(run_count=count, count_of="text"))
    bar = page(demo(), ui)
    assert element(shown(lines), data_action="many-add").text == words
    assert element(markup(bar, "run"), id="run-button").text.removesuffix("Ctrl ↵ ⌘ ↵").strip() == words
    assert next(run_commands(bar.view, UiState(), ENGLISH)).title == words


def test_list_shows_its_length_and_first_runs() -> None:
    text = shown(ManyDraft(lines="\n".join(f"dune {number}" for number in range(9))))
    assert "9 runs" in text and "dune 4" in text and "and 4 more" in text
    assert element(text, data_action="many-add").text == "Run 9 on 2 servers"


def test_grid_shows_its_columns_and_rows() -> None:
    text = shown(ManyDraft(ManyKind.GRID, across_text="4..12 step 4", down=SEED, down_text="1, 2, 3"))
    assert "9 runs" in text and "3 columns × 3 rows" in text
    assert "Steps 4 · Seed 1" in text


def test_single_row_is_singular() -> None:
    text = shown(ManyDraft(ManyKind.GRID, across_text="4, 8", down=SEED, down_text="1"))
    assert "2 columns × 1 row" in text and "1 rows" not in text


def test_missing_input_is_asked_for() -> None:
    words = word_bad_plan(BadPlan("no-such-input", ""), ENGLISH)
    assert words.title == "Choose an input first."


def test_faults_name_row_and_input_and_prevent_adding() -> None:
    text = shown(ManyDraft(ManyKind.TABLE, table="text,seed\na dune,7\na lake,many"))
    assert "Row 3: “many” does not fit “Seed”" in text or "Row 3: “many” does not fit “seed”" in text
    button = element(text, data_action="many-add")
    assert button.text == "Run" and "disabled" in button
    text = shown(ManyDraft(ManyKind.GRID, across=STEPS, across_text="4, 99999", down_text="1"))
    assert "“99999” does not fit “Steps”" in text, "the form knows the limits of steps"
    assert "“x” is no whole number" in shown(ManyDraft(ManyKind.SEEDS, start="x"))


def test_dialog_says_why_the_workflow_cannot_run() -> None:
    text = shown(ManyDraft(lines="a"), "enlarge")
    assert "Put a picture in first" in text
    assert "disabled" in element(text, data_action="many-add")


def test_every_input_can_be_a_target_with_a_unique_name() -> None:
    names = json.loads(element(shown(ManyDraft(), region="lists"), id="many-names").text)
    assert names[:3] == ["Text", "Seed", "Steps"]
    for opened in workflows():
        targets = list(input_names(opened, str).values())
        assert len({target.where for target in targets}) == len(targets)


def test_files_are_offered_where_the_workflow_takes_them() -> None:
    assert element(shown(ManyDraft(), "blend"), data_testid="many-files")["data-action"] == "open-files"
    assert not elements(shown(ManyDraft(), "text"), data_testid="many-files")


def test_list_goes_into_no_file_name_by_default() -> None:
    for workflow_id in ("text", "blend", "enlarge"):
        target = element(shown(ManyDraft(), workflow_id), id="many-target")
        assert target["value"] and "ilename" not in target["value"]
    assert element(shown(ManyDraft()), id="many-target")["value"] == "Text"


async def test_kind_is_guessed_until_the_user_chooses_one() -> None:
    made = rig()
    made.context.set_ui(made.context.ui.with_slices(RunsState(many=ManyDraft(ManyKind.GRID))))
    await made.act("open-many")
    assert made.context.ui.of(RunsState).many.kind is ManyKind.LINES
    await write(made, "grid")
    await made.act("open-many")
    assert made.context.ui.of(RunsState).many.kind is ManyKind.GRID


def test_workflow_without_texts_begins_with_seeds() -> None:
    kinds = {item.workflow_id: first_kind(item) for item in workflows()}
    assert kinds["text"] is ManyKind.LINES
    assert kinds["blend"] is ManyKind.LINES, "it has no seed either"
    seeded = json.loads((ROOT / "static/workflows/slow.json").read_text(encoding="utf-8"))
    del seeded["fields"][0], seeded["workflow"]["1"]["inputs"]["text"]
    assert first_kind(open_workflow(parse_published("seeded", json.dumps(seeded)))) is ManyKind.SEEDS


def test_input_names_are_in_the_pages_language() -> None:
    chinese = input_names(workflows()[2], translator("zh-CN").known)
    assert "种子" in chinese and chinese["种子"].where == SEED


def test_long_file_is_shown_by_its_name() -> None:
    text = shown(ManyDraft(lines="dune\n" * LONG_TEXT, file_name="dunes.txt"))
    assert "dunes.txt" in text and not elements(text, "textarea")


def test_number_of_servers_is_asked_only_if_there_are_several() -> None:
    assert "2 servers" in shown(ManyDraft())
    asking = UiState(dialog=ManyDialog()).with_slices(FormState(workflow_id="text"))
    alone = page(StillSession(fleet=fleet(server("d", is_demo=True))), asking)
    assert not elements(markup(alone, "dialogs"), data_change="many-senders")


def test_dialog_starts_with_the_current_number_of_servers() -> None:
    session = demo()
    session.line.line = waiting("one").spread(2)
    text = markup(page(session, UiState(dialog=ManyDialog()).with_slices(FormState(workflow_id="text"))), "dialogs")
    assert "selected" in element(text, "option", value="2")


# What is added


async def test_each_run_of_a_list_has_its_own_seed() -> None:
    made = rig()
    await write(made, "lines", text="a dune\na lake")
    await made.act("many-add")
    ((verb, _, runs, _, _, wish, senders),) = made.session.line.calls
    assert (verb, wish, senders) == ("add", ANY, EVERY)
    assert [(run.values[TEXT], run.label) for run in runs] == [("a dune", "a dune"), ("a lake", "a lake")]
    assert len({run.values[SEED] for run in runs}) == 2
    assert made.context.ui.dialog is None and made.screen.changes[-1] == {"reveal": "waiting"}


async def test_seeds_of_a_table_are_kept() -> None:
    made = rig()
    await write(made, "table", text="Text;Seed\na dune;41\na lake;42")
    await made.act("many-add")
    runs = made.session.line.calls[0][2]
    assert [(run.values[TEXT], run.values[SEED]) for run in runs] == [("a dune", 41), ("a lake", 42)]


async def test_runs_of_a_grid_share_a_seed_and_have_cells() -> None:
    made = rig()
    made.actions.act("many-senders", {"value": "2"})
    await write(made, "grid", across_text="4, 8", down_text="x")
    made.actions.act("many-input", {"place": "down", "value": "Text"})
    made.actions.act("many", {"place": "down-text", "value": "a dune\na lake"})
    await made.act("many-add")
    (_, workflow, runs, _, _, _, senders) = made.session.line.calls[0]
    assert senders == 2
    assert [run.values for run in runs] == [
        {STEPS: 4, TEXT: "a dune"}, {STEPS: 8, TEXT: "a dune"}, {STEPS: 4, TEXT: "a lake"}, {STEPS: 8, TEXT: "a lake"},
    ]  # fmt: skip
    assert runs[3].cell is not None and (runs[3].cell.column_label, runs[3].cell.row_label) == ("Steps 8", "a lake")
    assert workflow.value(*SEED) == int(made.context.ui.of(FormState).draft.values[SEED]), "drawn once"


async def test_sweep_counts_from_its_start() -> None:
    made = rig()
    await write(made, "seeds", start="100", count="3", step="5")
    await made.act("many-add")
    assert [run.values[SEED] for run in made.session.line.calls[0][2]] == [100, 105, 110]


async def test_grid_sends_the_editors_file_with_each_runs_values() -> None:
    opening = test_opening.OpeningRig()
    await opening.give(test_opening.graph())
    chosen = test_opening.opened(opening)
    sides = {"across": ("1", "width"), "across_text": "10..20 step 10"}
    many = ManyDraft(ManyKind.GRID, **sides, down=("2", "filename_prefix"), down_text="a, b")  # type: ignore[arg-type]
    planned = many_plan(chosen, {}, many, str).runs
    assert planned is not None and len(planned) == 4
    plan = orders.plan_of(
        chosen, Draft(), planned, now=opening.screen.local_time(), draw=orders.PromptDraw(lambda count: count - 1)
    )
    sent = plan.workflow.with_values(plan.runs[3].values)
    assert [node["widgets_values"] for node in filled(plan.editor, sent)["nodes"]] == [[20], ["b"]]
    assert plan.runs[3].cell is not None and plan.runs[3].cell.row_label == "b"


async def test_faulty_plan_adds_nothing() -> None:
    made = rig()
    await write(made, "seeds", start="x")
    await made.act("many-add")
    assert made.session.line.calls == [] and isinstance(made.context.ui.dialog, ManyDialog)


async def test_file_becomes_the_list_or_the_table() -> None:
    made = rig()
    await made.act("open-many")
    made.actions.take_files(None, [(Bytes("文字,种子\n沙丘,7".encode("gb18030"), "text/csv"), "runs.CSV")])
    await made.context.done()
    many = made.context.ui.of(RunsState).many
    assert (many.kind, many.table, many.file_name) == (ManyKind.TABLE, "文字,种子\n沙丘,7", "runs.CSV")
    assert made.screen.changes[-1]["texts"] == [{"node": ":many", "name": "many-text", "text": many.table}]
    made.actions.take_files(None, [(Bytes(b"\x89PNG\0\0"), "boat.png")])
    await made.context.done()
    assert (
        made.context.ui.of(RunsState).many.fault is not None and made.context.ui.of(RunsState).many.table == many.table
    )
    assert "“boat.png” is no text" in shown(replace(made.context.ui.of(RunsState).many))
    await made.act("many-clear")
    assert made.context.ui.of(RunsState).many.table == "" and made.context.ui.of(RunsState).many.fault is None


async def test_option_is_appended_to_the_values_of_its_side() -> None:
    made = rig()
    await made.act("open-many")
    made.actions.act("many-option", {"place": "down", "value": "euler"})
    made.actions.act("many-option", {"place": "down", "value": "a, b"})
    assert made.context.ui.of(RunsState).many.down_text == 'euler, "a, b"'
    assert made.screen.changes[-1]["texts"][1]["text"] == "", "its field is emptied"  # type: ignore[index]


@pytest.mark.parametrize(
    ("before", "after"), [("", "x"), ("a", "a, x"), ("a,", "a, x"), ("a\nb", "a\nb\nx"), ("a\n", "a, x")]
)
def test_appended_value_follows_the_separator(before: str, after: str) -> None:
    assert appended(before, "x") == after


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_spreadsheet_encodings_are_decoded(encoding: str) -> None:
    assert decoded("沙丘,7".encode(encoding)) == "沙丘,7"
    assert decoded(b"\xff\xff\xff\0") is None
