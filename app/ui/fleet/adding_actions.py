"""Add a server: check its address first."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from app.core.errors import MooringError
from app.core.ports.fleet import FleetAdmin
from app.ui.fleet.adding import NewServer
from app.ui.fleet.panel import FleetDialog
from app.ui.kit.actions import action
from app.ui.kit.context import PageContext
from app.ui.kit.screen import Screen
from wire.new_servers import AddedServer, CheckedServer

T = TypeVar("T")

log = logging.getLogger("mooring.ui")


class AddingActions:
    """Actions on a server that is not in the fleet yet. An answer for an address that was changed since is dropped."""

    def __init__(self, admin: FleetAdmin, context: PageContext, screen: Screen) -> None:
        self._admin = admin
        self._context = context
        self._screen = screen

    @action("add-server")
    def open(self) -> None:
        """Open the panel *Fleet* at the field for a new server's address."""
        self._context.set_ui(replace(self._context.ui, dialog=FleetDialog()))
        self._screen.schedule(lambda: self._screen.update({"jump": "new-server"}))

    @action("new-server")
    def type_address(self, value: str) -> None:
        self._show(NewServer(url=value))

    @action("new-server-name")
    def type_name(self, value: str) -> None:
        self._show(replace(self._new, name=value))

    @action("check-server")
    def check(self) -> None:
        """Check the address."""
        url = self._new.url
        if url.strip() and not self._new.is_busy:
            self._show(NewServer(url=url))
            self._ask(self._admin.check(url), _checked)

    @action("keep-server")
    def keep(self) -> None:
        """Add the server that was checked."""
        new = self._new
        if new.can_be_kept and new.checked is not None and not new.is_busy:
            self._ask(self._admin.add(new.checked.address, new.shown_name.strip()), _added)

    @action("use-local")
    def use_local(self, url: str) -> None:
        """Add a server that was found on this machine."""
        if not self._new.is_busy:
            self._show(NewServer(url=url))
            self._ask(self._admin.add(url, ""), _added)

    def _ask(self, work: Awaitable[T], answered: Callable[[T], Mapping[str, object]]) -> None:
        self._show(replace(self._new, is_busy=True, error=None))
        self._context.spawn(self._answered(self._new.url, work, answered))

    async def _answered(self, url: str, work: Awaitable[T], answered: Callable[[T], Mapping[str, object]]) -> None:
        try:
            changes = answered(await work)
        except MooringError as error:
            log.warning("no server was added: %r", error)
            changes = {"error": error}
        if self._new.url == url and self._new.is_busy:
            self._show(replace(self._new, is_busy=False, **changes))  # type: ignore[arg-type]

    @property
    def _new(self) -> NewServer:
        dialog = self._context.ui.dialog
        return dialog.new if isinstance(dialog, FleetDialog) else NewServer()

    def _show(self, new: NewServer) -> None:
        dialog = self._context.ui.dialog
        if isinstance(dialog, FleetDialog) and new != dialog.new:
            self._context.set_ui(replace(self._context.ui, dialog=replace(dialog, new=new)))


def _checked(found: CheckedServer) -> Mapping[str, object]:
    return {"checked": found}


def _added(added: AddedServer) -> Mapping[str, object]:
    return {"added": added, "url": "", "checked": None} if added.server_id else {"added": added}
