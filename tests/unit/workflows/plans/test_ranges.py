"""Ranges of numbers as a person writes them on an axis."""

from __future__ import annotations

import pytest

from app.core.errors import BadPlan
from app.core.workflow import parse_workflow
from app.workflows.plans.ranges import MOST, read_range
from app.workflows.plans.runs import SeedSweep, plan_runs, read_axis
from app.workflows.plans.targets import Target

WORKFLOW = parse_workflow(
    '{"3": {"class_type": "KSampler", "inputs": {"steps": 20, "cfg": 7.5, "seed": 1, "text": "a"}}}'
)
STEPS, CFG, TEXT = Target("3", "steps"), Target("3", "cfg"), Target("3", "text")


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("4..12 step 4", (4, 8, 12)),
        ("4..12 step 5", (4, 9)),
        ("1..3", (1, 2, 3)),
        ("3..1", (3, 2, 1)),
        ("10 … 1 by 4", (10, 6, 2)),
        ("0.1..0.3 step 0.1", (0.1, 0.2, 0.3)),
        ("-2..2 步长 2", (-2, 0, 2)),
        ("5..5", (5,)),
        ("18446744073709551614..18446744073709551615", (2**64 - 2, 2**64 - 1)),
    ],
)  # fmt: skip
def test_a_range_is_all_its_numbers(text: str, numbers: tuple[float, ...]) -> None:
    assert read_range(text) == numbers
    assert [type(number) for number in read_range(text) or ()] == [type(number) for number in numbers]


@pytest.mark.parametrize("text", ["", "4", "4-12", "a..b", "1..", "..3", "1.2.3", f"{'9' * 50}..1"])
def test_anything_else_is_none(text: str) -> None:
    assert read_range(text) is None


@pytest.mark.parametrize(("text", "cause"), [("1..5 step 0", "bad-step"), (f"0..{MOST}", "too-many-runs")])
def test_a_range_without_end_is_refused(text: str, cause: str) -> None:
    with pytest.raises(BadPlan) as refused:
        read_range(text)
    assert refused.value.cause == cause


def test_an_axis_mixes_ranges_and_numbers_and_leaves_texts_alone() -> None:
    assert read_axis(WORKFLOW, STEPS, "4..12 step 4, 30").values == (4, 8, 12, 30)
    assert read_axis(WORKFLOW, CFG, "0.5..1 step 0.5\n7").values == (0.5, 1.0, 7)
    assert read_axis(WORKFLOW, TEXT, "1..3").values == ("1..3",)


def test_invalid_range_value_is_reported_by_position() -> None:
    with pytest.raises(BadPlan) as refused:
        read_axis(WORKFLOW, STEPS, "4, 5..9", lambda _, value: value != 7)
    assert [(fault.row, fault.cause, fault.detail) for fault in refused.value.faults] == [(2, "bad-value", "5..9")]


def test_a_sweep_ends_where_the_seed_input_does() -> None:
    with pytest.raises(BadPlan) as refused:
        plan_runs(WORKFLOW, SeedSweep(Target("3", "seed"), 5, 10), judge=lambda _, value: value < 10)  # type: ignore[operator]
    assert refused.value.cause == "bad-seed"
