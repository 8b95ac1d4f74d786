"""The library: the user's items and the files that the installation publishes.

Other windows write to the same documents, so an item is read and changed in one transaction, and all items are read
when the tab becomes visible or the library opens.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from app.core.errors import MooringError, StorageError
from app.core.model import PromptId, ServerId
from app.core.ports.blobs import Blob
from app.core.ports.documents import Changes, DocumentKey, DocumentStore
from app.core.saved import PublishedFile
from app.workflows import library, versions
from app.workflows.library import (
    EXPORTED_KINDS,
    FILE_KIND,
    KIND,
    SEEN_KIND,
    Bundle,
    Item,
    ItemContent,
    SeenFile,
    WorkflowOrigin,
    item_of,
)
from app.workflows.reading import Source
from wire.word_lists import ending_of

log = logging.getLogger("mooring.ui")

_ITEM_ID = re.compile("[0-9a-f]{32}")
PUBLISHED_MARK = "published:"  # before the path, in the id of a published workflow


class Files(Protocol):
    """A source of published and saved workflows."""

    async def published(self) -> tuple[PublishedFile, ...]: ...
    async def read_published(self, path: str) -> Blob: ...
    async def saved(self, server_id: ServerId) -> tuple[str, ...]: ...
    async def read_saved(self, server_id: ServerId, name: str) -> Blob: ...


class Library:
    """The workflows to open. `now` is the time in seconds, `changed` redraws the page."""

    def __init__(
        self, documents: DocumentStore, files: Files, now: Callable[[], float], changed: Callable[[], None]
    ) -> None:
        self._documents = documents
        self._now = now
        self._changed = changed
        self.files = files
        self.items: tuple[Item, ...] = ()
        self.published: tuple[PublishedFile, ...] = ()
        self.published_words: tuple[PublishedFile, ...] = ()
        self.changed_since: Mapping[str, float] = {}  # open published workflows that changed since they were used
        self.seen: Mapping[str, SeenFile] = {}  # published files, by path
        self._published_tag = ""  # of the list that is read, or being read
        self._listed_tag = ""

    def item(self, item_id: str) -> Item | None:
        """Return an item by its id."""
        return next((item for item in self.items if item.item_id == item_id), None)

    def published_file(self, workflow_id: str) -> PublishedFile | None:
        """Return a published file by its workflow's id."""
        path = workflow_id.removeprefix(PUBLISHED_MARK)
        if path == workflow_id:
            return None
        return next((file for file in self.published if file.path == path), None)

    def has(self, workflow_id: str) -> bool:
        """Return whether the workflow is an item or published."""
        return self.item(workflow_id) is not None or self.published_file(workflow_id) is not None

    # Reading

    async def refresh(self) -> None:
        """Read the items; if the store cannot be read, the known ones stay."""
        try:
            items = library.read_items(await self._documents.read_kind(KIND))
            seen = library.read_seen(await self._documents.read_kind(SEEN_KIND))
        except StorageError as error:
            log.warning("the library is not read: %r", error)
            return
        if (items, seen) != (self.items, self.seen):
            self.items, self.seen = items, seen
            self._changed()

    def is_stale(self, tag: str) -> bool:
        """Return whether the list of published files has changed since it was read."""
        return tag != self._published_tag

    def is_listed(self, tag: str) -> bool:
        """Return whether that list of published files has been read, or could not be."""
        return tag == self._listed_tag

    async def refresh_published(self, tag: str) -> None:
        """Read the list of published files, if it has changed."""
        if not self.is_stale(tag):
            return
        self._published_tag = tag
        try:
            found = await self.files.published() if tag else ()
        except MooringError as error:
            log.warning("the published workflows are not known: %r", error)
            return  # the known ones stay until the list changes next
        else:
            self.published = tuple(file for file in found if not ending_of(file.path))
            self.published_words = tuple(file for file in found if ending_of(file.path))
        finally:
            self._listed_tag = tag
            self._changed()

    async def note_published(self, file: PublishedFile) -> None:
        """Note that a published file was opened. If it was another one before, that is shown until it is run."""
        before, new = self.seen.get(file.path), SeenFile(file.path, file.tag, self._now())
        if before is not None and before.tag != file.tag:
            self.changed_since = {**self.changed_since, f"{PUBLISHED_MARK}{file.path}": before.at}
        changes = library.seen_changes(self.seen, new)
        self.seen = {**self.seen, file.path: new}
        self._changed()
        try:
            await self._documents.write_documents(changes)
        except StorageError as error:
            log.info("not noted in the library: %r", error)

    def forget_change(self, workflow_id: str) -> None:
        """Show no longer that a published workflow has changed."""
        if workflow_id in self.changed_since:
            others = {key: at for key, at in self.changed_since.items() if key != workflow_id}
            self.changed_since = others
            self._changed()

    async def body(self, item_id: str) -> ItemContent:
        """Return the content of an item's file; BadInput if it is missing or damaged."""
        text = await self._documents.read_document(FILE_KIND, item_id)
        return library.read_body(text or "")

    # Changing

    async def made(self, source: Source, origin: WorkflowOrigin, place: str = "") -> tuple[Item, ItemContent]:
        """Make an item of a file's content, without saving it. One that is known by another content has that id."""
        item, body = item_of(source, origin, at=self._now(), place=place)
        known = versions.holder_of(self.items, item.item_id) or await self._namesake(item, body)
        return item if known is None else replace(item, item_id=known.item_id), body

    async def _namesake(self, item: Item, body: ItemContent) -> Item | None:
        """Return the item of the same place whose file had earlier been like this one."""
        for known in versions.namesakes(self.items, item.origin, item.place):
            try:
                if versions.is_same_work(await self.body(known.item_id), body):
                    return known
            except MooringError as error:
                log.info("%s is not compared: %r", known.item_id, error)
        return None

    async def add(self, item: Item, body: ItemContent) -> Item | None:
        """Save an item, and return it as it was before, if it was there. Another content stays as a version."""
        return await self._change(item.item_id, lambda texts: versions.saved(texts, item, body))

    async def go_back(self, item_id: str, content: str) -> Item | None:
        """Make an earlier content current again, and return the item as it was; BadInput if it is gone."""
        return await self._change(
            item_id, lambda texts: versions.went_back(texts, item_id, content, at=self._now()), content
        )

    async def part(self, item_id: str, content: str) -> str:
        """Make a version an item of its own; return that item's id."""
        await self._change(item_id, lambda texts: versions.parted(texts, item_id, content, at=self._now()), content)
        return versions.parted_id(item_id, content)

    async def note_used(self, item_id: str, prompt_id: PromptId | None = None, content: str = "") -> None:
        """Note that an item was opened, or run with this content. Other workflows are ignored, errors only logged."""
        if self.item(item_id) is None:
            return
        now = self._now()
        try:
            await self._edit(
                item_id,
                lambda item: item.used(now) if prompt_id is None else versions.noted(item, content, prompt_id, now),
            )
        except MooringError as error:
            log.info("not noted in the library: %r", error)

    async def rename(self, item_id: str, title: str) -> None:
        """Change an item's title."""
        await self._edit(item_id, lambda item: item.titled(title))

    async def tag(self, item_id: str, tags: str) -> None:
        """Change an item's tags, given with commas between them."""
        await self._edit(item_id, lambda item: item.tagged(tags.replace("，", ",").replace("、", ",").split(",")))

    async def delete(self, item_id: str) -> None:
        """Delete an item with its file and versions."""
        await self._change(item_id, lambda texts: versions.removed(texts, item_id))

    async def bundle(self, layouts: Mapping[str, str]) -> Bundle:
        """Return the whole library for export."""
        documents = {
            (kind, name): text
            for kind in EXPORTED_KINDS
            for name, text in (await self._documents.read_kind(kind)).items()
        }
        return Bundle(documents, layouts)

    async def import_bundle(self, bundle: Bundle) -> None:
        """Add an exported library; existing items stay."""
        keys = versions.keys_to_merge(bundle)
        await self._documents.change_documents(keys, lambda texts: versions.merged(bundle, texts))
        await self.refresh()

    async def _edit(self, item_id: str, change: Callable[[Item], Item]) -> None:
        """Change an item's entry."""

        def changes(texts: Mapping[DocumentKey, str]) -> Changes:
            known = library.read_items({name: text for (kind, name), text in texts.items() if kind == KIND})
            return library.written(change(known[0])) if known else {}

        await self._change(item_id, changes)

    async def _change(
        self, item_id: str, change: Callable[[Mapping[DocumentKey, str]], Changes], *contents: str
    ) -> Item | None:
        """Change an item's documents in one transaction, and return the item as it was before."""
        before: dict[str, str] = {}
        entries: dict[str, str | None] = {}

        def work(texts: Mapping[DocumentKey, str]) -> Changes:
            before.update({name: text for (kind, name), text in texts.items() if kind == KIND})
            changes = change(texts)
            entries.update({name: text for (kind, name), text in changes.items() if kind == KIND})
            return changes

        await self._documents.change_documents(versions.keys_of(item_id, *contents), work)
        now = library.read_items({name: text for name, text in entries.items() if text is not None})
        others = (other for other in self.items if other.item_id not in entries)
        self.items = tuple(sorted((*now, *others), key=lambda other: (-other.used_at, other.item_id)))
        self._changed()
        return next(iter(library.read_items(before)), None)


def plain_title(file: PublishedFile) -> str:
    """Return a published file's title: its author's, else its file's name."""
    name = file.path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    return file.title or name.replace("_", " ").replace("-", " ").strip() or file.path


def is_file(workflow_id: str) -> bool:
    """Return whether the id is that of an item or a published file."""
    return workflow_id.startswith(PUBLISHED_MARK) or _ITEM_ID.fullmatch(workflow_id) is not None
