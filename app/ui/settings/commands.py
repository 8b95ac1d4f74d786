"""The commands of the settings and of the account."""

from __future__ import annotations

from collections.abc import Iterator

from app.ui.kit.account import Account
from app.ui.kit.commands import Command, Group
from app.ui.kit.i18n import Translator
from app.ui.kit.projection import PageView, Projection
from app.ui.kit.state import UiState
from app.ui.settings.settings import Settings, SettingSwitch, Theme
from app.ui.settings.settings_words import word_previews, word_switch


def setting_commands(_page: Projection | PageView, ui: UiState, _: Translator) -> Iterator[Command]:
    settings = ui.of(Settings)
    yield Command("settings", _("Settings"), Group.SETTINGS, "settings", "open-settings", terms="preferences options")
    yield Command(
        "report", _("Save a report without prompts and pictures"), Group.WINDOW, "report", "save-report",
        terms="debug bundle log",
    )  # fmt: skip
    if ui.of(Account).can_log_out:
        yield Command("log-out", _("Log out …"), Group.WINDOW, "leave", "ask-log-out", terms="sign out account leave")
    for code, name in _.languages.names.items():
        if code != _.language:
            yield Command(
                f"language:{code}", _("Language: {name}", name=name), Group.SETTINGS, "language", "language",
                (("value", code),), terms=f"{code} {name} language",
            )  # fmt: skip
    themes = {Theme.SYSTEM: _("Colours of the system"), Theme.LIGHT: _("Light colours"), Theme.DARK: _("Dark colours")}
    for theme, title in themes.items():
        if theme is not settings.theme:
            yield Command(
                f"theme:{theme.value}", title, Group.SETTINGS, "moon" if theme is Theme.DARK else "sun", "theme",
                (("value", theme.value),), terms=f"{theme.value} mode theme",
            )  # fmt: skip
    for previews, title in word_previews(_):
        if previews is not settings.previews:
            yield Command(
                f"previews:{previews.value}", _("Previews of running work: {choice}", choice=title), Group.SETTINGS,
                "picture", "previews", (("value", previews.value),), terms="live latent taesd",
            )  # fmt: skip
    for switch in SettingSwitch:
        words = word_switch(switch, _)
        title = words.turn_off if settings.is_on(switch) else words.turn_on
        yield Command(
            f"switch:{switch.value}", title, Group.SETTINGS, "bell", "setting", (("setting", switch.value),),
            terms=words.terms,
        )  # fmt: skip
