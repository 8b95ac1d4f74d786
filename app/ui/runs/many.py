"""*Batch*: the plan as the user writes it, and the runs it makes from the form's values.

plan = plan_of(chosen, texts, draft, word)      # a ManyPlan: the runs, or why there are none
view = many_view(chosen, texts, draft, word, servers=3, senders=1)   # the open dialog
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache

from app.core.errors import BadInput, BadPlan, MooringError
from app.core.workflow import ApiWorkflow
from app.ui.form.labels import word_label
from app.ui.form.open_workflow import OpenWorkflow
from app.ui.form.state import OptionList
from app.ui.kit.state import Dialog
from app.ui.runs.edit import EditView
from app.ui.runs.server_picker import ALONE, Spread
from app.workflows.editor.file_names import INPUT as FILE_NAME
from app.workflows.forms.distinct_labels import distinguished
from app.workflows.forms.fields import Field
from app.workflows.forms.guess import VALUE, GuessedRole, role_of
from app.workflows.forms.kinds import Choice, Decimal, Seed, Switch, Text, Unknown, Upload, Whole
from app.workflows.graph import Key
from app.workflows.plans.runs import Axis, Csv, Grid, Judge, Lines, Plan, Runs, SeedSweep, plan_runs, read_axis
from app.workflows.plans.targets import Target

ROWS_SHOWN = 5
LONG_TEXT = 40_000  # characters; of a longer list only the file's name is shown
PLACES = ("target", "seed", "across", "down")  # the parts of a plan that name an input

Word = Callable[[str], str]


class ManyKind(Enum):
    """How the runs differ."""

    LINES = "lines"  # one text a line, all into one input
    TABLE = "table"  # a table whose header names inputs
    SEEDS = "seeds"
    GRID = "grid"


@dataclass(frozen=True, slots=True)
class ManyDraft:
    """The dialog's values; an input that is None is guessed."""

    kind: ManyKind = ManyKind.LINES
    is_kind_chosen: bool = False  # by the user, so it stays when the dialog is opened again
    lines: str = ""
    table: str = ""
    file_name: str = ""  # of the list or table, if it came out of a file
    target: Key | None = None
    seed: Key | None = None
    start: str = "1"
    count: str = "8"
    step: str = "1"
    across: Key | None = None
    across_text: str = ""
    down: Key | None = None
    down_text: str = ""
    senders: int | None = None  # sessions to take from the line, or EVERY; None leaves it as it is
    fault: MooringError | None = None  # of the last file

    @property
    def text(self) -> str:
        return self.table if self.kind is ManyKind.TABLE else self.lines

    @property
    def is_blank(self) -> bool:
        """Whether there is no text yet that could be wrong."""
        match self.kind:
            case ManyKind.GRID:
                return not self.across_text.strip() or not self.down_text.strip()
            case ManyKind.SEEDS:
                return not self.count.strip() or not self.start.strip()
        return not self.text.strip()

    def with_text(self, text: str, file_name: str = "") -> ManyDraft:
        """Return the draft with another list, or table."""
        if self.kind is ManyKind.TABLE:
            return replace(self, table=text, file_name=file_name, fault=None)
        return replace(self, lines=text, file_name=file_name, fault=None)


@dataclass(frozen=True, slots=True)
class ManyDialog(Dialog):
    """The open dialog; its values are in `RunsState.many`."""


@dataclass(frozen=True, slots=True)
class ManyPlan:
    """The runs that a draft makes of a workflow, or why there are none."""

    workflow: ApiWorkflow | None = None
    runs: Runs | None = None
    error: MooringError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AxisView:
    """One side of a grid: its input, its values, and the choices that could be added."""

    name: str = ""
    text: str = ""
    options: tuple[str, ...] = ()
    is_number: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ManyView:
    """The open dialog. `rows` are the labels of the first runs; `grid` is (columns, rows) of a complete grid."""

    draft: ManyDraft
    title: str = ""
    names: tuple[str, ...] = ()
    target: str = ""
    seed: str = ""
    across: AxisView = AxisView()
    down: AxisView = AxisView()
    count: int = 0
    rows: tuple[str, ...] = ()
    grid: tuple[int, int] | None = None
    error: MooringError | None = None
    spread: Spread = ALONE
    has_seeds: bool = False
    takes_files: bool = False


def input_names(chosen: OpenWorkflow, word: Word) -> dict[str, Target]:
    """Return every input that a plan can change, under a unique name, the most important first."""
    first = [item.key for item in chosen.arranged.first]
    fields = [chosen.form.by_key[key] for key in dict.fromkeys([*first, *chosen.form.by_key])]
    usable = distinguished(filter(_is_usable, fields), chosen.form)
    return {word_label(item, word): Target(*item.key, word(item.label)) for item in usable}


def plan_of(chosen: OpenWorkflow, texts: Mapping[Key, str], draft: ManyDraft, word: Word) -> ManyPlan:
    """Make the plan of a draft and the form's texts; the same arguments return the same object."""
    return _planned(chosen, tuple(texts.items()), replace(draft, senders=None, file_name="", fault=None), word)


@lru_cache(maxsize=4)
def _planned(chosen: OpenWorkflow, texts: tuple[tuple[Key, str], ...], draft: ManyDraft, word: Word) -> ManyPlan:
    try:
        workflow = chosen.form.filled(dict(texts))
        judge = _judge(chosen)
        plan = _plan(chosen, workflow, draft, word, judge)
        return ManyPlan(workflow, plan_runs(workflow, plan, judge=judge))
    except (BadInput, BadPlan) as error:
        return ManyPlan(error=error)


def _plan(chosen: OpenWorkflow, workflow: ApiWorkflow, draft: ManyDraft, word: Word, judge: Judge) -> Plan:
    names = input_names(chosen, word)
    sides: list[Axis] = []
    match draft.kind:
        case ManyKind.TABLE:
            return Csv(draft.table, names)
        case ManyKind.LINES:
            return Lines(_target(names, draft.target, chosen, "target"), draft.lines)
        case ManyKind.SEEDS:
            target = _target(names, draft.seed, chosen, "seed")
            return SeedSweep(target, _whole(draft.start), _whole(draft.count), _whole(draft.step))
    for place, key, text in (("across", draft.across, draft.across_text), ("down", draft.down, draft.down_text)):
        sides.append(read_axis(workflow, _target(names, key, chosen, place), text, judge))
    return Grid(*sides)


def many_view(
    chosen: OpenWorkflow, texts: Mapping[Key, str], draft: ManyDraft, word: Word, *, spread: Spread = ALONE
) -> ManyView:
    """Return the dialog as it is shown now; `spread` is over how many servers, unless the user chooses that there."""
    names = input_names(chosen, word)
    spelled = {target.where: name for name, target in names.items()}
    keys = {place: _key(names, getattr(draft, place), chosen, place) for place in PLACES}
    plan = ManyPlan() if draft.is_blank else plan_of(chosen, texts, draft, word)
    runs = plan.runs
    last = runs[len(runs) - 1].cell if runs is not None else None
    return ManyView(
        draft=draft,
        title=chosen.title,
        names=tuple(names),
        target=spelled.get(keys["target"], ""),
        seed=spelled.get(keys["seed"], ""),
        across=_axis(chosen, spelled, keys["across"], draft.across_text),
        down=_axis(chosen, spelled, keys["down"], draft.down_text),
        count=len(runs) if runs is not None else 0,
        rows=tuple(runs[index].label for index in range(min(ROWS_SHOWN, len(runs)))) if runs is not None else (),
        grid=(last.column + 1, last.row + 1) if last is not None else None,
        error=draft.fault or plan.error,
        spread=spread if draft.senders is None else replace(spread, senders=draft.senders),
        has_seeds=_has_seeds(chosen),
        takes_files=bool(chosen.uploads),
    )


def _axis(chosen: OpenWorkflow, spelled: Mapping[Key, str], key: Key, text: str) -> AxisView:
    item = chosen.form.by_key.get(key)
    kind = item.kind if item is not None else None
    options = tuple(option for option in kind.options if isinstance(option, str)) if isinstance(kind, Choice) else ()
    if isinstance(kind, Switch):
        options = ("true", "false")
    return AxisView(
        name=spelled.get(key, ""), text=text, options=options, is_number=isinstance(kind, Whole | Decimal | Seed)
    )


def _judge(chosen: OpenWorkflow) -> Judge:
    """Check whether an input's field takes a value."""

    def is_taken(target: Target, value: object) -> bool:
        item = chosen.form.by_key.get(target.where)
        return item is None or isinstance(value, bool) or item.fault(item.kind.text_of(value)) is None

    return is_taken


def _target(names: Mapping[str, Target], key: Key | None, chosen: OpenWorkflow, place: str) -> Target:
    where = _key(names, key, chosen, place)
    found = next((target for target in names.values() if target.where == where), None)
    if found is None:
        raise BadPlan("no-such-input", where[1])
    return found


def _key(names: Mapping[str, Target], key: Key | None, chosen: OpenWorkflow, place: str) -> Key:
    """Return the input that the user chose, if this workflow has it, else a guess."""
    usable = [target.where for target in names.values()]
    if key in usable and key is not None:
        return key
    fields = [chosen.form.by_key[where] for where in usable]
    wanted = {
        "target": sorted((item for item in fields if not _is_file_name(item)), key=_text_rank),
        "seed": [item for item in fields if isinstance(item.kind, Seed)],
        "across": [item for item in fields if isinstance(item.kind, Whole | Decimal) and not item.is_half],
        "down": [item for item in fields if isinstance(item.kind, Seed | Choice)],
    }
    guesses = [*wanted[place], *([] if place == "seed" else fields)]
    return guesses[0].key if guesses else ("", "")


def first_kind(chosen: OpenWorkflow) -> ManyKind:
    """Return how runs of a workflow differ until the user chooses: by their texts, or by seeds if it has none."""
    fields = filter(_is_usable, chosen.form.by_key.values())
    has_text = any(isinstance(item.kind, Text) and not _is_file_name(item) for item in fields)
    return ManyKind.LINES if has_text or not _has_seeds(chosen) else ManyKind.SEEDS


def _has_seeds(chosen: OpenWorkflow) -> bool:
    return any(isinstance(item.kind, Seed) for item in chosen.form.by_key.values())


def _is_file_name(item: Field) -> bool:
    return item.key[1] == FILE_NAME


def _text_rank(item: Field) -> int:
    """Rank a field as the input for a list: a prompt or other long text first, then a short text, then the rest."""
    if not isinstance(item.kind, Text):
        return 2
    is_long = role_of(item.kind, item.key[1]) is GuessedRole.TEXT or (item.key[1] == VALUE and item.kind.is_multiline)
    return 0 if is_long else 1


def _is_usable(item: Field) -> bool:
    if isinstance(item.kind, Upload) or item.value is None or isinstance(item.value, list | dict):
        return False
    if isinstance(item.kind, Choice) and item.kind.is_shaping:
        return False
    return not (isinstance(item.kind, Unknown) and item.is_absent) and not (item.is_absent and item.is_optional)


def _whole(text: str) -> int:
    """Parse a whole number. Raises BadPlan(bad-number) for anything else."""
    try:
        return int(text.strip().replace("_", "?"))
    except ValueError as error:
        raise BadPlan("bad-number", text.strip()[:40]) from error


def many_lists(shown: object) -> tuple[OptionList, ...]:
    """Return the long lists of choices that an open dialog needs, as `static/js/combo.js` reads them."""
    if isinstance(shown, EditView):
        return (OptionList("edit-names", shown.names),)
    shown = getattr(shown, "many", shown)  # of the dialog about many files
    if not isinstance(shown, ManyView):
        return ()
    sides = (("across", shown.across), ("down", shown.down))
    added = (OptionList(f"many-{place}-options", side.options) for place, side in sides if side.options)
    return (OptionList("many-names", shown.names), *added)
