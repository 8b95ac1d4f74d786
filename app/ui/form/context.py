"""The page as actions on the form see it: its context and the open workflows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from app.ui.form.open_workflow import OpenWorkflow, find_open, shaped
from app.ui.form.picker import LibraryEntries
from app.ui.form.state import FormState
from app.ui.kit.context import PageContext
from app.ui.kit.projection import Projection


class FormContext(PageContext, Protocol):
    """The page context with the open workflows."""

    @property
    def workflows(self) -> tuple[OpenWorkflow, ...]:
        """The open workflows."""

    def set_workflows(self, workflows: tuple[OpenWorkflow, ...]) -> None:
        """Replace the open workflows."""


def opened_on(context: FormContext) -> OpenWorkflow | None:
    """The chosen workflow, if it is open."""
    return find_open(context.workflows, context.ui.of(FormState).workflow_id)


@dataclass(frozen=True, slots=True)
class OpenWorkflows:
    """The open workflows, and all workflows to choose."""

    workflows: tuple[OpenWorkflow, ...] = ()
    stock: LibraryEntries = field(default_factory=LibraryEntries)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The chosen workflow as it was opened, and with the inputs that the choices in its form add."""

    opened: OpenWorkflow | None
    shaped: OpenWorkflow | None


def chosen_part(page: Projection) -> Chosen:
    """Return the chosen workflow."""
    form = page.ui.of(FormState)
    opened = find_open(page.of(OpenWorkflows).workflows, form.workflow_id)
    return Chosen(opened, shaped(opened, form.draft.values) if opened else None)
