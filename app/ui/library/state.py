"""The state of the library's dialog."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.core.errors import MooringError
from app.core.model import ServerId
from app.ui.form.picker import WorkflowEntry
from app.ui.kit.state import Dialog
from app.ui.words.state import WordsView
from app.workflows.library import Version

SHOWN = 120  # workflows, and names of saved ones; more are found by the search


@dataclass(frozen=True, slots=True)
class ServerWorkflows:
    """The workflows that a server has saved; `names` is None until it answers, or if `error` says why it did not."""

    server_id: ServerId
    names: tuple[str, ...] | None = None
    error: MooringError | None = None

    def matching(self, query: str) -> tuple[str, ...]:
        """The names that contain the query."""
        return tuple(name for name in self.names or () if query.casefold() in name.casefold())


@dataclass(frozen=True, slots=True)
class LibraryDialog(Dialog):
    """The open library with the user's search. `editing` and `deleting` are the ids of an item."""

    query: str = ""
    tag: str = ""
    editing: str = ""
    deleting: str = ""
    versions: str = ""  # the id of the item whose versions are listed
    saved: ServerWorkflows | None = None


@dataclass(frozen=True, slots=True)
class VersionView:
    """A version of an item, with the picture of a result."""

    version: Version
    picture_url: str = ""


@dataclass(frozen=True, slots=True)
class LibraryView:
    """The library with the found entries; `count` is the number of all."""

    dialog: LibraryDialog
    entries: tuple[WorkflowEntry, ...] = ()
    count: int = 0
    tags: tuple[str, ...] = ()
    servers: tuple[tuple[ServerId, str], ...] = ()  # healthy servers with their names
    chosen: str = ""
    versions: tuple[VersionView, ...] = ()  # of the item whose versions are listed
    words: WordsView = field(default_factory=WordsView)
