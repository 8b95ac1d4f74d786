"""Plans of many runs: what each run changes, how it is labelled, and what is refused before the first is made."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import BadInput, BadPlan
from app.core.model import BatchId, Part
from app.core.workflow import ApiWorkflow, parse_workflow
from app.workflows.plans.rows import MAX_FIELD, MOST_LISTED, read_lines, read_row, read_table
from app.workflows.plans.runs import (
    MAX_RUNS,
    MAX_SEED,
    Axis,
    Count,
    Csv,
    Grid,
    Lines,
    Plan,
    Seeds,
    SeedSweep,
    plan_runs,
    read_axis,
)
from app.workflows.plans.sheet import lay_out
from app.workflows.plans.targets import Target, find_target, read_value

GRAPH = {
    "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "base.safetensors"}},
    "3": {
        "class_type": "KSampler",
        "inputs": {"seed": 7, "steps": 20, "cfg": 8, "denoise": 1.0, "model": ["1", 0], "add_noise": True},
    },
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a lake", "clip": ["1", 1]}, "_meta": {"title": "正面"}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "fog", "clip": ["1", 1]}},
}
WORKFLOW = parse_workflow(GRAPH)
SEED, STEPS, CFG, TEXT = Target("3", "seed"), Target("3", "steps"), Target("3", "cfg"), Target("6", "text")


def refused(plan: Plan, workflow: ApiWorkflow = WORKFLOW) -> BadPlan:
    """What is said against a plan."""
    with pytest.raises(BadPlan) as caught:
        plan_runs(workflow, plan)
    return caught.value


# Each kind of plan


def test_a_count_changes_nothing_and_numbers_its_runs() -> None:
    runs = list(plan_runs(WORKFLOW, Count(3)))
    assert [(run.index, dict(run.values), run.label) for run in runs] == [(0, {}, "#1"), (1, {}, "#2"), (2, {}, "#3")]


def test_a_list_of_prompts_is_one_run_a_line() -> None:
    runs = plan_runs(WORKFLOW, Lines(TEXT, '\ufeff 沙丘, at dusk \r\n\r\n“a "quoted" lake”\n'))
    assert [run.values for run in runs] == [{("6", "text"): "沙丘, at dusk"}, {("6", "text"): '“a "quoted" lake”'}]
    assert [run.label for run in runs] == ["沙丘, at dusk", '“a "quoted" lake”']


def test_long_value_is_cut_only_in_its_label() -> None:
    (run,) = plan_runs(WORKFLOW, Lines(TEXT, "dune " * 50))
    assert run.values["6", "text"] == ("dune " * 50).strip()
    assert len(run.label) == 80 and run.label.endswith("…")


def test_a_table_sets_the_inputs_that_its_header_names() -> None:
    text = '正面.text,seed,cfg,add_noise\r\n"雪山, ""白"" 的",18446744073709551615,7.5,no\r\n"two\nlines",0,7,true\r\n'
    runs = list(plan_runs(WORKFLOW, Csv(text)))
    assert runs[0].values == {
        ("6", "text"): '雪山, "白" 的',
        ("3", "seed"): MAX_SEED,
        ("3", "cfg"): 7.5,
        ("3", "add_noise"): False,
    }
    assert runs[1].values["6", "text"] == "two\nlines"
    assert runs[1].values["3", "cfg"] == 7 and isinstance(runs[1].values["3", "cfg"], int)
    assert runs[0].label == '雪山, "白" 的 · seed 18446744073709551615 · cfg 7.5 · add_noise False'


def test_table_header_may_use_form_labels() -> None:
    (run,) = plan_runs(WORKFLOW, Csv("提示词\n沙丘\n", {"提示词": Target("6", "text", "提示词")}))
    assert run.values == {("6", "text"): "沙丘"}


@pytest.mark.parametrize("mark", [";", "\t"])
def test_table_may_use_other_countries_separators(mark: str) -> None:
    (run,) = plan_runs(WORKFLOW, Csv(f"seed{mark}6.text\n5{mark}one, two\n"))
    assert run.values == {("3", "seed"): 5, ("6", "text"): "one, two"}


def test_a_seed_sweep_counts_in_steps_and_either_way() -> None:
    up = [run.values["3", "seed"] for run in plan_runs(WORKFLOW, SeedSweep(SEED, MAX_SEED - 2, 3))]
    down = [run.values["3", "seed"] for run in plan_runs(WORKFLOW, SeedSweep(SEED, 20, 3, -10))]
    assert (up, down) == ([MAX_SEED - 2, MAX_SEED - 1, MAX_SEED], [20, 10, 0])


def test_drawn_seeds_are_used_as_they_are() -> None:
    runs = plan_runs(WORKFLOW, Seeds(SEED, (MAX_SEED, 3, 3)))
    assert [run.values["3", "seed"] for run in runs] == [MAX_SEED, 3, 3]
    assert runs[0].label == f"seed {MAX_SEED}"


def test_a_grid_goes_row_by_row_and_knows_its_sheet() -> None:
    runs = list(plan_runs(WORKFLOW, Grid(Axis(STEPS, (10, 20, 30)), Axis(CFG, (4, 7.5)))))
    assert [(run.values["3", "steps"], run.values["3", "cfg"]) for run in runs] == [
        (10, 4), (20, 4), (30, 4), (10, 7.5), (20, 7.5), (30, 7.5),
    ]  # fmt: skip
    sheet = lay_out(Part(batch_id=BatchId("b"), index=run.index, cell=run.cell) for run in runs)
    assert sheet.columns == ("steps 10", "steps 20", "steps 30")
    assert [(row.label, row.cells) for row in sheet.rows] == [("cfg 4", (0, 1, 2)), ("cfg 7.5", (3, 4, 5))]


def test_sheet_of_half_done_grid_keeps_its_cells() -> None:
    runs = plan_runs(WORKFLOW, Grid(Axis(STEPS, (10, 20)), Axis(CFG, (4, 7, 8))))
    known = [Part(batch_id=BatchId("b"), index=index, cell=runs[index].cell) for index in (5, 0)]
    sheet = lay_out([*known, None, Part(batch_id=BatchId("b"), index=1)])
    assert sheet.columns == ("steps 10", "steps 20")
    assert [row.cells for row in sheet.rows] == [(0, None), (None, None), (None, 5)]
    assert [row.label for row in sheet.rows] == ["cfg 4", "", "cfg 8"]
    assert lay_out([]).is_empty and lay_out([]).rows == ()


def test_values_of_a_run_fit_the_workflow() -> None:
    for run in plan_runs(WORKFLOW, Grid(Axis(SEED, (MAX_SEED,)), Axis(TEXT, ("雪",)))):
        made = WORKFLOW.with_values(run.values)
        assert (made.value("3", "seed"), made.value("6", "text")) == (MAX_SEED, "雪")


def test_runs_are_made_only_when_they_are_asked_for() -> None:
    runs = plan_runs(WORKFLOW, SeedSweep(SEED, 0, MAX_RUNS))
    assert len(runs) == MAX_RUNS
    assert runs[MAX_RUNS - 1] == runs[MAX_RUNS - 1] and runs[3].label == "seed 3"
    with pytest.raises(IndexError):
        runs[MAX_RUNS]


# Axes, as people write them


@pytest.mark.parametrize(
    ("target", "text", "values"),
    [
        (STEPS, "10, 20,30", (10, 20, 30)),
        (CFG, "4\n7.5\n\n8\n", (4, 7.5, 8)),
        (TEXT, "a dune, a lake", ("a dune", "a lake")),
        (TEXT, '"a dune, at dusk", 雪', ("a dune, at dusk", "雪")),
        (TEXT, "a dune, at dusk\n雪", ("a dune, at dusk", "雪")),
        (Target("3", "add_noise"), "是,off", (True, False)),
    ],
)
def test_an_axis_is_written_on_one_line_or_on_many(target: Target, text: str, values: tuple[object, ...]) -> None:
    assert read_axis(WORKFLOW, target, text).values == values


def test_an_axis_names_the_value_that_is_none() -> None:
    with pytest.raises(BadPlan) as caught:
        read_axis(WORKFLOW, STEPS, "10, ten, 1_000")
    assert [(fault.row, fault.cause, fault.detail) for fault in caught.value.faults] == [
        (2, "bad-value", "ten"),
        (3, "bad-value", "1_000"),
    ]


# Names of inputs


@pytest.mark.parametrize(
    ("name", "where"),
    [("seed", ("3", "seed")), ("KSampler.cfg", ("3", "cfg")), ("正面.text", ("6", "text")), ("7.text", ("7", "text"))],
)
def test_an_input_is_found_by_its_name_and_its_node(name: str, where: tuple[str, str]) -> None:
    assert find_target(WORKFLOW, f" {name} ").where == where


def test_ambiguous_name_is_refused_with_longer_names() -> None:
    with pytest.raises(BadPlan) as caught:
        find_target(WORKFLOW, "text")
    assert (caught.value.cause, caught.value.detail) == ("ambiguous-input", "6.text, 7.text")


@pytest.mark.parametrize("name", ["clip", "model", "nothing", "", "3", "4.seed"])
def test_a_linked_or_unknown_input_is_no_target(name: str) -> None:
    with pytest.raises(BadPlan) as caught:
        find_target(WORKFLOW, name)
    assert caught.value.cause == "no-such-input"


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e999", "1_0", "", "x"])
def test_invalid_number_is_no_value(text: str) -> None:
    with pytest.raises(ValueError):
        read_value(text, 1.0)


# Refusals


@pytest.mark.parametrize(
    ("plan", "cause"),
    [
        (Count(0), "empty-plan"),
        (Count(-3), "empty-plan"),
        (Count(MAX_RUNS + 1), "too-many-runs"),
        (Lines(TEXT, " \n\r\n"), "empty-plan"),
        (Lines(TEXT, "x\n" * (MAX_RUNS + 1)), "too-many-runs"),
        (Lines(TEXT, "x" * 9_000_000), "plan-too-large"),
        (Lines(TEXT, "x" * (MAX_FIELD + 1)), "bad-rows"),
        (Lines(Target("6", "clip"), "a"), "no-such-input"),
        (Lines(Target("9", "text"), "a"), "no-such-input"),
        (Lines(STEPS, "20\nmany"), "bad-rows"),
        (Csv(""), "empty-plan"),
        (Csv("seed\n"), "empty-plan"),
        (Csv("seed,seed\n1,2\n"), "bad-header"),
        (Csv("seed,3.seed\n1,2\n"), "bad-header"),
        (Csv("seed,\n1,2\n"), "bad-header"),
        (Csv(",".join(f"c{number}" for number in range(101)) + "\n1\n"), "bad-header"),
        (Csv("colour\nred\n"), "no-such-input"),
        (SeedSweep(SEED, -1, 1), "bad-seed"),
        (SeedSweep(SEED, MAX_SEED, 2), "bad-seed"),
        (SeedSweep(SEED, 5, 3, -3), "bad-seed"),
        (SeedSweep(SEED, 5, 3, 0), "bad-step"),
        (SeedSweep(SEED, 5, 0), "empty-plan"),
        (SeedSweep(SEED, 0, 10**9), "too-many-runs"),
        (Seeds(SEED, (1, MAX_SEED + 1)), "bad-seed"),
        (Seeds(SEED, ()), "empty-plan"),
        (Grid(Axis(SEED, (1,)), Axis(SEED, (2,))), "same-input"),
        (Grid(Axis(SEED, ()), Axis(CFG, (2,))), "empty-plan"),
        (Grid(Axis(SEED, tuple(range(101))), Axis(CFG, tuple(range(100)))), "too-many-runs"),
    ],
)
def test_unusable_plan_is_refused_by_cause(plan: Plan, cause: str) -> None:
    assert refused(plan).cause == cause


def test_bad_rows_are_refused_together_each_by_its_line() -> None:
    text = 'seed,cfg,6.text\n1,7,"two\nlines"\n\nx,7,lake\n2,7\n3,high,lake\n'
    with pytest.raises(BadPlan) as caught:
        plan_runs(WORKFLOW, Csv(text))
    assert [(fault.row, fault.cause) for fault in caught.value.faults] == [(6, "row-length")]
    fixed = text.replace("2,7\n", "2,7,lake\n")
    refusals = [(fault.row, fault.cause, fault.name, fault.detail) for fault in refused(Csv(fixed)).faults]
    assert refusals == [(5, "bad-value", "seed", "x"), (7, "bad-value", "cfg", "high")]


def test_unclosed_quote_is_reported_with_its_first_line() -> None:
    error = refused(Csv('6.text\nlake\n"dune\nand more\n'))
    assert [(fault.row, fault.cause) for fault in error.faults] == [(3, "bad-quotes")]
    assert [fault.cause for fault in refused(Csv('6.text\n"a"b\n')).faults] == ["bad-quotes"]
    with pytest.raises(BadPlan):
        read_row('a, "b')


def test_first_bad_rows_are_listed_and_all_counted() -> None:
    error = refused(Csv("seed\n" + "x\n" * 300))
    assert (len(error.faults), error.detail) == (MOST_LISTED, "300")


# Any text


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=2), min_size=1))
def test_a_table_that_was_written_is_read_as_it_was(rows: list[list[str]]) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["6.text", "7.text"])
    writer.writerows(rows)
    wanted = [tuple(field.lstrip(" ") if not _quoted(field) else field for field in row) for row in rows]
    wanted = [row for row in wanted if any(field.strip() for field in row)]
    try:
        table = read_table(out.getvalue())
    except BadPlan as error:
        assert (error.cause, wanted) == ("empty-plan", [])
    else:
        assert [fields for _, fields in table.rows] == wanted


def _quoted(field: str) -> bool:
    """Whether csv writes it within quotes, where spaces count."""
    out = io.StringIO(newline="")
    csv.writer(out).writerow([field, ""])
    return out.getvalue().startswith('"')


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (read_lines, read_table, read_row, lambda text: list(plan_runs(WORKFLOW, Csv(text)))):
        try:
            read(text)
        except BadInput as error:
            assert isinstance(error, BadPlan)
