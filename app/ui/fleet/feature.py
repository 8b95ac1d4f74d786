"""The fleet: its panel, and faults that demo servers play."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from app.core.window import Window
from app.ui.fleet.adding_actions import AddingActions
from app.ui.fleet.admin_actions import AdminActions
from app.ui.fleet.faults import BreakView, FaultsState, break_view
from app.ui.fleet.faults_actions import BreakActions, BreakServer
from app.ui.fleet.faults_html import breaking
from app.ui.fleet.panel import FleetDialog, FleetView, fleet_view
from app.ui.fleet.panel_actions import PanelActions
from app.ui.fleet.panel_html import fleet
from app.ui.kit.account import Account
from app.ui.kit.colours import tag_of
from app.ui.kit.commands import Command, Group
from app.ui.kit.feature import DialogKind, Feature, PagePart, Region, Service, itself
from app.ui.kit.i18n import Translator
from app.ui.kit.projection import PageView, Projection
from app.ui.kit.services import Services
from app.ui.kit.state import UiState
from app.ui.runs.state import RunsState
from app.ui.settings.account_actions import Team
from app.ui.windows.panel import PanelFacts
from app.ui.windows.panel_data import PanelData


@dataclass(frozen=True, slots=True)
class Breaking:
    """Asks a demo server to play a fault."""

    break_server: BreakServer


def _breaking(page: Projection) -> BreakView:
    window = page.session.window
    locked = window.window_locked_server if isinstance(window, Window) else None
    return break_view(page.session.fleet, page.ui.of(FaultsState), tag_of, locked)


def _fleet(dialog: FleetDialog, page: Projection) -> FleetView:
    wished = page.ui.of(RunsState)
    administered = dialog if page.ui.of(Account).runs_fleet else None
    return fleet_view(page.session, page.of(PanelFacts), wished.where, wished.leanings, administered)


def _panel_actions(services: Services) -> PanelActions:
    return PanelActions(services.session, services.page, services.screen, services.of(PanelData).ask)


def _break_actions(services: Services) -> BreakActions:
    return BreakActions(services.of(Breaking).break_server, services.page)


def _admin(services: Services) -> AdminActions | None:
    team = services.find(Team)
    return None if team is None else AdminActions(team.admin, services.page, services.screen)


def _adding(services: Services) -> AddingActions | None:
    team = services.find(Team)
    return None if team is None else AddingActions(team.admin, services.page, services.screen)


def _command(_: Translator) -> Command:
    return Command("fleet", _("Servers"), Group.GO, "anchor", "open-fleet", terms="fleet health queue vram")


def _commands(_page: Projection | PageView, ui: UiState, _: Translator) -> Iterator[Command]:
    if ui.of(Account).runs_fleet:
        yield Command("add-server", _("Add a server …"), Group.GO, "plus", "add-server", terms="comfyui connect gpu")


FEATURE = Feature(
    commands=(_commands,),
    services=(
        Service(PanelActions, _panel_actions, itself),
        Service(BreakActions, _break_actions, itself),
        Service(AdminActions, _admin, itself),
        Service(AddingActions, _adding, itself),
    ),
    parts=(PagePart(BreakView, _breaking),),
    regions={"breaking": Region(BreakView, breaking)},
    dialogs=(DialogKind(FleetDialog, _fleet, fleet, opens="open-fleet", command=_command),),
)
