"""The settings, and the question before logging out, as dialogs."""

from __future__ import annotations

from app.ui.kit.account import Account
from app.ui.kit.feature import DialogKind, Feature
from app.ui.kit.projection import Projection
from app.ui.settings.account import LogOutDialog, LogOutView, SettingsView
from app.ui.settings.account_html import log_out
from app.ui.settings.logout import log_out_view
from app.ui.settings.settings import Settings, SettingsDialog
from app.ui.settings.settings_html import settings
from app.ui.windows.panel import PanelFacts


def _settings(dialog: SettingsDialog, page: Projection) -> SettingsView:
    return SettingsView(dialog, page.ui.of(Settings), page.language, page.ui.of(Account))


def _log_out(dialog: LogOutDialog, page: Projection) -> LogOutView:
    return log_out_view(dialog, page.ui.of(Account), page.session, page.of(PanelFacts))


FEATURE = Feature(
    dialogs=(DialogKind(SettingsDialog, _settings, settings), DialogKind(LogOutDialog, _log_out, log_out))
)
