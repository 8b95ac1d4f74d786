"""What the person does with files and with the library: open, choose, look through, name, tag, delete, export."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

from app.core.errors import MooringError
from app.core.model import ServerId
from app.core.ports.blobs import Blob
from app.ui.form.arrange_actions import STORE_KEY as LAYOUT_KEY
from app.ui.kit.context import PageContext, attempt
from app.ui.kit.deletion_actions import Deletions
from app.ui.kit.deletions import Deletion, What
from app.ui.kit.screen import Facts, Screen
from app.ui.library.library import Library
from app.ui.library.opening import Opener
from app.ui.library.state import LibraryDialog, Saved
from app.workflows.library import export_text

log = logging.getLogger("mooring.ui")

EXPORT_NAME = "mooring-library.json"


class LibraryActions:
    """The hands on it. `pass_on` takes a file that is no workflow, for the form."""

    def __init__(
        self,
        desk: PageContext,
        screen: Screen,
        library: Library,
        opener: Opener,
        pass_on: Callable[[Sequence[tuple[Blob, str]]], None],
        *,
        deletions: Deletions,
    ) -> None:
        self._desk = desk
        self._screen = screen
        self._library = library
        self._opener = opener
        self._pass_on = pass_on
        self._deletions = deletions

    # Files and texts

    def take_files(self, files: Sequence[tuple[Blob, str]], *, is_surely: bool) -> None:
        """Files that no field was aimed at: workflows are opened, any other goes into the form."""
        self._do(self._take_files(files, is_surely=is_surely))

    async def _take_files(self, files: Sequence[tuple[Blob, str]], *, is_surely: bool) -> None:
        others = [
            (blob, name)
            for blob, name in files
            if not await self._opener.take_file(blob, name, is_surely=is_surely or is_json(blob, name))
        ]
        if others:
            self._pass_on(others)

    # Clicks

    def act(self, name: str, facts: Facts) -> bool:
        """A click on `data-action`; False if it is not about this."""
        item_id = str(facts.get("item", ""))
        match name:
            case "open-text":
                self._do(self._opener.take_text(str(facts["text"])))
            case "open-workflow":
                self._opener.choose(item_id)
            case "open-library":
                self._desk.spawn(self._library.refresh())
                self._show(LibraryDialog())
            case "open-saved":
                self._do(self._opener.take_saved(ServerId(str(facts["server"])), str(facts["name"])))
            case "export-library":
                self._do(self._export())
            case "edit-item" | "ask-delete-item":
                self._change(editing=item_id, deleting=item_id if name == "ask-delete-item" else "")
            case "keep-item":
                self._change(deleting="")
            case "delete-item":
                self._change(deleting="", editing="")
                self._delete(item_id)
            case "library-all":
                self._change(query="", tag="")
                self._screen.update({"texts": [{"node": "", "name": "library-query", "text": ""}]})
            case "library-tag":
                tag = str(facts["tag"])
                self._change(tag="" if self._dialog.tag == tag else tag)
            case _:
                return False
        return True

    def change(self, name: str, facts: Facts) -> bool:
        """A new choice in `data-change`; False if it is not about this."""
        value, item_id = str(facts.get("value", "")), str(facts.get("item", ""))
        match name:
            case "workflow":
                self._opener.choose(value)
            case "item-title":
                self._do(self._library.rename(item_id, value))
            case "item-tags":
                self._do(self._library.tag(item_id, value))
            case "saved-server":
                self._look_into(ServerId(value)) if value else self._change(saved=None)
            case _:
                return False
        return True

    def type(self, name: str, facts: Facts) -> bool:
        """Something typed in `data-input`; False if it is not about this."""
        if name == "library-query":
            self._change(query=str(facts.get("value", "")))
        return name == "library-query"

    # Doing

    def _delete(self, item_id: str) -> None:
        item = self._library.item(item_id)
        deletion = Deletion(What.WORKFLOW, item.title if item is not None else "", hides=frozenset({item_id}))
        self._deletions.put_off(deletion, lambda: self._library.delete(item_id))

    def _look_into(self, server_id: ServerId) -> None:
        self._change(saved=Saved(server_id))
        self._desk.spawn(self._list_saved(server_id))

    async def _list_saved(self, server_id: ServerId) -> None:
        try:
            told = Saved(server_id, await self._library.files.saved(server_id))
        except MooringError as error:
            log.info("what %s has saved is not known: %r", server_id, error)
            told = Saved(server_id, error=error)
        if self._dialog.saved is not None and self._dialog.saved.server_id == server_id:
            self._change(saved=told)

    async def _export(self) -> None:
        mark = f"{LAYOUT_KEY}."
        layouts = {key.removeprefix(mark): text for key, text in self._screen.kept_all(mark).items()}
        bundle = await self._library.bundle(layouts)
        self._screen.save(EXPORT_NAME, export_text(bundle))

    @property
    def _dialog(self) -> LibraryDialog:
        dialog = self._desk.ui.dialog
        return dialog if isinstance(dialog, LibraryDialog) else LibraryDialog()

    def _change(self, **changes: Any) -> None:
        if isinstance(self._desk.ui.dialog, LibraryDialog):
            self._show(replace(self._dialog, **changes))

    def _show(self, dialog: LibraryDialog) -> None:
        self._desk.set_ui(replace(self._desk.ui, dialog=dialog))

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        self._desk.spawn(attempt(self._desk, work))


def is_json(blob: Blob, name: str) -> bool:
    """Whether a file says that it is JSON: no picture field takes it, so it was meant as a workflow."""
    return name.lower().endswith(".json") or blob.media_type == "application/json"
