"""The actions of the header's panels: choose, prefer or avoid a server, show another window."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace

from app.core.balancer import Leaning
from app.core.model import ServerId, WindowId
from app.session import Session
from app.ui.fleet.panel import ONLY
from app.ui.kit.actions import action
from app.ui.kit.context import PageContext
from app.ui.kit.screen import Screen
from app.ui.runs.changes import choose_where, lean
from app.ui.runs.server_picker import SOONEST
from app.ui.runs.state import RunsState
from app.ui.windows.panel import WindowsDialog

STORE_KEY = "mooring.leanings"
WHERE_KEY = "mooring.where"


class PanelActions:
    """Actions in the panels. The tab remembers the chosen, preferred and avoided servers over a reload.

    *This one only* is the same as the choice of a server beside Run. No choice binds the window: a run does.
    """

    def __init__(self, session: Session, context: PageContext, screen: Screen, ask: Callable[[WindowId], None]) -> None:
        self._session, self._context, self._screen, self._ask = session, context, screen, ask
        leanings = load(screen.recall(STORE_KEY))
        lean(context, leanings)
        choose_where(context, screen.recall(WHERE_KEY))
        if leanings:
            session.lean(leanings)

    @action("show-window")
    def show_window(self, window: WindowId) -> None:
        self._ask(window)
        self._context.set_ui(replace(self._context.ui, dialog=WindowsDialog(window)))

    @action("where")
    def choose_server(self, value: str) -> None:
        """Send the next run to the soonest server, to a free one, or to a certain one."""
        self._screen.remember(WHERE_KEY, value)
        choose_where(self._context, value)

    @action("lean")
    def lean(self, server: ServerId, value: str) -> None:
        """Prefer a server, avoid it, or use this one only."""
        runs = self._context.ui.of(RunsState)
        leanings = {item: leaning for item, leaning in runs.leanings.items() if item != server}
        if value in {item.value for item in Leaning}:
            leanings[server] = Leaning(value)
        self._screen.remember(STORE_KEY, dump(leanings))
        self._session.lean(leanings)
        lean(self._context, leanings)
        if value == ONLY:
            self.choose_server(str(server))
        elif runs.where == server:
            self.choose_server(SOONEST)


def dump(leanings: Mapping[ServerId, Leaning]) -> str:
    """Return the leanings as the tab stores them."""
    return json.dumps({server_id: leaning.value for server_id, leaning in leanings.items()}) if leanings else ""


def load(text: str) -> dict[ServerId, Leaning]:
    """Read stored leanings; anything invalid is left out."""
    known = {item.value: item for item in Leaning}
    try:
        stored = json.loads(text)
        return {ServerId(server_id): known[value] for server_id, value in stored.items() if value in known}
    except (ValueError, TypeError, AttributeError):
        return {}
