"""What the person does in the header's panels: opens them, prefers or avoids a server, asks a window to show itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from app.core.balancer import Leaning
from app.core.model import ServerId, WindowId
from app.ui.fleet.panel import ONLY, FleetDialog
from app.ui.kit.actions import action
from app.ui.kit.context import PageContext, set_slices
from app.ui.kit.screen import Screen
from app.ui.page.state import PanelDialog
from app.ui.runs.server_picker import SOONEST
from app.ui.runs.state import RunsState
from app.ui.windows.panel import WindowsDialog

STORE_KEY = "mooring.leanings"


class Leaner(Protocol):
    """Whose choices of a server are meant."""

    def lean(self, leanings: Mapping[ServerId, Leaning]) -> None: ...


class PanelActions:
    """Actions in the panels. What the window prefers and avoids is remembered by the tab, over a reload.

    *This one only* is the choice of where the next run goes, which stands beside Run as well.
    """

    def __init__(self, session: Leaner, context: PageContext, screen: Screen, ask: Callable[[WindowId], None]) -> None:
        self._session, self._context, self._screen, self._ask = session, context, screen, ask
        if leanings := load(screen.recall(STORE_KEY)):
            set_slices(context, replace(context.ui.of(RunsState), leanings=leanings))
            session.lean(leanings)

    @action("open-fleet")
    def open_fleet(self) -> None:
        self._show(FleetDialog())

    @action("open-windows")
    def open_windows(self) -> None:
        self._show(WindowsDialog())

    @action("show-window")
    def show_window(self, window: WindowId) -> None:
        self._ask(window)
        self._show(WindowsDialog(window))

    @action("lean")
    def lean(self, server: ServerId, value: str) -> None:
        """Prefer a server, avoid it, or use this one only."""
        runs = self._context.ui.of(RunsState)
        leanings = {item: leaning for item, leaning in runs.leanings.items() if item != server}
        if value in {item.value for item in Leaning}:
            leanings[server] = Leaning(value)
        self._screen.remember(STORE_KEY, dump(leanings))
        self._session.lean(leanings)
        where = SOONEST if runs.where == server else runs.where
        set_slices(self._context, replace(runs, leanings=leanings, where=str(server) if value == ONLY else where))

    def _show(self, dialog: PanelDialog) -> None:
        self._context.set_ui(replace(self._context.ui, dialog=dialog))


def dump(leanings: Mapping[ServerId, Leaning]) -> str:
    """As the tab remembers it."""
    return json.dumps({server_id: leaning.value for server_id, leaning in leanings.items()}) if leanings else ""


def load(text: str) -> dict[ServerId, Leaning]:
    """What was remembered; anything else is nothing."""
    known = {item.value: item for item in Leaning}
    try:
        told = json.loads(text)
        return {ServerId(server_id): known[value] for server_id, value in told.items() if value in known}
    except (ValueError, TypeError, AttributeError):
        return {}
