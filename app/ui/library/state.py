"""The library as it is shown: what there is to choose, how the chosen one is opened, and the dialog with all of it."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.errors import MooringError
from app.core.model import ServerId
from app.ui.form.picker import WorkflowEntry
from app.ui.kit.state import Dialog

SHOWN = 120  # workflows, and names of saved ones; more are found by the search


@dataclass(frozen=True, slots=True)
class Saved:
    """What one server has saved; None until it has told, or `error` says why it has not."""

    server_id: ServerId
    names: tuple[str, ...] | None = None
    error: MooringError | None = None

    def matching(self, query: str) -> tuple[str, ...]:
        """The names that contain the query."""
        return tuple(name for name in self.names or () if query.casefold() in name.casefold())


@dataclass(frozen=True, slots=True)
class LibraryDialog(Dialog):
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
