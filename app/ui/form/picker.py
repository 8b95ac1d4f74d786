"""The form's picker: the workflows to choose, and how the opening of the chosen one goes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from itertools import islice

from app.core.errors import MooringError
from app.ui.form.open_workflow import SHIPPED_IDS
from app.workflows.forms.search import plain
from app.workflows.library import Item, found

PICKED_AT_FIRST = 7  # workflows in the picker before something is searched
MOST_FOUND = 20


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
        if self.workflow_id == "checkpoint":
            return "flow-text"
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


def picked(entries: tuple[WorkflowEntry, ...], chosen: str, query: str = "") -> tuple[WorkflowEntry, ...]:
    """Return the entries that the picker lists: those found, or the first few with the chosen one."""
    if query.strip():
        return tuple(islice((entry for entry in entries if is_found(entry, query)), MOST_FOUND))
    at_first = entries[:PICKED_AT_FIRST]
    if any(entry.workflow_id == chosen for entry in at_first):
        return at_first
    return (*(entry for entry in entries if entry.workflow_id == chosen), *at_first[: PICKED_AT_FIRST - 1])


def is_found(entry: WorkflowEntry, query: str) -> bool:
    """Whether each word of a search is in the title, description, path or tags of a workflow."""
    if entry.item is not None:
        return bool(found((entry.item,), query, ""))
    text = plain(f"{entry.title}\n{entry.about}\n{entry.workflow_id}")
    return all(word in text for word in plain(query).split())
