"""What a dialog may be about: one task, and what the person is asked or shown of it."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.model import PromptId


@dataclass(frozen=True, slots=True)
class GiveUpDialog:
    """The question before a task is given up."""

    prompt_id: PromptId


@dataclass(frozen=True, slots=True)
class RunAgainDialog:
    """The question before a task that may still run is run once more."""

    prompt_id: PromptId
    is_elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class SameServerDialog:
    """The question whether the fleet's new address is the server that has a task."""

    prompt_id: PromptId


@dataclass(frozen=True, slots=True)
class PictureDialog:
    """One result, large."""

    prompt_id: PromptId
    index: int


@dataclass(frozen=True, slots=True)
class GraphDialog:
    """The graph of what a task runs, or of the form's workflow; with the box that was chosen in it, if any."""

    prompt_id: PromptId | None
    node_id: str = ""


TaskDialog = GiveUpDialog | RunAgainDialog | SameServerDialog | PictureDialog | GraphDialog
