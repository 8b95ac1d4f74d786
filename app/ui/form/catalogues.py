"""Builds the chosen workflow's form from a server's catalogue: the window's server, else one that has all its nodes.

The form is rebuilt when that catalogue changes or another server's is used; what the user typed stays.
"""

from __future__ import annotations

import logging
from collections.abc import Coroutine
from typing import Any

from app.core.errors import BadInput
from app.core.model import Server
from app.core.window import Window
from app.session import Session
from app.ui.form.context import opened_on, set_workflows, workflows_on
from app.ui.form.open_workflow import OpenWorkflow, with_catalogue
from app.ui.kit.context import PageContext
from app.workflows.catalogue import Catalogue
from wire.health import Health

log = logging.getLogger("mooring.ui")

Content = tuple[tuple[str, str], ...]  # hashes of nodes and files of each candidate server


class FormCatalogues:
    """Checks at each redraw whether the chosen form is from the right catalogue, and reads that if not."""

    def __init__(self, session: Session, context: PageContext) -> None:
        self._session = session
        self._context = context
        self._asked: dict[str, Content] = {}  # by workflow: the hashes that its form is, or will be, built from

    def refresh(self) -> None:
        """Read a missing catalogue in the background."""
        if (reading := self._missing()) is not None:
            self._context.spawn(reading)

    async def read_now(self) -> None:
        """Read a missing catalogue."""
        if (reading := self._missing()) is not None:
            await reading

    def _missing(self) -> Coroutine[Any, Any, None] | None:
        opened = opened_on(self._context)
        content = self.content(needs_demo=opened.needs_demo) if opened is not None else ()
        if opened is None or not content or self._asked.get(opened.workflow_id) == content:
            return None
        self._asked[opened.workflow_id] = content
        return self._read(opened, content)

    def content(self, *, needs_demo: bool = False) -> Content:
        """Return the hashes that a form would be built from now; empty without a known catalogue."""
        return tuple(dict.fromkeys((server.catalogue, server.files) for server in self._servers(needs_demo)))

    def note_made(self, opened: OpenWorkflow, content: Content) -> None:
        """Note that the workflow's form was built from these."""
        self._asked[opened.workflow_id] = content

    async def fitting(self, names: frozenset[str], *, needs_demo: bool = False) -> Catalogue | None:
        """Return the catalogue with the most of these classes; None if no server's is known."""
        best: Catalogue | None = None
        least, seen = len(names) + 1, set[tuple[str, str]]()
        for server in self._servers(needs_demo):
            content = server.catalogue, server.files
            if content in seen:
                continue
            seen.add(content)
            found = await self._session.catalogue(server.server_id, names)
            lacking = least if found is None else sum(not found.covers(name) for name in names)
            if lacking < least:
                best, least = found, lacking
            if not least:
                break
        return best

    def _servers(self, needs_demo: bool) -> list[Server]:
        """Return the candidate servers: the window's own, else all healthy ones."""
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
                for item in workflows_on(self._context)
            )
        except BadInput as error:  # the server cannot run it, which is shown before a run; the form stays as it was
            log.info("the form of %s stays by the catalogue it had: %r", workflow_id, error)
            return
        set_workflows(self._context, workflows)
