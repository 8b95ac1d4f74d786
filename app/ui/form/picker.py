"""The form's picker: the workflows to choose, and how the opening of the chosen one goes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from app.core.errors import MooringError
from app.ui.form.open_workflow import SHIPPED_IDS
from app.workflows.library import Item

PICKED_AT_FIRST = 5  # workflows in the picker; all others are only in the library


class LibrarySection(Enum):
    """Where a workflow comes from."""

    PUBLISHED = "published"
    OWN = "own"
    SHIPPED = "shipped"


@dataclass(frozen=True, slots=True)
class WorkflowEntry:
    """A workflow to choose; `is_possible` says whether this fleet can run it. Titles of shipped ones are msgids."""

    workflow_id: str
    title: str
    about: str = ""
    shelf: LibrarySection = LibrarySection.SHIPPED
    is_possible: bool = True
    item: Item | None = None
    picture_url: str = ""

    @property
    def icon_name(self) -> str:
        """The icon of a shipped workflow, or of any other."""
        return f"flow-{self.workflow_id}" if self.workflow_id in SHIPPED_IDS else "flow-own"


@dataclass(frozen=True, slots=True)
class Opening:
    """The chosen workflow while it is being opened, or failed to open with `error`."""

    workflow_id: str
    title: str
    error: MooringError | None = None
    needs_catalogue: bool = False  # no server's catalogue is known yet


@dataclass(frozen=True, slots=True)
class LibraryEntries:
    """All workflows to choose, in the order of the picker."""

    entries: tuple[WorkflowEntry, ...] = ()
    opening: Opening | None = None
    tags: tuple[str, ...] = ()


def picked(entries: tuple[WorkflowEntry, ...], chosen: str) -> tuple[WorkflowEntry, ...]:
    """Return the entries of the picker: the first few, and the chosen one."""
    at_first = entries[:PICKED_AT_FIRST]
    if any(entry.workflow_id == chosen for entry in at_first):
        return at_first
    return (*(entry for entry in entries if entry.workflow_id == chosen), *at_first[: PICKED_AT_FIRST - 1])
