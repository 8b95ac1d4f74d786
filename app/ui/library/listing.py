"""The lists of workflows in the picker and the library, as pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from app.core.model import Fleet
from app.core.saved import PublishedFile
from app.ui.form.open_workflow import SHIPPED_IDS, OpenWorkflow
from app.ui.form.picker import LibraryEntries, LibrarySection, Opening, WorkflowEntry, is_found
from app.ui.library.library import PUBLISHED_MARK, plain_title
from app.ui.library.state import LibraryDialog, LibraryView, VersionView
from app.workflows.library import Item, SeenFile, Version, found, tags_of
from wire.health import Health


class Shelves(Protocol):
    """The items and published files."""

    @property
    def items(self) -> tuple[Item, ...]: ...
    @property
    def published(self) -> tuple[PublishedFile, ...]: ...
    @property
    def seen(self) -> Mapping[str, SeenFile]: ...
    @property
    def changed_since(self) -> Mapping[str, float]: ...


@dataclass(frozen=True, slots=True)
class NoShelves:
    """Neither items nor published files."""

    items: tuple[Item, ...] = ()
    published: tuple[PublishedFile, ...] = ()
    seen: Mapping[str, SeenFile] = field(default_factory=dict)
    changed_since: Mapping[str, float] = field(default_factory=dict)


NO_SHELVES = NoShelves()


def stock_of(
    workflows: tuple[OpenWorkflow, ...],
    shelves: Shelves,
    fleet: Fleet,
    opening: Opening | None = None,
    hidden: frozenset[str] = frozenset(),
) -> LibraryEntries:
    """Return published workflows first, then the user's own (latest used first), then those shipped with Mooring.

    A `hidden` item counts as deleted: if it is open it is still offered, but not as part of the library.
    """
    has_demo = may_be_demo(fleet)
    others = {item.workflow_id: item for item in workflows}
    entries: list[WorkflowEntry] = []
    for file in shelves.published:
        workflow_id = f"{PUBLISHED_MARK}{file.path}"
        opened = others.pop(workflow_id, None)
        is_possible = opened is None or has_demo or not opened.needs_demo
        about = opened.about if opened is not None else file.about
        seen = shelves.seen.get(file.path)
        missed = seen.at if seen is not None and seen.tag != file.tag else 0.0
        entries.append(
            WorkflowEntry(
                workflow_id,
                plain_title(file),
                about,
                LibrarySection.PUBLISHED,
                is_possible,
                changed_since=shelves.changed_since.get(workflow_id, missed),
            )
        )
    items = tuple(item for item in shelves.items if item.item_id not in hidden)
    for item in items:
        others.pop(item.item_id, None)
        entries.append(WorkflowEntry(item.item_id, item.title, shelf=LibrarySection.OWN, item=item))
    for opened in others.values():  # shipped, or deleted or unpublished while open
        is_possible = can_run(opened, fleet)
        if is_possible or opened.workflow_id not in SHIPPED_IDS:
            entries.append(WorkflowEntry(opened.workflow_id, opened.title, opened.about, is_possible=is_possible))
    return LibraryEntries(tuple(entries), opening, tags_of(items))


class LibraryIndex:
    """Caches the list until something in it changes: libraries are large, and the page is redrawn often."""

    def __init__(self) -> None:
        self._made_of: tuple[object, ...] = ()
        self._stock = LibraryEntries()

    def stock(
        self,
        workflows: tuple[OpenWorkflow, ...],
        shelves: Shelves,
        fleet: Fleet,
        opening: Opening | None,
        hidden: frozenset[str] = frozenset(),
    ) -> LibraryEntries:
        """See `stock_of`."""
        shown = shelves.items, shelves.published, shelves.seen, shelves.changed_since
        made_of = workflows, *shown, may_be_demo(fleet), _is_real(fleet), opening, hidden
        if not self._made_of or any(one is not other for one, other in zip(made_of, self._made_of, strict=True)):
            self._made_of, self._stock = made_of, stock_of(workflows, shelves, fleet, opening, hidden)
        return self._stock


def may_be_demo(fleet: Fleet) -> bool:
    """Return whether the fleet has a demo server, or is not known yet."""
    return not fleet.servers or any(server.is_demo for server in fleet.servers)


def _is_real(fleet: Fleet) -> bool:
    """Whether the fleet has a server that is no demo server."""
    return any(not server.is_demo for server in fleet.servers)


def can_run(opened: OpenWorkflow, fleet: Fleet) -> bool:
    """Whether the fleet may have what a shipped or published workflow says that it needs."""
    if opened.published.needs_checkpoint:
        return _is_real(fleet) and not opened.lacks_checkpoint
    return may_be_demo(fleet) or not opened.needs_demo


def library_view(
    dialog: LibraryDialog, stock: LibraryEntries, fleet: Fleet, chosen: str, picture: Callable[[str], str]
) -> LibraryView:
    """Return the view of the open library."""
    return LibraryView(
        dialog,
        tuple(
            replace(entry, picture_url=picture(entry.workflow_id)) if entry.item is not None else entry
            for entry in stock.entries
            if _is_found(entry, dialog)
        ),
        len(stock.entries),
        stock.tags,
        tuple((server.server_id, server.name) for server in fleet.servers if server.health is Health.WELL),
        chosen,
        tuple(
            VersionView(version, picture(sight_name(entry.item, version)))
            for entry in stock.entries
            if entry.item is not None and entry.item.item_id == dialog.versions
            for version in entry.item.versions
        ),
    )


def published_paths(stock: LibraryEntries) -> tuple[str, ...]:
    """Return the paths of the published files."""
    ids = (entry.workflow_id for entry in stock.entries if entry.shelf is LibrarySection.PUBLISHED)
    return tuple(workflow_id.removeprefix(PUBLISHED_MARK) for workflow_id in ids)


def sight_name(item: Item, version: Version) -> str:
    """Return the name of a version's picture."""
    return f"{item.item_id}/{version.content}"


def _is_found(entry: WorkflowEntry, dialog: LibraryDialog) -> bool:
    if entry.item is not None:
        return bool(found((entry.item,), dialog.query, dialog.tag))
    return not dialog.tag and is_found(entry, dialog.query)
