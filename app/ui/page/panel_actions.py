"""What the person does in the header's panels: opens them, prefers or avoids a server, asks a window to show itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from app.core.balancer import Leaning
from app.core.model import ServerId, WindowId
from app.ui.fleet.panel import ONLY, FleetDialog
from app.ui.kit.context import PageContext, set_slices
from app.ui.kit.screen import Facts, Screen
from app.ui.page.state import PanelDialog
from app.ui.runs.server_picker import SOONEST
from app.ui.runs.state import RunsState
from app.ui.windows.panel import WindowsDialog

STORE_KEY = "mooring.leanings"


class Leaner(Protocol):
    """Whose choices of a server are meant."""

    def lean(self, leanings: Mapping[ServerId, Leaning]) -> None: ...


class PanelActions:
    """The hands there. What the window holds of servers is remembered by the tab, over a reload.

    *This one only* is the choice of where the next run goes, which stands beside Run as well.
    """

    def __init__(self, session: Leaner, desk: PageContext, screen: Screen, ask: Callable[[WindowId], None]) -> None:
        self._session, self._desk, self._screen, self._ask = session, desk, screen, ask
        if leanings := load(screen.recall(STORE_KEY)):
            set_slices(desk, replace(desk.ui.of(RunsState), leanings=leanings))
            session.lean(leanings)

    def act(self, name: str, facts: Facts) -> bool:
        """A click; False if it is none of these."""
        match name:
            case "open-fleet":
                self._show(FleetDialog())
            case "open-windows":
                self._show(WindowsDialog())
            case "show-window":
                asked = WindowId(str(facts["window"]))
                self._ask(asked)
                self._show(WindowsDialog(asked))
            case _:
                return False
        return True

    def change(self, name: str, facts: Facts) -> bool:
        """A new choice; False if it is none of these."""
        if name != "lean":
            return False
        server_id, value = ServerId(str(facts["server"])), str(facts.get("value", ""))
        runs = self._desk.ui.of(RunsState)
        leanings = {item: leaning for item, leaning in runs.leanings.items() if item != server_id}
        if value in {item.value for item in Leaning}:
            leanings[server_id] = Leaning(value)
        self._screen.remember(STORE_KEY, dump(leanings))
        self._session.lean(leanings)
        where = SOONEST if runs.where == server_id else runs.where
        set_slices(self._desk, replace(runs, leanings=leanings, where=str(server_id) if value == ONLY else where))
        return True

    def _show(self, dialog: PanelDialog) -> None:
        self._desk.set_ui(replace(self._desk.ui, dialog=dialog))


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
