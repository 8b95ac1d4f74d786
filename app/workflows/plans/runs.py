"""Many runs from one workflow: a plan becomes a bounded, lazy sequence of runs, each with what it changes and a label.

    runs = plan_runs(workflow, Lines(find_target(workflow, "text"), "a dune\\na lake"))
    len(runs)                                    # 2
    next(iter(runs)).values                      # {("6", "text"): "a dune"}
    plan_runs(workflow, Grid(Axis(steps, (10, 20)), Axis(cfg, (4.0, 7.5))))

Nothing is written into the workflow here: a run's values are set when it is sent. Random numbers are passed in
(`Seeds`). Every error in a plan is a BadPlan before the first run is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from app.core.errors import BadPlan
from app.core.model import Cell, Template
from app.core.workflow import ApiWorkflow
from app.workflows.plans.ranges import read_range
from app.workflows.plans.rows import PlanTable, RowFaults, read_lines, read_row, read_table
from app.workflows.plans.targets import MAX_SEED, Target, expect_seeds, expect_settable, find_target, read_value

MAX_RUNS = 10_000
LABEL = 80  # characters of one value in a label

Values = Mapping[tuple[str, str], object]
Judge = Callable[[Target, object], bool]  # whether an input accepts a value


def _anything(_: Target, __: object) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One run of a plan; `index` counts from 0, `cell` is its place on a contact sheet.

    `templates` are those of prompts among the values that were drawn for this run.
    """

    index: int
    values: Values
    label: str
    cell: Cell | None = None
    templates: tuple[Template, ...] = ()


@dataclass(frozen=True, slots=True)
class Count:
    """The same run several times. The server answers equal prompts from its cache: see `Seeds`."""

    count: int


@dataclass(frozen=True, slots=True)
class Lines:
    """One run for each line of a text, set in one input."""

    target: Target
    text: str


@dataclass(frozen=True, slots=True)
class Csv:
    """One run for each row of a table whose header names inputs; `names` are a form's own labels for some of them."""

    text: str
    names: Mapping[str, Target] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SeedSweep:
    """Seeds from `start` on, `step` apart."""

    target: Target
    start: int
    count: int
    step: int = 1


@dataclass(frozen=True, slots=True)
class Seeds:
    """These seeds, one a run: random numbers drawn by the caller, or a list."""

    target: Target
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Axis:
    """The values of a grid for one input."""

    target: Target
    values: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """Every value of `across` (columns) with every value of `down` (rows), row by row."""

    across: Axis
    down: Axis


Plan = Count | Lines | Csv | SeedSweep | Seeds | Grid


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of a plan, made on demand, any number of times."""

    count: int
    _make: Callable[[int], PlannedRun]

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[PlannedRun]:
        return (self._make(index) for index in range(self.count))

    def __getitem__(self, index: int) -> PlannedRun:
        if not 0 <= index < self.count:
            raise IndexError(index)
        return self._make(index)


def plan_runs(workflow: ApiWorkflow, plan: Plan, *, most: int = MAX_RUNS, judge: Judge = _anything) -> Runs:
    """The runs of a plan for that workflow. BadPlan says what is invalid; `judge` knows what an input accepts."""
    match plan:
        case Count(count):
            runs = Runs(count, lambda index: PlannedRun(index, {}, f"#{index + 1}"))
        case Lines(target, text):
            runs = _of_values(workflow, target, read_lines(text), judge)
        case Csv(text, names):
            runs = _of_table(workflow, read_table(text), names, judge)
        case SeedSweep():
            runs = _of_sweep(workflow, plan, judge)
        case Seeds(target, numbers):
            expect_seeds(numbers)
            runs = _of_values(workflow, target, numbers, judge)
        case Grid(across, down):
            runs = _of_grid(workflow, across, down, most)
    if runs.count < 1:
        raise BadPlan("empty-plan")
    if runs.count > most:
        raise BadPlan("too-many-runs", detail=str(runs.count), name=str(most))
    return runs


def read_axis(workflow: ApiWorkflow, target: Target, text: str, judge: Judge = _anything) -> Axis:
    """The values of one axis as users write them: one a line, or on one line with commas (quotes as in CSV).

    For a numeric input, a range stands for all of its numbers: "4..12 step 2".
    """
    like = expect_settable(workflow, target)
    lines = read_lines(text)
    words = lines if len(lines) > 1 else read_row(lines[0])
    faults, values = RowFaults(), list[object]()
    for number, word in enumerate(words, 1):
        try:
            values += _judged_all(_spread(word, like), like, target, judge)
        except ValueError:
            faults.add(number, "bad-value", name=target.label, detail=word[:LABEL])
    faults.raise_any()
    return Axis(target, tuple(values))


def _spread(word: str, like: object) -> tuple[object, ...]:
    is_number = isinstance(like, int | float) and not isinstance(like, bool)
    return (read_range(word) if is_number else None) or (word,)


def _judged_all(items: tuple[object, ...], like: object, target: Target, judge: Judge) -> list[object]:
    return [_judged(item, like, target, judge) for item in items]


def _judged(item: object, like: object, target: Target, judge: Judge) -> object:
    """The value of a text, or the value itself. ValueError if the input does not accept it."""
    value = read_value(item, like) if isinstance(item, str) else item
    if not judge(target, value):
        raise ValueError(item)
    return value


def _of_values(workflow: ApiWorkflow, target: Target, texts: tuple[object, ...], judge: Judge) -> Runs:
    like, faults, values = expect_settable(workflow, target), RowFaults(), list[object]()
    for number, item in enumerate(texts, 1):
        try:
            values.append(_judged(item, like, target, judge))
        except ValueError:
            faults.add(number, "bad-value", name=target.label, detail=str(item)[:LABEL])
    faults.raise_any()

    def make(index: int) -> PlannedRun:
        return PlannedRun(index, {target.where: values[index]}, label_of(target, values[index]))

    return Runs(len(values), make)


def _of_sweep(workflow: ApiWorkflow, plan: SeedSweep, judge: Judge) -> Runs:
    expect_settable(workflow, plan.target)
    if plan.step == 0 or plan.count < 1:
        raise BadPlan("bad-step" if plan.step == 0 else "empty-plan")
    last = plan.start + plan.step * (plan.count - 1)
    expect_seeds((plan.start, last))
    if not (judge(plan.target, plan.start) and judge(plan.target, last)):
        raise BadPlan("bad-seed", str(last))

    def make(index: int) -> PlannedRun:
        seed = plan.start + plan.step * index
        return PlannedRun(index, {plan.target.where: seed}, label_of(plan.target, seed))

    return Runs(plan.count, make)


def _of_table(workflow: ApiWorkflow, table: PlanTable, names: Mapping[str, Target], judge: Judge) -> Runs:
    targets = tuple(find_target(workflow, name, names) for name in table.header)
    for index, target in enumerate(targets):
        if target.where in {other.where for other in targets[:index]}:
            raise BadPlan("bad-header", table.header[index], str(index + 1))
    likes = [expect_settable(workflow, target) for target in targets]
    faults, rows = RowFaults(), list[dict[tuple[str, str], object]]()
    for number, fields in table.rows:
        values: dict[tuple[str, str], object] = {}
        for target, like, word in zip(targets, likes, fields, strict=True):
            try:
                values[target.where] = _judged(word, like, target, judge)
            except ValueError:
                faults.add(number, "bad-value", name=target.label, detail=word[:LABEL])
        rows.append(values)
    faults.raise_any()

    def make(index: int) -> PlannedRun:
        labels = (label_of(target, rows[index][target.where]) for target in targets)
        return PlannedRun(index, rows[index], " · ".join(labels))

    return Runs(len(rows), make)


def _of_grid(workflow: ApiWorkflow, across: Axis, down: Axis, most: int) -> Runs:
    if across.target.where == down.target.where:
        raise BadPlan("same-input", across.target.label)
    for axis in (across, down):
        expect_settable(workflow, axis.target)
        if not axis.values:
            raise BadPlan("empty-plan")
    columns = len(across.values)
    count = columns * len(down.values)
    if count > most:
        raise BadPlan("too-many-runs", detail=str(count), name=str(most))

    def make(index: int) -> PlannedRun:
        row, column = divmod(index, columns)
        above, beside = across.values[column], down.values[row]
        labels = label_of(across.target, above), label_of(down.target, beside)
        cell = Cell(column=column, row=row, column_label=labels[0], row_label=labels[1])
        values = {across.target.where: above, down.target.where: beside}
        return PlannedRun(index, values, " · ".join(labels), cell)

    return Runs(count, make)


def label_of(target: Target, value: object) -> str:
    """The label of one value of a run: a text unchanged, anything else with the input's name."""
    text = " ".join(str(value).split())
    shown = text if len(text) <= LABEL else f"{text[: LABEL - 1]}…"
    return shown if isinstance(value, str) else f"{target.label} {shown}"


__all__ = [
    "MAX_RUNS",
    "MAX_SEED",
    "Axis",
    "Count",
    "Csv",
    "Grid",
    "Lines",
    "Plan",
    "PlannedRun",
    "Runs",
    "SeedSweep",
    "Seeds",
    "label_of",
    "plan_runs",
    "read_axis",
]
