"""The dialogs of the command palette and of the list of shortcuts, and their views."""

from __future__ import annotations

from dataclasses import dataclass

from app.ui.kit.commands import Command
from app.ui.kit.state import Dialog


@dataclass(frozen=True, slots=True)
class PaletteDialog(Dialog):
    """The open palette: the typed text, and the recent commands when it was opened."""

    query: str = ""
    recent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ShortcutsDialog(Dialog):
    """The open list of shortcuts."""


@dataclass(frozen=True, slots=True)
class PaletteView:
    """The palette, with what can be done now."""

    dialog: PaletteDialog
    commands: tuple[Command, ...]


@dataclass(frozen=True, slots=True)
class ShortcutsView:
    """The list of shortcuts; single keys may be switched off."""

    has_keys: bool = True
