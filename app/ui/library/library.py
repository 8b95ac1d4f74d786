"""The library: the user's items and the files that the installation publishes.

Other windows write to the same documents, so an item is read before each change, and all items when the tab becomes
visible or the library opens.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from typing import Protocol

from app.core.errors import MooringError, StorageError
from app.core.model import PromptId, ServerId
from app.core.ports.blobs import Blob
from app.core.ports.documents import DocumentStore
from app.core.saved import PublishedFile
from app.workflows import library
from app.workflows.library import EXPORTED_KINDS, FILE_KIND, KIND, Body, Bundle, Item, Origin, item_of
from app.workflows.reading import Source

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
        self._published_tag = ""

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
        except StorageError as error:
            log.warning("the library is not read: %r", error)
            return
        if items != self.items:
            self.items = items
            self._changed()

    def is_stale(self, tag: str) -> bool:
        """Return whether the list of published files has changed since it was read."""
        return tag != self._published_tag

    async def refresh_published(self, tag: str) -> None:
        """Read the list of published files, if it has changed."""
        if not self.is_stale(tag):
            return
        self._published_tag = tag
        try:
            self.published = await self.files.published() if tag else ()
        except MooringError as error:
            log.warning("the published workflows are not known: %r", error)
            return  # the known ones stay until the list changes next
        self._changed()

    async def body(self, item_id: str) -> Body:
        """Return the content of an item's file; BadInput if it is missing or damaged."""
        text = await self._documents.read_document(FILE_KIND, item_id)
        return library.read_body(text or "")

    # Changing

    def made(self, source: Source, origin: Origin, place: str = "") -> tuple[Item, Body]:
        """Make an item of a file's content, without saving it."""
        return item_of(source, origin, at=self._now(), place=place)

    async def add(self, item: Item, body: Body) -> None:
        """Save an item; of one that is already saved, only the time of use changes."""
        known = await self._read(item.item_id)
        await self._write(known.used(self._now()) if known is not None else item, body)

    async def note_used(self, item_id: str, prompt_id: PromptId | None = None) -> None:
        """Note that an item was opened or run. Other workflows are ignored, and errors are only logged."""
        try:
            item = await self._read(item_id) if self.item(item_id) else None
            if item is not None:
                await self._write(item.used(self._now(), prompt_id))
        except MooringError as error:
            log.info("not noted in the library: %r", error)

    async def rename(self, item_id: str, title: str) -> None:
        """Change an item's title."""
        await self._change(item_id, lambda item: item.titled(title))

    async def tag(self, item_id: str, tags: str) -> None:
        """Change an item's tags, given with commas between them."""
        await self._change(item_id, lambda item: item.tagged(tags.replace("，", ",").replace("、", ",").split(",")))

    async def delete(self, item_id: str) -> None:
        """Delete an item and its file."""
        await self._documents.write_documents(library.deleted(item_id))
        await self.refresh()

    async def bundle(self, layouts: Mapping[str, str]) -> Bundle:
        """Return the whole library for export."""
        documents = {
            (kind, name): text
            for kind in EXPORTED_KINDS
            for name, text in (await self._documents.read_kind(kind)).items()
        }
        return Bundle(documents, layouts)

    async def take_in(self, bundle: Bundle) -> None:
        """Add an exported library; existing items stay."""
        await self._documents.write_documents(library.merged(bundle, await self._documents.read_kind(KIND)))
        await self.refresh()

    async def _change(self, item_id: str, change: Callable[[Item], Item]) -> None:
        item = await self._read(item_id)
        if item is not None:
            await self._write(change(item))

    async def _read(self, item_id: str) -> Item | None:
        text = await self._documents.read_document(KIND, item_id)
        return next(iter(library.read_items({item_id: text})), None) if text is not None else None

    async def _write(self, item: Item, body: Body | None = None) -> None:
        await self._documents.write_documents(library.written(item, body))
        others = (other for other in self.items if other.item_id != item.item_id)
        self.items = tuple(sorted((item, *others), key=lambda other: (-other.used_at, other.item_id)))
        self._changed()


def plain_title(file: PublishedFile) -> str:
    """Return a published file's title: its author's, else its file's name."""
    name = file.path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    return file.title or name.replace("_", " ").replace("-", " ").strip() or file.path


def is_file(workflow_id: str) -> bool:
    """Return whether the id is that of an item or a published file."""
    return workflow_id.startswith(PUBLISHED_MARK) or _ITEM_ID.fullmatch(workflow_id) is not None
