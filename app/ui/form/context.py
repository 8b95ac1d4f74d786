"""What actions on the form need of the page: its context, and the workflows that are open."""

from __future__ import annotations

from typing import Protocol

from app.ui.form.open_workflow import OpenWorkflow, find_open
from app.ui.form.state import FormState
from app.ui.kit.context import PageContext


class FormContext(PageContext, Protocol):
    """The page, for actions that read or change the open workflows."""

    @property
    def workflows(self) -> tuple[OpenWorkflow, ...]:
        """The workflows that are open."""

    def set_workflows(self, workflows: tuple[OpenWorkflow, ...]) -> None:
        """Offer these."""


def opened_on(context: FormContext) -> OpenWorkflow | None:
    """The chosen workflow, if it is open."""
    return find_open(context.workflows, context.ui.of(FormState).workflow_id)
