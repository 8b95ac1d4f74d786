"""The page as actions on the form see it: its context and the open workflows."""

from __future__ import annotations

from typing import Protocol

from app.ui.form.open_workflow import OpenWorkflow, find_open
from app.ui.form.state import FormState
from app.ui.kit.context import PageContext


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
