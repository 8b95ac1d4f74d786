"""The commands of windows: another one, and the work of closed ones."""

from __future__ import annotations

from collections.abc import Iterator

from app.ui.kit.commands import Command, Group
from app.ui.kit.i18n import Translator
from app.ui.kit.projection import PageView, Projection
from app.ui.kit.state import UiState
from app.ui.windows.orphans import OrphansView


def window_commands(page: Projection | PageView, _ui: UiState, _: Translator) -> Iterator[Command]:
    yield Command("new-window", _("Open another window"), Group.WINDOW, "window", "new-window", terms="tab server")
    yield Command(
        "new-private-window", _("Open a private window"), Group.WINDOW, "private", "new-private-window",
        terms="incognito secret keep nothing",
    )  # fmt: skip
    if page.of(OrphansView).count:
        yield Command("toggle-left", _("Left behind by closed windows"), Group.GO, "fit", "toggle-left", terms="adopt")
        aside = _("Hide the work of closed windows")
        yield Command("put-left-aside", aside, Group.WINDOW, "close", "put-left-aside", terms="not now hide")
        yield Command("adopt-all", _("Adopt the work of closed windows"), Group.WINDOW, "adopt", "adopt-all")
    yield Command(
        "search-orphans", _("Look for work of closed windows"), Group.WINDOW, "look", "search-orphans", terms="adopt"
    )
