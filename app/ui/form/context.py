"""The open workflows, and the chosen one."""

from __future__ import annotations

from dataclasses import dataclass

from app.ui.form.open_workflow import OpenWorkflow, find_open, shaped
from app.ui.form.state import FormState
from app.ui.kit.context import PageContext, set_slices
from app.ui.kit.projection import Projection
from app.ui.kit.state import Slice


@dataclass(frozen=True, slots=True)
class OpenWorkflows(Slice):
    """The workflows that are open."""

    workflows: tuple[OpenWorkflow, ...] = ()


def workflows_on(context: PageContext) -> tuple[OpenWorkflow, ...]:
    """The open workflows."""
    return context.ui.of(OpenWorkflows).workflows


def opened_on(context: PageContext) -> OpenWorkflow | None:
    """The chosen workflow, if it is open."""
    return find_open(workflows_on(context), context.ui.of(FormState).workflow_id)


def set_workflows(context: PageContext, workflows: tuple[OpenWorkflow, ...]) -> None:
    """Replace the open workflows, for example by one with the form of a catalogue read just now. Typed values stay."""
    set_slices(context, OpenWorkflows(workflows))


@dataclass(frozen=True, slots=True)
class Chosen:
    """The chosen workflow as it was opened, and with the inputs that the choices in its form add."""

    opened: OpenWorkflow | None
    shaped: OpenWorkflow | None


def chosen_part(page: Projection) -> Chosen:
    """Return the chosen workflow."""
    form = page.ui.of(FormState)
    opened = find_open(page.ui.of(OpenWorkflows).workflows, form.workflow_id)
    return Chosen(opened, shaped(opened, form.draft.values) if opened else None)
