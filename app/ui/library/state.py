"""The library as it is shown: what there is to choose, how the chosen one is opened, and the dialog with all of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from app.core.errors import MooringError
from app.core.model import ServerId
from app.workflows.library import Item


class LibrarySection(Enum):
    """Where a workflow is had from."""

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


@dataclass(frozen=True, slots=True)
class Saved:
    """What one server has saved; None until it has told, or `error` says why it has not."""

    server_id: ServerId
    names: tuple[str, ...] | None = None
    error: MooringError | None = None


@dataclass(frozen=True, slots=True)
class LibraryDialog:
    """The open library with what the person looks for in it. `editing` and `deleting` name an item."""

    query: str = ""
    tag: str = ""
    editing: str = ""
    deleting: str = ""
    saved: Saved | None = None


@dataclass(frozen=True, slots=True)
class LibraryView:
    """The library with what was found in it; `count` of all."""

    dialog: LibraryDialog
    entries: tuple[WorkflowEntry, ...] = ()
    count: int = 0
    tags: tuple[str, ...] = ()
    servers: tuple[tuple[ServerId, str], ...] = ()  # whose saved workflows can be looked into, with their names
    chosen: str = ""


@dataclass(frozen=True, slots=True)
class Opening:
    """The chosen workflow while it is not open: on its way, or `error` says what is in the way."""

    workflow_id: str
    title: str
    error: MooringError | None = None
    needs_catalogue: bool = False  # no server tells its nodes yet


@dataclass(frozen=True, slots=True)
class LibraryEntries:
    """Everything that could be chosen now, in the order of the picker, and how the chosen one is opened."""

    entries: tuple[WorkflowEntry, ...] = ()
    opening: Opening | None = None
    tags: tuple[str, ...] = ()
