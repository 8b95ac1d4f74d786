"""How other features change the form: its draft, what is known for it, and what a link or a result has done to it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from app.ui.form.state import NODES_AT_FIRST, Draft, FormState, LinkReport, TakenSettings
from app.ui.kit.context import PageContext, set_slices
from app.ui.kit.state import UiState
from app.workflows.needs import Runnability


def with_chosen(ui: UiState, workflow_id: str) -> UiState:
    """Return the state with another workflow chosen, its form from the top."""
    form = replace(ui.of(FormState), workflow_id=workflow_id, query="", nodes_shown=NODES_AT_FIRST)
    return ui.with_slices(form)


def with_draft(ui: UiState, draft: Draft, workflow_id: str | None = None) -> UiState:
    """Return the state with another draft of a workflow, of the chosen one unless it is named."""
    return ui.with_slices(ui.of(FormState).with_draft(draft, workflow_id))


def put_draft(context: PageContext, draft: Draft, workflow_id: str | None = None) -> None:
    """Replace the draft of a workflow, of the chosen one unless it is named."""
    context.set_ui(with_draft(context.ui, draft, workflow_id))


def with_standing(ui: UiState, standing: Runnability) -> UiState:
    """Return the state with which servers can run the chosen workflow."""
    form = ui.of(FormState)
    known = replace(form.known, standings={**form.known.standings, form.workflow_id: standing})
    return ui.with_slices(replace(form, known=known))


def know(context: PageContext, **known: Any) -> None:
    """Replace facts that were read for the form: fields of `Loaded`."""
    form = context.ui.of(FormState)
    set_slices(context, replace(form, known=replace(form.known, **known)))


def put_linked(context: PageContext, draft: Draft, workflow_id: str, report: LinkReport | None) -> None:
    """Replace a draft by one with the values of a link, and report what the link has done."""
    set_slices(context, replace(context.ui.of(FormState).with_draft(draft, workflow_id), link=report))


def report_link(context: PageContext, report: LinkReport | None) -> None:
    """Report what a link has done; None for nothing any more."""
    set_slices(context, replace(context.ui.of(FormState), link=report))


def note_taken(context: PageContext, at: float) -> None:
    """Note that the chosen form has the settings of a result that was made at this time."""
    form = context.ui.of(FormState)
    set_slices(context, replace(form, taken=TakenSettings(form.workflow_id, at, form.draft.values)))
