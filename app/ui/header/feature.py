"""The header, and the tabs at the foot of a phone's page."""

from __future__ import annotations

from dataclasses import replace

from app.core.model import TaskState
from app.core.window import Window
from app.ui.header.header_html import header
from app.ui.header.state import HeaderView, TabsView
from app.ui.header.tabs_html import tabs
from app.ui.kit.account import Account
from app.ui.kit.colours import tag_of
from app.ui.kit.feature import Feature, PagePart, Region
from app.ui.kit.projection import Projection, Surroundings
from app.ui.results.state import ResultsView
from app.ui.runs.own_windows import own_unfinished
from app.ui.runs.state import NowView, RunView
from app.ui.scripting.actions import ScriptingState
from wire.health import Health


def _header(page: Projection) -> HeaderView:
    session, where = page.session, page.of(RunView).where
    window = session.window if isinstance(session.window, Window) else None
    server_id = window.window_locked_server if window is not None else None
    servers = session.fleet.servers
    mine = own_unfinished(session)
    silent = sum(task.is_silent for task in mine)
    # A server runs one at a time: of two, the end of one is not read yet.
    running = len({task.server_id for task in mine if task.state is TaskState.RUNNING and not task.is_silent})
    line = session.line.line
    entries = frozenset(item.prompt_id for item in line.entries) if line is not None else frozenset()
    places = sum(key not in entries for item in session.windows for key in item.reservations) + len(entries)
    others = {item.window_locked_server for item in session.windows} - {None, server_id}
    return HeaderView(
        is_restoring=window is None,
        is_unreadable=window is None and session.store_error is not None,
        is_unsure=window is not None and bool(window.unreadable),
        tag=tag_of(session.fleet, server_id) if server_id else None,
        others=tuple(tag_of(session.fleet, item) for item in sorted(others, key=str) if item is not None),
        running=running,
        waiting=len(mine) + places - running - silent,
        silent=silent,
        ill=sum(server.health not in {Health.WELL, Health.UNKNOWN} for server in servers),
        is_demo=bool(servers) and all(server.is_demo for server in servers),
        can_add=page.ui.of(Account).runs_fleet,
        is_private=page.of(Surroundings).is_private,
        is_scripting=page.ui.of(ScriptingState).is_scripting,
        chosen=replace(where.server, queue=0) if where.server is not None else None,
        is_patient=where.is_patient,
    )


def _tabs(page: Projection) -> TabsView:
    """Return what a phone's tabs show of its parts."""
    now = page.of(NowView)
    is_left = now.left is not None and now.left.is_new
    return TabsView(now.busy + now.waits, has_left=is_left, ended=page.of(ResultsView).ended)


FEATURE = Feature(
    parts=(PagePart(HeaderView, _header), PagePart(TabsView, _tabs)),
    regions={"header": Region(HeaderView, header), "tabs": Region(TabsView, tabs)},
)
