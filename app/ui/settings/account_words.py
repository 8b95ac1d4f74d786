"""What a window would lose when its user logs out, and the answer to the question."""

from __future__ import annotations

from app.ui.kit.i18n import Translator
from app.ui.kit.words import SEPARATOR
from app.ui.settings.account import LogOutDialog, LooseWindow
from app.ui.windows.panel import WindowMark
from app.ui.windows.words import word_window


def word_confirmed(dialog: LogOutDialog, _: Translator) -> str:
    """Return the label of the button that does what the dialog asks about."""
    if dialog.is_out:
        return _("Delete")
    return _("Log out and delete") if dialog.is_wiping else _("Log out")


def word_loose(item: LooseWindow, _: Translator) -> str:
    """Return a window with its unfinished work."""
    work = [
        _.plural("{count} unfinished task", "{count} unfinished tasks", item.tasks) if item.tasks else "",
        _.plural("{count} waiting in line", "{count} waiting in line", item.in_line) if item.in_line else "",
    ]
    whose = word_window(WindowMark(item.number, item.is_mine), _) if item.number else _("Closed windows")
    return SEPARATOR.join((whose, *filter(None, work)))
