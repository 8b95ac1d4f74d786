"""Gives the chosen workflow the form that a server's catalogue makes: the moored one's, else a server's that is well.

A form is made anew when that server's catalogue has changed, or another one's is to be used; what was typed stays.
"""

from __future__ import annotations

import logging
from collections.abc import Coroutine
from typing import Any, Protocol

from app.core.model import Fleet, Health, Server, ServerId
from app.core.window import Restoring, Window
from app.core.workflow import ApiWorkflow
from app.ui.state import UiState
from app.ui.workflows import OpenWorkflow, with_catalogue
from app.workflows.catalogue import Catalogue

log = logging.getLogger("mooring.ui")


class CatalogueSource(Protocol):
    """What this needs of a session."""

    @property
    def window(self) -> Restoring | Window | None: ...
    @property
    def fleet(self) -> Fleet: ...
    async def catalogue(self, server_id: ServerId, workflow: ApiWorkflow) -> Catalogue | None: ...


class Desk(Protocol):
    """Where the person's own part lies, and what there is to choose."""

    @property
    def ui(self) -> UiState: ...
    @property
    def workflows(self) -> tuple[OpenWorkflow, ...]: ...
    def set_workflows(self, workflows: tuple[OpenWorkflow, ...]) -> None: ...
    def spawn(self, work: Coroutine[Any, Any, None]) -> None: ...


class FormCatalogues:
    """Looks, at each drawing, whether the chosen form is by the right catalogue, and reads it if not."""

    def __init__(self, session: CatalogueSource, desk: Desk) -> None:
        self._session = session
        self._desk = desk
        self._asked: dict[str, tuple[str, str]] = {}  # by workflow: the hashes of what its form is, or will be, made by

    def refresh(self) -> None:
        """Ask for what is not there yet; nothing waits for it."""
        ui = self._desk.ui
        opened = next((item for item in self._desk.workflows if item.workflow_id == ui.workflow_id), None)
        server = self._server(opened) if opened is not None else None
        if opened is None or server is None:
            return
        content = server.catalogue, server.files
        if self._asked.get(opened.workflow_id) != content:
            self._asked[opened.workflow_id] = content
            self._desk.spawn(self._read(opened, server.server_id, content))

    def _server(self, opened: OpenWorkflow) -> Server | None:
        fleet, window = self._session.fleet, self._session.window
        locked = window.window_locked_server if isinstance(window, Window) else None
        if locked is not None:
            server = fleet.get(locked)
            return server if server is not None and server.catalogue else None
        known = [server for server in fleet.servers if server.catalogue and server.health is Health.WELL]
        fitting = [server for server in known if server.is_demo or not opened.needs_demo]
        return next(iter(fitting), None)

    async def _read(self, opened: OpenWorkflow, server_id: ServerId, content: tuple[str, str]) -> None:
        catalogue = await self._session.catalogue(server_id, opened.workflow)
        workflow_id = opened.workflow_id
        if catalogue is None or self._asked.get(workflow_id) != content:
            return
        log.debug("the form of %s is by the catalogue of %s", workflow_id, server_id)
        self._desk.set_workflows(
            tuple(
                with_catalogue(item, catalogue) if item.workflow_id == workflow_id else item
                for item in self._desk.workflows
            )
        )
