"""The windows of this browser: their panel, and the work of closed ones."""

from __future__ import annotations

from app.ui.kit.colours import tag_of
from app.ui.kit.feature import DialogKind, Feature, Part, Region
from app.ui.kit.projection import Projection
from app.ui.runs.state import LeftBehind
from app.ui.windows.orphans import OrphansView, WindowsState, left_view
from app.ui.windows.orphans_html import left
from app.ui.windows.panel import PanelFacts, WindowsDialog, WindowsView, windows_view
from app.ui.windows.panel_html import windows


def _left(page: Projection) -> OrphansView:
    return left_view(page.session, tag_of, page.pictures.glimpse_url, page.ui.of(WindowsState))


def _left_behind(page: Projection) -> LeftBehind:
    view = page.of(OrphansView)
    return LeftBehind(view.sign, bool(view.is_open and view.count))


def _windows(dialog: WindowsDialog, page: Projection) -> WindowsView:
    return windows_view(dialog, page.session, page.of(PanelFacts), page.pictures.glimpse_url)


FEATURE = Feature(
    parts=(Part(OrphansView, _left), Part(LeftBehind, _left_behind)),
    regions={"left": Region(OrphansView, left)},
    dialogs=(DialogKind(WindowsDialog, _windows, windows),),
)
