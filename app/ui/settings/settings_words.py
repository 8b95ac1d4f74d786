"""What the settings say of their switches, of previews, and of the browser's notifications."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.previews import Previews
from app.ui.kit.i18n import Translator
from app.ui.settings.settings import Permission, SettingsView, SettingSwitch


def word_previews(_: Translator) -> tuple[tuple[Previews, str], ...]:
    """Return each choice of previews with its name."""
    return (
        (Previews.AUTOMATIC, _("Automatic")),
        (Previews.OFF, _("Off")),
        (Previews.FAST, _("Fast")),
        (Previews.BEST, _("Best")),
    )


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
