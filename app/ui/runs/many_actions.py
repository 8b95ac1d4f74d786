"""Actions of the dialog *Batch*: writing the plan, reading it from a file, adding its runs."""

from __future__ import annotations

import csv
import io
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from app.core.errors import BadPlan
from app.core.ports.blobs import Blob
from app.ui.form.actions import FormActions
from app.ui.form.changes import with_draft
from app.ui.form.open_workflow import OpenWorkflow
from app.ui.form.state import Draft, FormState
from app.ui.kit.actions import action
from app.ui.kit.context import PageContext, set_slices
from app.ui.kit.deletion_actions import Deletions
from app.ui.kit.deletions import Deletion, What
from app.ui.kit.screen import Screen
from app.ui.kit.state import UiState
from app.ui.runs.many import PLACES, ManyDialog, ManyDraft, ManyKind, ManyPlan, first_kind, input_names, plan_of
from app.ui.runs.state import CreditsDialog, RunsState
from app.workflows.plans.rows import MAX_TEXT
from app.workflows.plans.runs import PlannedRun

TYPED = ":many"
TABLES = (".csv", ".tsv")
TEXTS = ("start", "count", "step")
ENCODINGS = ("utf-8-sig", "utf-16", "gb18030")  # what spreadsheets write


class ManyActions:
    """Actions of the dialog. `add` adds runs to those that wait, for a number of sessions."""

    def __init__(
        self,
        context: PageContext,
        screen: Screen,
        form: FormActions,
        add: Callable[[OpenWorkflow, Draft, list[PlannedRun], int | None], Awaitable[None]],
        deletions: Deletions,
    ) -> None:
        self._context = context
        self._screen = screen
        self._form = form
        self._add = add
        self._deletions = deletions

    @property
    def is_open(self) -> bool:
        return isinstance(self._context.ui.dialog, ManyDialog)

    @action("open-many")
    def open_dialog(self) -> None:
        chosen, draft = self._form.chosen, self._draft
        if chosen is not None and not draft.is_kind_chosen and not draft.text.strip():
            self._set(replace(draft, kind=first_kind(chosen)))
        self._context.set_ui(replace(self._context.ui, dialog=ManyDialog()))

    @action("many-kind")
    def choose_kind(self, value: ManyKind) -> None:
        self._set(replace(self._draft, kind=value, is_kind_chosen=True))

    @action("many-senders")
    def choose_senders(self, value: int) -> None:
        """Choose how many servers the runs are spread over."""
        self._set(replace(self._draft, senders=value))

    @action("many-clear")
    def clear(self) -> None:
        """Empty the list or table."""
        self._replace_text(self._draft.with_text(""))

    @action("many")
    def fill(self, place: str, value: str) -> None:
        """Put the typed text into a field of the dialog."""
        if place == "text":
            self._set(self._draft.with_text(value))
        elif place in (*TEXTS, "across-text", "down-text"):
            changed: dict[str, Any] = {place.replace("-", "_"): value}
            self._set(replace(self._draft, **changed))

    def take_files(self, files: Sequence[tuple[Blob, str]]) -> None:
        """Read the list or table from a file that was dropped or chosen while the dialog is open."""
        for blob, name in files[:1]:
            self._context.spawn(self._read(blob, name))

    async def _read(self, blob: Blob, name: str) -> None:
        if blob.size > 4 * MAX_TEXT:
            self._set(replace(self._draft, fault=BadPlan("plan-too-large", name)))
            return
        text = decoded(await blob.read())
        if text is None:
            self._set(replace(self._draft, fault=BadPlan("no-text", name)))
            return
        is_table = name.lower().endswith(TABLES)
        kind = ManyKind.TABLE if is_table else self._draft.kind
        kind = kind if kind in (ManyKind.LINES, ManyKind.TABLE) else ManyKind.LINES
        self._replace_text(replace(self._draft, kind=kind).with_text(text, name))

    def _replace_text(self, draft: ManyDraft) -> None:
        """Replace the list or table; *Undo* restores it."""
        before = self._draft
        self._write(draft)
        text = replace(before, kind=draft.kind).text
        if text.strip() and text != draft.text:
            self._deletions.put_off(Deletion(What.TEXT), undo=lambda: self._write(before))

    def _write(self, draft: ManyDraft) -> None:
        self._set(draft)
        self._screen.update({"texts": [{"node": TYPED, "name": "many-text", "text": draft.text}]})

    # The plan

    @property
    def _draft(self) -> ManyDraft:
        return self._context.ui.of(RunsState).many

    def _set(self, draft: ManyDraft) -> None:
        set_slices(self._context, replace(self._context.ui.of(RunsState), many=draft))

    @action("many-input")
    def choose_input(self, place: str, value: str) -> None:
        chosen = self._form.chosen
        target = input_names(chosen, self._context.word).get(value) if chosen is not None else None
        if place in PLACES and target is not None:
            changed: dict[str, Any] = {place: target.where}
            self._set(replace(self._draft, **changed))

    @action("many-option")
    def append_option(self, place: str, value: str) -> None:
        """Append one of an input's choices to the values of a side, and empty the choice."""
        if not value or place not in ("across", "down"):
            return
        name = f"{place}_text"
        text = appended(str(getattr(self._draft, name)), value)
        changed: dict[str, Any] = {name: text}
        self._set(replace(self._draft, **changed))
        fields = {f"many-{place}-text": text, f"many-{place}-option": ""}
        self._screen.update({"texts": [{"node": TYPED, "name": key, "text": item} for key, item in fields.items()]})

    @action("many-add")
    async def add_all(self, confirmed: bool = False) -> None:
        """Add the plan's runs to those that wait, and close the dialog; confirm several that cost credits first."""
        chosen, ui = self._form.chosen, self._context.ui
        if chosen is None:
            return
        draft = self._form.draw_seeds(chosen, ui.of(FormState).draft)
        plan = plan_of(chosen, draft.values, ui.of(RunsState).many, self._context.word)
        if plan.workflow is None or plan.runs is None:
            return  # the dialog shows why
        if len(plan.runs) > 1 and chosen.credit_classes and not confirmed:
            self._context.set_ui(replace(ui, dialog=CreditsDialog("many-add", len(plan.runs))))
            return
        runs, after = self._with_seeds(chosen, ui, plan, draft)
        now = replace(self._context.ui, dialog=None)
        many = replace(ui.of(RunsState).many, senders=None)
        self._context.set_ui(with_draft(now, after).with_slices(replace(now.of(RunsState), many=many)))
        self._screen.update({"reveal": "waiting"})
        await self._add(chosen, draft, runs, ui.of(RunsState).many.senders)

    def _with_seeds(
        self, chosen: OpenWorkflow, ui: UiState, plan: ManyPlan, drawn: Draft
    ) -> tuple[list[PlannedRun], Draft]:
        """Draw the seeds of the runs, and of the form after them: one for each run of a list, one for a whole grid."""
        runs = list(plan.runs or ())
        if ui.of(RunsState).many.kind not in (ManyKind.LINES, ManyKind.TABLE):
            return runs, self._form.count_seeds(chosen, drawn)
        return self._form.with_seeds(chosen, ui.of(FormState).draft, runs)


def appended(text: str, value: str) -> str:
    """Append a value to those of a side: on a new line, or after a comma."""
    if "\n" in text.strip():
        return f"{text.rstrip()}\n{value}"
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow([value])
    return f"{text.rstrip().rstrip(',')}, {line.getvalue()}" if text.strip() else line.getvalue()


def decoded(data: bytes) -> str | None:
    """Decode a file in an encoding that spreadsheets use; None if it is not a text."""
    encodings = ENCODINGS if data[:2] in (b"\xff\xfe", b"\xfe\xff") else (ENCODINGS[0], ENCODINGS[2])
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeError:
            continue
        return None if "\0" in text else text
    return None
