"""The fleet: its panel, and faults that demo servers play."""

from __future__ import annotations

from app.core.window import Window
from app.ui.fleet.faults import BreakView, FaultsState, break_view
from app.ui.fleet.faults_html import breaking
from app.ui.fleet.panel import FleetDialog, FleetView, fleet_view
from app.ui.fleet.panel_html import fleet
from app.ui.kit.account import Account
from app.ui.kit.colours import tag_of
from app.ui.kit.feature import DialogKind, Feature, Part, Region
from app.ui.kit.projection import Projection
from app.ui.runs.state import RunsState
from app.ui.windows.panel import PanelFacts


def _breaking(page: Projection) -> BreakView:
    window = page.session.window
    locked = window.window_locked_server if isinstance(window, Window) else None
    return break_view(page.session.fleet, page.ui.of(FaultsState), tag_of, locked)


def _fleet(dialog: FleetDialog, page: Projection) -> FleetView:
    wished = page.ui.of(RunsState)
    admin = dialog.admin if page.ui.of(Account).runs_fleet else None
    return fleet_view(page.session, page.of(PanelFacts), wished.where, wished.leanings, admin)


FEATURE = Feature(
    parts=(Part(BreakView, _breaking),),
    regions={"breaking": Region(BreakView, breaking)},
    dialogs=(DialogKind(FleetDialog, _fleet, fleet),),
)
