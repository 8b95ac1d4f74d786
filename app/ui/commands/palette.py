"""The dialogs that help to get going: settings, the command palette, the list of shortcuts. What they are made from."""

from __future__ import annotations

from dataclasses import dataclass

from app.ui.commands.commands import Offered
from app.ui.kit.state import Dialog
from app.ui.scripting.actions import ScriptingDialog
from app.ui.settings.account import SettingsView
from app.ui.settings.settings import SettingsDialog


@dataclass(frozen=True, slots=True)
class PaletteDialog(Dialog):
    """The open palette: what is typed, and which commands were used lately when it was opened."""

    query: str = ""
    recent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ShortcutsDialog(Dialog):
    """The open list of shortcuts."""


HelpDialog = SettingsDialog | PaletteDialog | ShortcutsDialog | ScriptingDialog


@dataclass(frozen=True, slots=True)
class PaletteView:
    """The palette, with what there is to be done now."""

    dialog: PaletteDialog
    offered: Offered


@dataclass(frozen=True, slots=True)
class ShortcutsView:
    """The list; those of a single key may be switched off."""

    has_keys: bool = True


HelpView = SettingsView | PaletteView | ShortcutsView | ScriptingDialog
