"""What the settings say of their choices and switches, and of the browser's notifications."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from app.core.previews import Previews
from app.ui.kit.i18n import Translator
from app.ui.settings.settings import Permission, SettingChoice, SettingsView, SettingSwitch


@dataclass(frozen=True, slots=True)
class Option:
    """A value of a choice: its title in the dialog, and its command, which is empty if there is none to choose it.

    `terms` are searched in the palette; `own_language` is that of a title that is never translated.
    """

    value: str
    title: str
    command: str
    icon: str
    terms: str
    own_language: str = ""


@dataclass(frozen=True, slots=True)
class ChoiceWords:
    """What a choice is called, what it means, and its values in their order."""

    title: str
    options: tuple[Option, ...]
    about: str = ""
    icon: str = ""


def word_choice(choice: SettingChoice, _: Translator) -> ChoiceWords:
    match choice:
        case SettingChoice.LANGUAGE:
            return ChoiceWords(_("Language"), tuple(_languages(_)), icon="language")
        case SettingChoice.THEME:
            options = (
                Option("system", _("System"), _("Colours of the system"), "sun", "system mode theme"),
                Option("light", _("Light"), _("Light colours"), "sun", "light mode theme"),
                Option("dark", _("Dark"), _("Dark colours"), "moon", "dark mode theme"),
            )
            return ChoiceWords(_("Colours"), options, icon="sun")
        case SettingChoice.PREVIEWS:
            about = _(
                "The picture as it grows. Best shows more detail and takes longer."
                " A server without its small model shows Fast instead."
            )
            return ChoiceWords(_("Previews"), tuple(_previews(_)), about)


def _languages(_: Translator) -> Iterator[Option]:
    yield Option("", _("Browser language"), "", "", "")
    for code, name in _.languages.names.items():
        command = _("Language: {name}", name=name) if code != _.language else ""
        yield Option(code, name, command, "language", f"{code} {name} language", code)


def _previews(_: Translator) -> Iterator[Option]:
    titles = {
        Previews.AUTOMATIC: _("Automatic"),
        Previews.OFF: _("Off"),
        Previews.FAST: _("Fast"),
        Previews.BEST: _("Best"),
    }
    for previews, title in titles.items():
        command = _("Previews of running work: {choice}", choice=title)
        yield Option(previews.value, title, command, "picture", "live latent taesd")


@dataclass(frozen=True, slots=True)
class SwitchWords:
    """What a switch is called, and the commands that turn it; `terms` are searched in the palette."""

    title: str
    turn_on: str
    turn_off: str
    terms: str


def word_switch(switch: SettingSwitch, _: Translator) -> SwitchWords:
    match switch:
        case SettingSwitch.NOTICES:
            on, off = _("Notices of finished work: on"), _("Notices of finished work: off")
            return SwitchWords(_("System notification"), on, off, "notification")
        case SettingSwitch.SOUND:
            on, off = _("Sound when work is done: on"), _("Sound when work is done: off")
            return SwitchWords(_("A sound"), on, off, "mute")
        case SettingSwitch.KEYS:
            on, off = _("Single-key shortcuts: on"), _("Single-key shortcuts: off")
            return SwitchWords(_("Single-key shortcuts"), on, off, "keyboard")


def word_about(switch: SettingSwitch, view: SettingsView, _: Translator) -> str:
    """Return what a switch does, or why it cannot."""
    match switch:
        case SettingSwitch.NOTICES:
            return _word_notices(view, _)
        case SettingSwitch.SOUND:
            return _("Two soft notes. The browser plays them once this page was clicked on.")
        case SettingSwitch.KEYS:
            return _("Outside of fields. Switch them off if speech input or accidental keys trigger them.")


def _word_notices(view: SettingsView, _: Translator) -> str:
    match view.dialog.permission:
        case Permission.ABSENT:
            return _(
                "Not possible here: browsers show notices only for pages over https or on this machine."
                " The sound and the tab's title still work."
            )
        case Permission.DENIED:
            return _("The browser forbids it. Allow notifications for this address in the browser's own settings.")
        case Permission.DEFAULT:
            return _("The browser asks you once. One notification for work that ends at about the same time.")
    return _("One notification for work that ends at about the same time, with its server and workflow.")
