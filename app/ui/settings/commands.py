"""The commands of the settings and of the account."""

from __future__ import annotations

from collections.abc import Iterator

from app.ui.kit.account import Account
from app.ui.kit.commands import Command, Group
from app.ui.kit.i18n import Translator
from app.ui.kit.projection import PageView, Projection
from app.ui.kit.state import UiState
from app.ui.settings.settings import SettingChoice, Settings, SettingSwitch
from app.ui.settings.settings_words import word_choice, word_switch


def setting_commands(_page: Projection | PageView, ui: UiState, _: Translator) -> Iterator[Command]:
    settings = ui.of(Settings)
    yield Command("settings", _("Settings"), Group.SETTINGS, "settings", "open-settings", terms="preferences options")
    yield Command(
        "report", _("Save a report without prompts and pictures"), Group.WINDOW, "report", "save-report",
        terms="debug bundle log",
    )  # fmt: skip
    if ui.of(Account).can_log_out:
        yield Command("log-out", _("Log out …"), Group.WINDOW, "leave", "ask-log-out", terms="sign out account leave")
    for choice in SettingChoice:
        for option in word_choice(choice, _).options:
            if option.command and option.value != settings.chosen(choice):
                yield Command(
                    f"{choice.value}:{option.value}", option.command, Group.SETTINGS, option.icon, "choose-setting",
                    (("setting", choice.value), ("value", option.value)), terms=option.terms,
                )  # fmt: skip
    for switch in SettingSwitch:
        words = word_switch(switch, _)
        title = words.turn_off if settings.is_on(switch) else words.turn_on
        yield Command(
            f"switch:{switch.value}", title, Group.SETTINGS, "bell", "setting", (("setting", switch.value),),
            terms=words.terms,
        )  # fmt: skip
