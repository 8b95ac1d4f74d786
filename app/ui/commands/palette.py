"""The dialogs of the command palette and of the list of shortcuts, and their views."""

from __future__ import annotations

from dataclasses import dataclass

from app.ui.commands.commands import Offered
from app.ui.kit.state import Dialog
from app.ui.scripting.actions import ScriptingDialog
from app.ui.settings.account import SettingsView
from app.ui.settings.settings import SettingsDialog


@dataclass(frozen=True, slots=True)
class PaletteDialog(Dialog):
    """The open palette: the typed text, and the recent commands when it was opened."""

    query: str = ""
    recent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ShortcutsDialog(Dialog):
    """The open list of shortcuts."""


HelpDialog = SettingsDialog | PaletteDialog | ShortcutsDialog | ScriptingDialog


@dataclass(frozen=True, slots=True)
class PaletteView:
    """The palette, with what can be done now."""

    dialog: PaletteDialog
    offered: Offered


@dataclass(frozen=True, slots=True)
class ShortcutsView:
    """The list of shortcuts; single keys may be switched off."""

    has_keys: bool = True


HelpView = SettingsView | PaletteView | ShortcutsView | ScriptingDialog
