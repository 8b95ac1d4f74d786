"""The windows of this browser: their panel, and the work of closed ones."""

from __future__ import annotations

from collections.abc import Iterable

from app.ui.kit.colours import tag_of
from app.ui.kit.commands import Command, Group
from app.ui.kit.feature import DialogKind, Feature, Life, PagePart, Region, Service, itself
from app.ui.kit.i18n import Translator
from app.ui.kit.projection import Projection
from app.ui.kit.services import Services
from app.ui.runs.state import LeftBehind
from app.ui.windows.commands import window_commands
from app.ui.windows.orphan_actions import OrphanActions
from app.ui.windows.orphans import KEY, OrphansView, WindowsState, left_view
from app.ui.windows.orphans_html import left
from app.ui.windows.panel import PanelFacts, WindowsDialog, WindowsView, windows_view
from app.ui.windows.panel_data import PanelData, PanelSources
from app.ui.windows.panel_html import windows


def _left(page: Projection) -> OrphansView:
    return left_view(page.session, tag_of, page.pictures.glimpse_url, page.ui.of(WindowsState))


def _left_behind(page: Projection) -> LeftBehind:
    view = page.of(OrphansView)
    return LeftBehind(view.sign, bool(view.is_open and view.count))


def _windows(dialog: WindowsDialog, page: Projection) -> WindowsView:
    return windows_view(dialog, page.session, page.of(PanelFacts), page.pictures.glimpse_url)


def _command(_: Translator) -> Command:
    return Command("windows", _("Windows"), Group.GO, "window", "open-windows", terms="tabs sessions crew")


def _panel_data(services: Services) -> PanelData:
    page, sources = services.page, services.of(PanelSources)
    return PanelData(
        sources,
        services.session,
        services.screen,
        spawn=page.spawn,
        changed=page.request,
        on_show=page.show_yourself,
    )


def _follow_kept(services: Services, key: str) -> None:
    if key in {"", KEY}:
        services.of(OrphanActions).follow_kept()


def _refresh(services: Services) -> Iterable[object]:
    data = services.of(PanelData)
    data.refresh(services.page.ui.dialog)
    return (data.facts,)


FEATURE = Feature(
    commands=(window_commands,),
    services=(
        Service(PanelData, _panel_data),
        Service(OrphanActions, lambda its: OrphanActions(its.session, its.page, its.screen), itself),
    ),
    life=Life(
        load=lambda services: services.of(OrphanActions).follow_kept(),
        follow_kept=_follow_kept,
        before_drawing=lambda services: services.of(PanelData).announce(),
        refresh=_refresh,
    ),
    parts=(PagePart(OrphansView, _left), PagePart(LeftBehind, _left_behind)),
    regions={"left": Region(OrphansView, left)},
    dialogs=(DialogKind(WindowsDialog, _windows, windows, opens="open-windows", command=_command),),
)
