"""Gives the chosen workflow the form that a server's catalogue makes: the moored one's, else one with all its nodes.

A form is made anew when that server's catalogue has changed, or another one's is to be used; what was typed stays.
"""

from __future__ import annotations

import logging
from typing import Protocol

from app.core.errors import BadInput
from app.core.model import Fleet, Server, ServerId
from app.core.window import Restoring, Window
from app.ui.form.context import FormContext, opened_on
from app.ui.form.open_workflow import OpenWorkflow, with_catalogue
from app.workflows.catalogue import Catalogue
from wire.health import Health

log = logging.getLogger("mooring.ui")

Content = tuple[tuple[str, str], ...]  # hashes of nodes and files, of each server that a form may be made for


class CatalogueSource(Protocol):
    """What this needs of a session."""

    @property
    def window(self) -> Restoring | Window | None: ...
    @property
    def fleet(self) -> Fleet: ...
    async def catalogue(self, server_id: ServerId, names: frozenset[str]) -> Catalogue | None: ...


class FormCatalogues:
    """Looks, at each drawing, whether the chosen form is by the right catalogue, and reads it if not."""

    def __init__(self, session: CatalogueSource, context: FormContext) -> None:
        self._session = session
        self._context = context
        self._asked: dict[str, Content] = {}  # by workflow: the hashes of what its form is, or will be, made by

    def refresh(self) -> None:
        """Ask for what is not there yet; nothing waits for it."""
        opened = opened_on(self._context)
        content = self.content(needs_demo=opened.needs_demo) if opened is not None else ()
        if opened is not None and content and self._asked.get(opened.workflow_id) != content:
            self._asked[opened.workflow_id] = content
            self._context.spawn(self._read(opened, content))

    def content(self, *, needs_demo: bool = False) -> Content:
        """What a form would be made by now; empty if no server's catalogue is known."""
        return tuple(dict.fromkeys((server.catalogue, server.files) for server in self._servers(needs_demo)))

    def note_made(self, opened: OpenWorkflow, content: Content) -> None:
        """That workflow's form was made by these just now."""
        self._asked[opened.workflow_id] = content

    async def fitting(self, names: frozenset[str], *, needs_demo: bool = False) -> Catalogue | None:
        """What the server that has the most of these classes says of them; None if no server's catalogue is known."""
        best: Catalogue | None = None
        least, seen = len(names) + 1, set[tuple[str, str]]()
        for server in self._servers(needs_demo):
            content = server.catalogue, server.files
            if content in seen:
                continue
            seen.add(content)
            found = await self._session.catalogue(server.server_id, names)
            lacking = least if found is None else sum(name not in found for name in names)
            if lacking < least:
                best, least = found, lacking
            if not least:
                break
        return best

    def _servers(self, needs_demo: bool) -> list[Server]:
        """Those whose catalogue may make the form: the one that holds the window, else all that are well."""
        fleet, window = self._session.fleet, self._session.window
        locked = window.window_locked_server if isinstance(window, Window) else None
        if locked is not None:
            server = fleet.get(locked)
            return [server] if server is not None and server.catalogue else []
        known = [server for server in fleet.servers if server.catalogue and server.health is Health.WELL]
        return [server for server in known if server.is_demo or not needs_demo]

    async def _read(self, opened: OpenWorkflow, content: Content) -> None:
        workflow_id = opened.workflow_id
        catalogue = await self.fitting(opened.class_names, needs_demo=opened.needs_demo)
        if catalogue is None or self._asked.get(workflow_id) != content:
            return
        log.debug("the form of %s is made by another catalogue", workflow_id)
        try:
            workflows = tuple(
                with_catalogue(item, catalogue) if item.workflow_id == workflow_id else item
                for item in self._context.workflows
            )
        except BadInput as error:  # that server cannot run it, which is told before a run; the form stays as it was
            log.info("the form of %s stays by the catalogue it had: %r", workflow_id, error)
            return
        self._context.set_workflows(workflows)
