"""The actions of *Break it*."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

from app.core.errors import MooringError
from app.core.model import ServerId
from app.ui.fleet.faults import FaultsState
from app.ui.kit.actions import action
from app.ui.kit.context import PageContext, set_slices
from wire.faults import Fault

log = logging.getLogger("mooring.ui")

BreakServer = Callable[[ServerId, str], Awaitable[None]]


class BreakActions:
    """Actions in the panel. `break_server(server_id, fault)` asks the gateway to inject a fault."""

    def __init__(self, break_server: BreakServer, context: PageContext) -> None:
        self._break_server = break_server
        self._context = context

    @action("break-server")
    def choose_server(self, value: ServerId) -> None:
        set_slices(self._context, replace(self._context.ui.of(FaultsState), break_server=value))

    @action("break")
    def inject(self, server: ServerId, fault: Fault) -> None:
        """Inject a fault, unless the same one is under way."""
        if (server, fault) not in self._context.ui.of(FaultsState).breaking:
            self._context.spawn(self._break(server, fault))

    async def _break(self, server_id: ServerId, fault: Fault) -> None:
        """Inject a fault. The server stays chosen, since the fault is ended there too."""
        ui = self._context.ui
        doing = ui.of(FaultsState).breaking | {(server_id, fault)}
        self._context.set_ui(
            ui.with_slices(replace(ui.of(FaultsState), break_server=server_id, breaking=doing, break_done=None))
        )
        try:
            await self._break_server(server_id, fault.value)
            set_slices(self._context, replace(self._context.ui.of(FaultsState), break_done=(server_id, fault)))
        except MooringError as error:
            log.warning("no fault injected: %r", error)
            self._context.set_ui(self._context.ui.with_error(error))
        finally:
            ui = self._context.ui
            self._context.set_ui(
                ui.with_slices(replace(ui.of(FaultsState), breaking=ui.of(FaultsState).breaking - {(server_id, fault)}))
            )
