"""What a dialog may be about: one task, and what the person is asked or shown of it."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.model import BatchId, PromptId, Task


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
    """One result, large; out of a contact sheet, it is left for that."""

    prompt_id: PromptId
    index: int
    sheet: BatchId | None = None
    is_album: bool = False  # out of the album, where there is a next one
    task: Task | None = None  # the whole record of one that no window holds any more


@dataclass(frozen=True, slots=True)
class DeleteDialog:
    """The question before results are deleted: with the runs that they are of, and all that those have made."""

    names: tuple[str, ...]
    runs: int = 0
    results: int = 0


@dataclass(frozen=True, slots=True)
class Compared:
    """One of two results: what its bytes are called, and what it says of itself."""

    name: str
    title: str
    server: str
    at: float
    seed: str = ""


@dataclass(frozen=True, slots=True)
class CompareDialog:
    """Two results, beside each other or with a slider between them."""

    one: Compared
    other: Compared
    is_slider: bool = False


@dataclass(frozen=True, slots=True)
class GraphDialog:
    """The graph of what a task runs, or of the form's workflow; with the box that was chosen in it, if any."""

    prompt_id: PromptId | None
    node_id: str = ""


TaskDialog = GiveUpDialog | RunAgainDialog | SameServerDialog | PictureDialog | GraphDialog
