"""Opening workflows: from files, pasted text, servers, published files and the library.

An opened workflow becomes an item of the library. The chosen one is opened once its file and a server's catalogue are
read, since an editor's graph cannot be converted without one. A file that is no workflow is an error.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from app.core.errors import BadInput, MooringError
from app.core.model import PromptId, ServerId
from app.core.ports.blobs import Blob
from app.ui.form.arrange_actions import keep_layouts, kept_layout
from app.ui.form.catalogues import Content, FormCatalogues
from app.ui.form.changes import with_chosen
from app.ui.form.context import set_workflows, workflows_on
from app.ui.form.open_workflow import (
    GivenWorkflow,
    OpenWorkflow,
    completed,
    completing,
    find_open,
    open_given,
    open_workflow,
)
from app.ui.form.picker import Opening
from app.ui.form.state import FormState
from app.ui.kit.background import in_steps, without_collecting
from app.ui.kit.context import PageContext
from app.ui.kit.screen import Screen
from app.ui.library.library import PUBLISHED_MARK, Library, plain_title
from app.workflows.bounds import check_file
from app.workflows.documents import FileNote
from app.workflows.forms.arrangement import Layout
from app.workflows.library import Item, ItemContent, WorkflowOrigin, is_export, item_id_of, read_export
from app.workflows.published import Published, parse_published
from app.workflows.reading import Source, read_source, read_text

log = logging.getLogger("mooring.ui")

MOST_OPEN = 12  # workflows from files that stay open; the drafts of others are kept


class Opener:
    """Opens the chosen workflow. `refresh` is called at each redraw, `on_open` for each opened workflow.

    `on_choice` gets the id of each workflow that the user chooses or opens, `on_version` an item as it was before
    another content was opened in its place.
    """

    def __init__(
        self,
        context: PageContext,
        library: Library,
        catalogues: FormCatalogues,
        screen: Screen,
        on_open: Callable[[OpenWorkflow], None],
        *,
        on_choice: Callable[[str], None] = lambda _workflow_id: None,
        on_version: Callable[[Item], None] = lambda _before: None,
    ) -> None:
        self._context = context
        self._on_open = on_open
        self._on_choice = on_choice
        self._on_version = on_version
        self._library = library
        self._catalogues = catalogues
        self._screen = screen
        self._files: dict[str, GivenWorkflow | Published] = {}  # contents of published files and items, by workflow
        self._tags: dict[str, str] = {}  # of published files as they were read, and hashes of items' contents
        self._tried: dict[str, tuple[str, Content]] = {}
        self._openings: dict[str, Opening] = {}

    def opening(self, workflow_id: str) -> Opening | None:
        """Return the state of opening a workflow; None if it is open or unknown."""
        return self._openings.get(workflow_id)

    def knows(self, workflow_id: str) -> bool:
        """Return whether the workflow can be, or is being, opened."""
        return workflow_id in self._files or self._library.has(workflow_id)

    # Files and texts

    async def take_file(self, blob: Blob, name: str, *, is_surely: bool) -> bool:
        """Open a file. False if it has no workflow, which is an error only if it must be one."""
        try:
            check_file(blob.size)
            data = await blob.read()
            if is_export(data[:64].decode("utf-8", "ignore")):
                bundle = read_export(data.decode("utf-8", "replace"), name)
                await self._library.import_bundle(bundle)
                keep_layouts(self._screen, bundle.layouts)
                return True
            with without_collecting():
                source = read_source(data, name)
        except BadInput as error:
            if not is_surely:
                log.info("no workflow in %s: %r", name, error)
                return False
            raise BadInput(error.cause, name, error.detail) from error
        await self.open_source(source, WorkflowOrigin.FILE)
        return True

    async def take_text(self, text: str) -> None:
        """Open a pasted workflow."""
        await self.open_source(read_text(text), WorkflowOrigin.PASTED)

    async def take_saved(self, server_id: ServerId, name: str) -> None:
        """Open a workflow that a server has saved."""
        blob = await self._library.files.read_saved(server_id, name)
        await self.open_source(read_source(await blob.read(), name), WorkflowOrigin.SERVER, f"{server_id}/{name}")

    async def open_source(self, source: Source, origin: WorkflowOrigin, place: str = "") -> str:
        """Choose a workflow, save it in the library, and return its id. If the store is full, it can be used anyway."""
        item, body = await self._library.made(source, origin, place)
        content = item_id_of(body)
        if self._tags.get(item.item_id, content) != content:
            self._close(item.item_id)
        title = self._title(item.item_id) or item.title
        self._files.setdefault(item.item_id, given_of(item.item_id, title, body, source.parsed))
        self._tags[item.item_id] = content
        self._choose(item.item_id)
        before = await self._library.add(item, body)
        if before is not None and before.content_id != content:
            self._on_version(before)
        return item.item_id

    def reopen(self, workflow_id: str) -> None:
        """Open an item with its present content."""
        self._close(workflow_id)
        self.refresh()

    def _close(self, workflow_id: str) -> None:
        for known in (self._files, self._tags, self._tried):
            known.pop(workflow_id, None)
        opened = tuple(item for item in workflows_on(self._context) if item.workflow_id != workflow_id)
        set_workflows(self._context, opened)

    async def note_used(self, workflow_id: str, prompt_id: PromptId) -> None:
        """Note a run of an open workflow in the library."""
        self._library.forget_change(workflow_id)
        await self._library.note_used(workflow_id, prompt_id, self._tags.get(workflow_id, ""))

    def choose(self, workflow_id: str) -> None:
        """Choose a workflow, and open it if necessary."""
        if (item := self._library.item(workflow_id)) is not None:
            self._context.spawn(self._library.note_used(workflow_id))
            if self._tags.get(workflow_id, item.content_id) != item.content_id:  # another window has changed it
                self._close(workflow_id)
        self._choose(workflow_id)

    def _choose(self, workflow_id: str) -> None:
        self._on_choice(workflow_id)
        ui = self._context.ui
        self._tried.pop(workflow_id, None)
        chosen = with_chosen(replace(ui, dialog=None), workflow_id)
        if find_open(workflows_on(self._context), workflow_id) is not None:
            self._context.set_ui(chosen)
        else:
            self._context.set_quietly(chosen)  # drawing what it has no form yet takes a sixth of the time to the form
        self.refresh()

    # Opening

    def refresh(self) -> None:
        """Open the chosen workflow in the background, if it is not open or its published file has changed."""
        if (opening := self._missing()) is not None:
            self._context.spawn(opening)

    async def open_now(self) -> None:
        """Open the chosen workflow, if it is not open."""
        if (opening := self._missing()) is not None:
            await opening

    def _missing(self) -> Coroutine[Any, Any, None] | None:
        workflow_id = self._context.ui.of(FormState).workflow_id
        file = self._library.published_file(workflow_id)
        is_open = any(item.workflow_id == workflow_id for item in workflows_on(self._context))
        tag = file.tag if file is not None else ""
        if is_open and (file is None or self._tags.get(workflow_id) == tag):
            self._openings.pop(workflow_id, None)
            return None
        tried = tag, self._catalogues.content()
        if not self.knows(workflow_id) or self._tried.get(workflow_id) == tried:
            return None
        self._tried[workflow_id] = tried
        self._openings[workflow_id] = Opening(workflow_id, self._title(workflow_id))
        return self._open(workflow_id, tag)

    def _title(self, workflow_id: str) -> str:
        if (item := self._library.item(workflow_id)) is not None:
            return item.title
        file, known = self._library.published_file(workflow_id), self._files.get(workflow_id)
        return plain_title(file) if file is not None else known.title if known is not None else ""

    async def _open(self, workflow_id: str, tag: str) -> None:
        title = self._title(workflow_id)
        try:
            given = await self._read(workflow_id, tag)
            opened, content = await self._opened(given)
        except MooringError as error:
            log.info("%s is not opened: %r", workflow_id, error)
            self._openings[workflow_id] = Opening(workflow_id, title, error)
        else:
            self._openings[workflow_id] = Opening(workflow_id, title, needs_catalogue=opened is None)
            if opened is not None and self._files.get(workflow_id) is given:  # otherwise it was reopened since
                self._catalogues.note_made(opened, content)
                self._put(opened)
                if not opened.is_whole:
                    self._context.spawn(self._complete(opened))
        self._context.set_ui(self._context.ui)

    def _kept_layout(self, key: str) -> Layout | None:
        return kept_layout(self._screen, key)

    async def _complete(self, opened: OpenWorkflow) -> None:
        """Build the rest of a large form, while the user can already fill in the inputs on top."""
        for is_calm in (False, True):  # once those are drawn, and after a key that came meanwhile
            turn = asyncio.get_running_loop().create_future()
            self._screen.schedule(partial(turn.set_result, None), is_calm=is_calm)
            await turn
        form = await in_steps(completing(opened))
        current = find_open(workflows_on(self._context), opened.workflow_id)
        if current is not None and current.published is opened.published and not current.is_whole:
            self._put(completed(current, form))

    async def _opened(self, given: GivenWorkflow | Published) -> tuple[OpenWorkflow | None, Content]:
        content = self._catalogues.content()
        if isinstance(given, Published):
            names = frozenset(node.class_type for node in given.workflow.nodes.values())
            catalogue = await self._catalogues.fitting(names, needs_demo=given.needs_demo)
            opened = open_workflow(given, catalogue, self._kept_layout(given.key))
            return opened, content if catalogue is not None else ()
        with without_collecting():
            names = given.class_names
        catalogue = await self._catalogues.fitting(names)
        return open_given(given, catalogue, self._kept_layout, in_steps=True), content if catalogue is not None else ()

    async def _read(self, workflow_id: str, tag: str) -> GivenWorkflow | Published:
        known, file = self._files.get(workflow_id), self._library.published_file(workflow_id)
        if known is not None and (file is None or self._tags.get(workflow_id) == tag):
            return known
        if file is None:
            body = await self._library.body(workflow_id)
            if (other := self._files.get(workflow_id)) is not None:
                return other  # opened from a file in the meantime
            found: GivenWorkflow | Published = given_of(workflow_id, self._title(workflow_id), body)
            tag = item_id_of(body)
        else:
            blob = await self._library.files.read_published(file.path)
            found = read_published(workflow_id, plain_title(file), file.about, await blob.read())
            self._context.spawn(self._library.note_published(file))
        self._files[workflow_id], self._tags[workflow_id] = found, tag
        return found

    def _put(self, opened: OpenWorkflow) -> None:
        """Add or replace an open workflow; the oldest ones are closed."""
        others = [item for item in workflows_on(self._context) if item.workflow_id != opened.workflow_id]
        mine = [item.workflow_id for item in others if self.knows(item.workflow_id)]
        gone = set(mine[: max(0, len(mine) + 1 - MOST_OPEN)]) - {self._context.ui.of(FormState).workflow_id}
        for workflow_id in gone:
            self._files.pop(workflow_id, None)
        set_workflows(self._context, (*(item for item in others if item.workflow_id not in gone), opened))
        self._on_open(opened)


def given_of(workflow_id: str, title: str, body: ItemContent, parsed: Mapping[str, Any] | None = None) -> GivenWorkflow:
    """Return the workflow in a file's content; `parsed` is its graph, if it was just read."""
    return GivenWorkflow(workflow_id, title, body.api, body.graph, body.notes, parsed=parsed)


def read_published(workflow_id: str, title: str, about: str, data: bytes) -> GivenWorkflow | Published:
    """Read a published file: a workflow with its layout, or any file with a workflow in it."""
    name = workflow_id.removeprefix(PUBLISHED_MARK)
    text = data.decode("utf-8", "ignore") if data[:1] in {b"{", b"\xef"} else ""
    if '"fields"' in text and '"workflow"' in text:
        try:
            return parse_published(workflow_id, text.lstrip("\ufeff"))
        except BadInput as error:
            log.info("%s is no workflow with a form: %r", name, error)
    source = read_source(data, name)
    notes: tuple[FileNote, ...] = tuple(source.notes)
    return GivenWorkflow(workflow_id, title, source.api or "", source.graph or "", notes, about)
