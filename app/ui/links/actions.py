"""Following a link that was opened, and the dialog that makes one.

A link waits until the page can follow it: until the fleet and the published workflows are known, and no dialog is open,
since choosing a workflow would close it. Then it chooses the workflow, and fills in its form once that is open. A link
with a whole workflow opens that like a file. Nothing is run, the window stays with its server, and all of it is one
step to undo.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace

from app.core.errors import BadInput, TaskNotFound
from app.core.model import ServerId, Task
from app.session import Session
from app.ui.form.changes import put_linked, report_link
from app.ui.form.context import workflows_on
from app.ui.form.open_workflow import SHIPPED_IDS, OpenWorkflow, changed_texts, find_open, shaped
from app.ui.form.state import Draft, FormState, LinkReport, OpenedByLink, Typed
from app.ui.kit.actions import action
from app.ui.kit.background import without_collecting
from app.ui.kit.context import PageContext, attempt
from app.ui.kit.screen import Screen
from app.ui.library.library import PUBLISHED_MARK, Library
from app.ui.library.opening import Opener
from app.ui.links.sharing import ShareDialog
from app.ui.results.state import PictureDialog
from app.workflows.graph import Key
from app.workflows.library import WorkflowOrigin
from app.workflows.links import (
    Filled,
    LeftOutReason,
    Link,
    OpenLink,
    ResultLink,
    WorkflowLink,
    filled,
    path_of,
    read_link,
    shown_name,
)
from app.workflows.reading import read_text

log = logging.getLogger("mooring.ui")

MOST_ROUNDS = 4  # in which choices of a link add inputs that other values of it are for


@dataclass(frozen=True, slots=True)
class _Filling:
    """A link whose workflow is chosen, and whose form is not filled in yet."""

    workflow_id: str
    link: WorkflowLink | OpenedByLink


class LinkActions:
    """Follows links, and makes them. `refresh` is called at each redraw."""

    def __init__(
        self, session: Session, context: PageContext, screen: Screen, library: Library, opener: Opener
    ) -> None:
        self._session = session
        self._context = context
        self._screen = screen
        self._library = library
        self._opener = opener
        self._waiting: Link | None = None
        self._filling: _Filling | None = None

    # Following

    def follow(self, text: str) -> None:
        """Follow a link: what is in the page's address after `#`. A later one replaces one that still waits."""
        try:
            self._waiting = read_link(text)
        except BadInput as error:
            self._context.set_ui(self._context.ui.with_error(error))
            return
        self._context.set_ui(self._context.ui)

    def refresh(self) -> None:
        """Follow the waiting link, as far as that is possible now."""
        if self._waiting is not None and self._context.ui.dialog is None and self._session.windows:
            self._start(self._waiting)
        if self._filling is not None:
            self._fill(self._filling)

    def _start(self, link: Link) -> None:
        fleet = self._session.fleet
        if not fleet.source:
            return
        if isinstance(link, ResultLink | OpenLink):
            self._waiting = None
            attempt(self._context, self._show(link) if isinstance(link, ResultLink) else self._open(link))
        elif self._library.is_listed(fleet.workflows):
            self._waiting = None
            self._choose(link)

    def _choose(self, link: WorkflowLink) -> None:
        path = path_of(link.name, (file.path for file in self._library.published))
        workflow_id = f"{PUBLISHED_MARK}{path}" if path is not None else link.name
        if path is None and workflow_id not in SHIPPED_IDS:
            error = BadInput("link-unknown", shown_name(link.name))
            self._context.set_ui(self._context.ui.with_error(error))
            return
        self._opener.choose(workflow_id)
        if link.values or link.refused:
            self._filling = _Filling(workflow_id, link)
            self._report(LinkReport(workflow_id, is_waiting=True))

    async def _open(self, link: OpenLink) -> None:
        """Open the workflow of a link as a file would be, but never in place of the user's own files."""
        chosen = self._context.ui.of(FormState).workflow_id
        before = {item.item_id: item.content_id for item in self._library.items}
        with without_collecting():
            source = read_text(link.text, f"{link.title}.json" if link.title else "")
        workflow_id = await self._opener.open_source(source, WorkflowOrigin.LINK)
        draft = self._context.ui.of(FormState).drafts.get(workflow_id, Draft())
        typed = Typed(draft.values, draft.modes, draft.pictures)
        self._filling = _Filling(workflow_id, OpenedByLink(chosen, typed, before.get(workflow_id, "")))
        self._context.set_ui(self._context.ui)

    def _fill(self, filling: _Filling) -> None:
        opened = find_open(workflows_on(self._context), filling.workflow_id)
        if opened is None or not opened.is_whole:
            return
        draft = self._context.ui.of(FormState).drafts.get(filling.workflow_id, Draft())
        if isinstance(filling.link, OpenedByLink):
            self._filling = None
            self._put_typed(opened, Typed(), LinkReport(opened.workflow_id, opened=filling.link))
            return
        found = self._filled(opened, draft, filling.link)
        if opened.catalogue is None and any(item.reason is LeftOutReason.UNKNOWN for item in found.refused):
            return
        self._filling = None
        self._put(opened, draft, found, filling.link)

    def _filled(self, opened: OpenWorkflow, draft: Draft, link: WorkflowLink) -> Filled:
        found = Filled()
        for _ in range(MOST_ROUNDS):
            form = shaped(opened, {**draft.values, **found.values}).form
            before, found = found, filled(form, link.values, opened.credit_classes, self._context.word)
            if found.values == before.values:
                break
        return found

    def _put(self, opened: OpenWorkflow, draft: Draft, found: Filled, link: WorkflowLink) -> None:
        before: Mapping[Key, str] = {key: draft.values[key] for key in found.values if key in draft.values}
        changed = draft.with_typed({**draft.values, **found.values}, {**draft.modes, **found.modes})
        linked = replace(changed, linked={**draft.linked, **found.values})
        report = LinkReport(opened.workflow_id, before, tuple(found.values), (*link.refused, *found.refused))
        put_linked(self._context, linked, opened.workflow_id, report)
        if self._context.ui.of(FormState).workflow_id == opened.workflow_id:
            self._screen.update({"texts": changed_texts(opened, draft.values, changed.values)})

    def _put_typed(self, opened: OpenWorkflow, typed: Typed, report: LinkReport | None) -> None:
        """Put all of these values into a form, in place of what is typed there."""
        form = self._context.ui.of(FormState)
        draft = form.drafts.get(opened.workflow_id, Draft())
        put_linked(self._context, replace(draft.with_all(typed), linked={}), opened.workflow_id, report)
        if form.workflow_id == opened.workflow_id:
            self._screen.update({"texts": changed_texts(opened, draft.values, typed.values)})

    async def _show(self, link: ResultLink) -> None:
        """Show a result: from this browser, else from its server's history if that has it for this user."""
        held = any(link.prompt_id in window.tasks for window in self._session.windows)
        task = await self._find(link)
        if task is None:
            raise BadInput("link-not-yours", self._name_of(link.server_id))
        if not task.state.is_end or link.index >= len(task.delivery.outputs):
            raise BadInput("link-no-output", self._name_of(link.server_id))
        dialog = PictureDialog(link.prompt_id, link.index, task=None if held else task)
        if self._context.ui.dialog is None:
            self._context.set_ui(replace(self._context.ui, dialog=dialog))

    async def _find(self, link: ResultLink) -> Task | None:
        held = (window.tasks.get(link.prompt_id) for window in self._session.windows)
        if (task := next(filter(None, held), None)) is not None:
            return task
        try:
            return await self._session.past.read_task(link.prompt_id)
        except TaskNotFound:
            return await self._session.visit(link.server_id, link.prompt_id)

    def _name_of(self, server_id: ServerId) -> str:
        server = self._session.fleet.get(server_id)
        return server.name if server is not None else shown_name(server_id)

    # What a link has done

    def _report(self, report: LinkReport | None) -> None:
        report_link(self._context, report)

    @action("dismiss-link")
    def dismiss(self) -> None:
        """Mark the values no longer as those of a link."""
        form = self._context.ui.of(FormState)
        if form.link is not None and form.link.workflow_id in form.drafts:
            draft = replace(form.drafts[form.link.workflow_id], linked={})
            put_linked(self._context, draft, form.link.workflow_id, None)
        else:
            report_link(self._context, None)

    @action("undo-link")
    def undo(self) -> None:
        """Restore what was in the fields that still have the link's values. *Undo* of the form reverts that, too."""
        form = self._context.ui.of(FormState)
        report, opened = form.link, find_open(workflows_on(self._context), form.workflow_id)
        if report is None or opened is None or report.workflow_id != form.workflow_id:
            return
        if report.opened is not None:
            self._put_typed(opened, report.opened.typed, None)
            attempt(self._context, self._close(report.workflow_id, report.opened))
            return
        draft = form.draft
        mine = {key for key in report.filled if draft.values.get(key) == draft.linked.get(key)}
        values = {key: text for key, text in draft.values.items() if key not in mine}
        values |= {key: text for key, text in report.before.items() if key in mine}
        changed = draft.with_typed(values, draft.modes)
        put_linked(self._context, changed, form.workflow_id, None)
        self._screen.update({"texts": changed_texts(opened, draft.values, values)})

    async def _close(self, workflow_id: str, before: OpenedByLink) -> None:
        """Choose the earlier workflow again, and leave the library as it was. What was run since stays."""
        item = self._library.item(workflow_id)
        if before.workflow_id and before.workflow_id != workflow_id:
            self._opener.choose(before.workflow_id)
        if item is not None and not before.content and not item.runs:
            await self._library.delete(workflow_id)
        elif item is not None and before.content not in {"", item.content_id}:
            await self._library.go_back(workflow_id, before.content)
            self._opener.reopen(workflow_id)

    # Sharing

    @action("open-share")
    def open_share(self) -> None:
        self._context.set_ui(self._context.ui.with_dialog(ShareDialog(self._screen.page_address())))

    @action("share-values")
    def choose_values(self, checked: bool) -> None:
        """Have the form's values in the link, or not."""
        dialog = self._context.ui.dialog
        if isinstance(dialog, ShareDialog):
            self._context.set_ui(replace(self._context.ui, dialog=replace(dialog, has_values=checked)))
