"""Texts about a window: its name, its age, and its work."""

from __future__ import annotations

from app.ui.kit.i18n import Translator
from app.ui.kit.words import SEPARATOR
from app.ui.windows.panel import WindowMark, WorkRow


def word_age(minutes: int, _: Translator) -> str:
    """Return how long a window has been open, roughly."""
    if minutes < 1:
        return _("opened just now")
    if minutes < 60:
        return _.plural("open for {count} minute", "open for {count} minutes", minutes)
    if minutes < 48 * 60:
        return _.plural("open for {count} hour", "open for {count} hours", minutes // 60)
    return _.plural("open for {count} day", "open for {count} days", minutes // (24 * 60))


def word_window(mark: WindowMark, _: Translator) -> str:
    """Return a window's name."""
    if mark.is_mine:
        return _("This window")
    return _("a closed window") if mark.number is None else _("Window {number}", number=mark.number)


def word_work(row: WorkRow, _: Translator, in_line: int = 0) -> str:
    """Return what a session has to do, and has done."""
    parts = [
        _("{running} running", running=row.running) if row.running else "",
        _("{waiting} waiting", waiting=row.waiting + in_line) if row.waiting + in_line else "",
        _("{count} ended", count=row.ended) if row.ended else "",
    ]
    return SEPARATOR.join(filter(None, parts)) or _("nothing yet")
