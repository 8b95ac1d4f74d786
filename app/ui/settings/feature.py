"""The settings, and the question before logging out, as dialogs."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.model import PromptId
from app.core.previews import Previews
from app.ui.form import drafts
from app.ui.form.state import FormState
from app.ui.kit.account import Account
from app.ui.kit.feature import DialogKind, Feature, Life, Service, itself
from app.ui.kit.image_addresses import ImageAddresses
from app.ui.kit.projection import Projection
from app.ui.kit.services import Services
from app.ui.settings.account import LogOutDialog, LogOutView
from app.ui.settings.account_actions import AccountActions, Team
from app.ui.settings.account_html import log_out
from app.ui.settings.actions import SettingsActions
from app.ui.settings.commands import setting_commands
from app.ui.settings.logout import log_out_view
from app.ui.settings.notifications import EndNotifier, Notifier
from app.ui.settings.settings import KEY, Settings, SettingsDialog, SettingsView, read_settings
from app.ui.settings.settings_html import settings
from app.ui.windows.panel import PanelFacts


def _settings(dialog: SettingsDialog, page: Projection) -> SettingsView:
    return SettingsView(dialog, page.ui.of(Settings), page.ui.of(Account))


def _log_out(dialog: LogOutDialog, page: Projection) -> LogOutView:
    return log_out_view(dialog, page.ui.of(Account), page.session, page.of(PanelFacts))


@dataclass(frozen=True, slots=True)
class Notifications:
    """Reaches a user whose focus is elsewhere."""

    notifier: Notifier


def _first_settings(services: Services) -> Settings:
    return read_settings(services.screen.kept(KEY))


def _actions(services: Services) -> SettingsActions:
    page, screen = services.page, services.screen
    return SettingsActions(
        page,
        screen,
        services.of(Notifications).notifier,
        lambda: page.translator,
        services.session.choose_previews,
        hand_over=lambda: drafts.hand_over(page.ui.of(FormState), screen, services.ports.now()),
    )


def _account(services: Services) -> AccountActions | None:
    team = services.find(Team)
    if team is None:
        return None
    return AccountActions(team.attendance, team.login, services.page, services.screen, services.session.results)


def _follow_ends(services: Services, ended: frozenset[PromptId] | None) -> None:
    page = services.page
    if page.translator is not None:
        services.of(EndNotifier).update(services.session, ended, page.ui.of(Settings), page.translator)


def _refresh_previews(services: Services, prompt_ids: tuple[PromptId, ...] | None) -> None:
    is_on = services.page.ui.of(Settings).previews is not Previews.OFF
    services.of(ImageAddresses).refresh_previews(prompt_ids, has_previews=is_on)


FEATURE = Feature(
    commands=(setting_commands,),
    states=(_first_settings,),
    services=(
        Service(SettingsActions, _actions, itself),
        Service(EndNotifier, lambda its: EndNotifier(its.of(Notifications).notifier, its.ports.steady)),
        Service(AccountActions, _account, itself),
    ),
    life=Life(
        follow_kept=lambda services, key: services.of(SettingsActions).follow(key),
        follow_ends=_follow_ends,
        refresh_previews=_refresh_previews,
    ),
    dialogs=(DialogKind(SettingsDialog, _settings, settings), DialogKind(LogOutDialog, _log_out, log_out)),
)
