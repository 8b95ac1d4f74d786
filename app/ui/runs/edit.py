"""Editing one waiting run: its values as texts, and their check.

edit = begin_edit(line, prompt_id)          # the dialog with the run's values
values, faults = edit_values(line, edit)    # what to save, if every text fits
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from app.core.errors import BadInput, TaskNotFound
from app.core.model import PromptId
from app.core.waiting_runs import Batch, WaitingRun, WaitingRuns, read_values
from app.core.workflow import ApiWorkflow
from app.ui.kit.state import Dialog, UiState
from app.workflows.graph import Key
from app.workflows.plans.runs import label_of
from app.workflows.plans.targets import Target, read_value, settable


@dataclass(frozen=True, slots=True)
class EditDialog(Dialog):
    """The open dialog, with its texts by input."""

    prompt_id: PromptId
    texts: tuple[tuple[Key, str], ...] = ()
    is_touched: bool = False  # something was typed

    @property
    def has_unsaved_text(self) -> bool:
        """Whether a value was changed."""
        return self.is_touched

    def subject(self, _ui: UiState, /) -> str:
        return self.prompt_id

    def with_text(self, key: Key, text: str) -> EditDialog:
        """Return the dialog with one field filled in, or added."""
        return replace(self, texts=tuple({**dict(self.texts), key: text}.items()), is_touched=True)


@dataclass(frozen=True, slots=True)
class EditField:
    key: Key
    name: str
    text: str
    is_long: bool = False
    is_wrong: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EditView:
    """The open dialog; `names` are the other inputs that can be changed. `is_gone` if the run no longer waits."""

    prompt_id: PromptId
    title: str = ""
    label: str = ""
    fields: tuple[EditField, ...] = ()
    names: tuple[str, ...] = ()
    is_gone: bool = False
    is_on_sheet: bool = False

    @property
    def is_ready(self) -> bool:
        """Whether it can be saved."""
        return not self.is_gone and not any(item.is_wrong for item in self.fields)


def begin_edit(line: WaitingRuns, prompt_id: PromptId) -> EditDialog:
    """Open the dialog with the values that the run sets. Raises TaskNotFound if it no longer waits."""
    values = read_values(line.entry(prompt_id).values)
    return EditDialog(prompt_id, tuple((key, text_of_value(value)) for key, value in values.items()))


def edit_view(line: WaitingRuns | None, edit: EditDialog, sending: frozenset[PromptId]) -> EditView:
    """Return the dialog as it is shown now."""
    found = _find(line, edit.prompt_id)
    if found is None or edit.prompt_id in sending:
        return EditView(prompt_id=edit.prompt_id, is_gone=True)
    entry, workflow, batch = found
    files = {(item.node_id, item.input_name) for item in batch.inputs}
    names = settable(workflow)
    spelled = {target.where: name for name, target in names.items()}
    texts = dict(edit.texts)
    return EditView(
        prompt_id=edit.prompt_id,
        title=batch.title,
        label=entry.part.label,
        fields=tuple(_field(workflow, key, spelled.get(key, key[1]), text) for key, text in texts.items()),
        names=tuple(name for name, target in names.items() if target.where not in {*texts, *files}),
        is_on_sheet=entry.part.cell is not None,
    )


def edit_values(line: WaitingRuns, edit: EditDialog) -> tuple[dict[Key, object], str]:
    """Return the run's new values and label. Raises BadInput for a text that does not fit, or TaskNotFound."""
    entry, workflow, _ = _find(line, edit.prompt_id) or _gone(edit.prompt_id)
    old, values = read_values(entry.values), dict[Key, object]()
    for key, text in edit.texts:
        try:
            is_same = key in old and text_of_value(old[key]) == text
            values[key] = old[key] if is_same else read_value(text, workflow.value(*key))
        except ValueError as error:
            raise BadInput("not-a-number", key[1], text) from error
    if values == old:
        return values, entry.part.label
    return values, " · ".join(label_of(Target(*key), value) for key, value in values.items())


def text_of_value(value: object) -> str:
    """Return a value as the text of its field."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def present_text(line: WaitingRuns, edit: EditDialog, name: str) -> tuple[Key, str] | None:
    """Find an input by its name, with its current text; None if there is none."""
    found = _find(line, edit.prompt_id)
    target = settable(found[1]).get(name) if found is not None else None
    return (target.where, text_of_value(found[1].value(*target.where))) if found and target else None


def _find(line: WaitingRuns | None, prompt_id: PromptId) -> tuple[WaitingRun, ApiWorkflow, Batch] | None:
    if line is None or not line.has(prompt_id):
        return None
    entry = line.entry(prompt_id)
    batch = line.batches[entry.batch_id]
    return entry, entry.workflow_of(batch), batch


def _gone(prompt_id: PromptId) -> tuple[WaitingRun, ApiWorkflow, Batch]:
    raise TaskNotFound("edit", prompt_id)


def _field(workflow: ApiWorkflow, key: Key, name: str, text: str) -> EditField:
    like = workflow.value(*key)
    try:
        read_value(text, like)
        is_wrong = False
    except ValueError:
        is_wrong = True
    return EditField(key, name, text, is_long=isinstance(like, str), is_wrong=is_wrong)
