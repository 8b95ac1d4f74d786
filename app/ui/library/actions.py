"""What the user does with workflow files and the library: open, choose, search, rename, tag, delete, export."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from app.core.errors import BadInput, MooringError
from app.core.model import ServerId
from app.core.ports.blobs import Blob
from app.ui.form.arrange_actions import STORE_KEY as LAYOUT_KEY
from app.ui.kit.actions import action
from app.ui.kit.context import PageContext, attempt
from app.ui.kit.deletion_actions import Deletions
from app.ui.kit.deletions import Deletion, What
from app.ui.kit.screen import Screen
from app.ui.library.library import Library
from app.ui.library.opening import Opener
from app.ui.library.state import LibraryDialog, ServerWorkflows
from app.ui.words.words import WordLists
from app.workflows.library import Item, can_be_read, export_text
from app.workflows.word_lists import is_word_file

_OBJECT = re.compile(rb"(?:\xef\xbb\xbf)?\s*\{\s*\"")

log = logging.getLogger("mooring.ui")

EXPORT_NAME = "mooring-library.json"


class LibraryActions:
    """Actions on the library. `pass_on` takes a file that is no workflow to the form."""

    def __init__(
        self,
        context: PageContext,
        screen: Screen,
        library: Library,
        opener: Opener,
        pass_on: Callable[[Sequence[tuple[Blob, str]]], None],
        *,
        words: WordLists,
        deletions: Deletions,
    ) -> None:
        self._context = context
        self._screen = screen
        self._library = library
        self._opener = opener
        self._words = words
        self._pass_on = pass_on
        self._deletions = deletions

    # Files and texts

    def take_files(self, files: Sequence[tuple[Blob, str]], *, is_surely: bool) -> None:
        """Take files that were not dropped on a field: workflows are opened, others go into the form."""
        attempt(self._context, self._take_files(files, is_surely=is_surely))

    async def _take_files(self, files: Sequence[tuple[Blob, str]], *, is_surely: bool) -> None:
        words, rest = list[tuple[Blob, str]](), list[tuple[Blob, str]]()
        for blob, name in files:
            is_words = is_word_file(name) and not await _may_be_json(blob)
            (words if is_words else rest).append((blob, name))
        if words:
            attempt(self._context, self._words.add(words))
        others = [
            (blob, name)
            for blob, name in rest
            if not await self._opener.take_file(blob, name, is_surely=is_surely or is_json(blob, name))
        ]
        if others:
            self._pass_on(others)
        if len(others) < len(rest):
            await self._words.load()  # an imported library may have some
        if words:
            self._show(LibraryDialog())
            self._screen.schedule(lambda: self._screen.update({"jump": "word-lists"}))  # once the library is drawn

    @action("open-text")
    async def open_text(self, text: str) -> None:
        """Open a workflow that was pasted as text."""
        await self._opener.take_text(text)

    # Choosing a workflow

    @action("workflow")
    def choose(self, value: str) -> None:
        """Choose the workflow of the form."""
        self._opener.choose(value)

    @action("open-library")
    def open_library(self) -> None:
        self._context.spawn(self._library.refresh())
        self._show(LibraryDialog())

    @action("open-workflow")
    def open_workflow(self, item: str) -> None:
        self._opener.choose(item)

    @action("library-query")
    def search(self, value: str) -> None:
        self._change(query=value)

    @action("library-tag")
    def filter_by_tag(self, tag: str) -> None:
        """Filter by a tag; the same tag a second time clears the filter."""
        self._change(tag="" if self._dialog.tag == tag else tag)

    @action("library-all")
    def show_all(self) -> None:
        self._change(query="", tag="")
        self._screen.update({"texts": [{"node": "", "name": "library-query", "text": ""}]})

    @action("saved-server")
    def choose_server(self, value: str) -> None:
        """List the workflows that a server has saved, or none."""
        if not value:
            self._change(saved=None)
            return
        self._change(saved=ServerWorkflows(ServerId(value)))
        self._context.spawn(self._list_saved(ServerId(value)))

    @action("open-saved")
    async def open_saved(self, server: ServerId, name: str) -> None:
        """Open a workflow that a server has saved."""
        await self._opener.take_saved(server, name)

    # Changing the library

    @action("edit-item")
    def edit_item(self, item: str) -> None:
        self._change(editing=item, deleting="")

    @action("item-title")
    async def rename(self, item: str, value: str) -> None:
        await self._library.rename(item, value)

    @action("item-tags")
    async def tag(self, item: str, value: str) -> None:
        await self._library.tag(item, value)

    # Versions

    @action("show-versions")
    def show_versions(self, item: str) -> None:
        """List an item's versions; an empty id closes the list."""
        self._change(versions=item)

    @action("go-back")
    async def go_back(self, item: str, content: str) -> None:
        """Make an earlier version current again. The one that is left is kept."""
        before = await self._library.go_back(item, content)
        self._opener.reopen(item)
        if before is not None:
            self._offer(What.WENT_BACK, before)

    @action("part-version")
    async def part(self, item: str, content: str) -> None:
        """Make a version a workflow of its own, and choose it."""
        self._opener.choose(await self._library.part(item, content))

    def offer_version(self, before: Item) -> None:
        """Offer to undo that another content was opened in place of an item's."""
        self._offer(What.VERSION, before)

    def _offer(self, what: What, before: Item) -> None:
        self._deletions.put_off(Deletion(what, before.title), undo=lambda: self._return_to(before))

    def _return_to(self, before: Item) -> None:
        async def work() -> None:
            await self._library.go_back(before.item_id, before.content_id)
            self._opener.reopen(before.item_id)

        attempt(self._context, work())

    @action("note-change")
    def note_change(self, item: str) -> None:
        """Show no longer that a published workflow has changed."""
        self._library.forget_change(item)

    @action("ask-delete-item")
    def ask_delete(self, item: str) -> None:
        self._change(editing=item, deleting=item)

    @action("keep-item")
    def keep(self) -> None:
        """Leave the item in the library."""
        self._change(deleting="")

    @action("delete-item")
    def delete(self, item: str) -> None:
        self._change(deleting="", editing="")
        found = self._library.item(item)
        deletion = Deletion(What.WORKFLOW, found.title if found is not None else "", hides=frozenset({item}))
        self._deletions.put_off(deletion, lambda: self._library.delete(item))

    @action("export-library")
    async def export(self) -> None:
        """Download the whole library as a file."""
        mark = f"{LAYOUT_KEY}."
        layouts = {key.removeprefix(mark): text for key, text in self._screen.kept_all(mark).items()}
        bundle = await self._library.bundle(layouts)
        text = export_text(bundle)
        if can_be_read(text):
            self._screen.save(EXPORT_NAME, text)
            return
        self._screen.save(EXPORT_NAME, export_text(bundle.without_versions))
        raise BadInput("without-versions", EXPORT_NAME)

    async def _list_saved(self, server_id: ServerId) -> None:
        try:
            saved = ServerWorkflows(server_id, await self._library.files.saved(server_id))
        except MooringError as error:
            log.info("what %s has saved is not known: %r", server_id, error)
            saved = ServerWorkflows(server_id, error=error)
        if self._dialog.saved is not None and self._dialog.saved.server_id == server_id:
            self._change(saved=saved)

    @property
    def _dialog(self) -> LibraryDialog:
        dialog = self._context.ui.dialog
        return dialog if isinstance(dialog, LibraryDialog) else LibraryDialog()

    def _change(self, **changes: Any) -> None:
        if isinstance(self._context.ui.dialog, LibraryDialog):
            self._show(replace(self._dialog, **changes))

    def _show(self, dialog: LibraryDialog) -> None:
        self._context.set_ui(replace(self._context.ui, dialog=dialog))


async def _may_be_json(blob: Blob) -> bool:
    """Return whether a text file may be a workflow; a line of a wildcard may begin with a brace too."""
    return _OBJECT.match(await blob.read(200)) is not None


def is_json(blob: Blob, name: str) -> bool:
    """Return whether a file is meant as JSON: no field takes that, so it must be a workflow."""
    return name.lower().endswith(".json") or blob.media_type == "application/json"
