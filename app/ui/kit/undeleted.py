"""How many deletions a reload has undone: the tab keeps the number of those under way."""

from __future__ import annotations

from app.ui.kit.screen import Screen

_KEY = "mooring.deletions"


def keep_undeleted(screen: Screen, count: int) -> None:
    """Keep the number of deletions under way."""
    screen.remember(_KEY, str(count) if count else "")


def read_undeleted(screen: Screen) -> int:
    """Return the number that was kept when this tab was reloaded, once."""
    text = screen.recall(_KEY)
    keep_undeleted(screen, 0)
    return int(text) if text.isdecimal() else 0
