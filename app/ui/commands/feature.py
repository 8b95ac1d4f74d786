"""The palette of commands, and the list of shortcuts: what the page offers now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.ui.commands.actions import PaletteActions
from app.ui.commands.palette import PaletteDialog, PaletteView, ShortcutsDialog, ShortcutsView
from app.ui.commands.palette_html import palette, shortcuts
from app.ui.commands.shortcuts import SINGLE
from app.ui.kit.commands import Command, Group
from app.ui.kit.feature import DialogKind, Feature, Life, Service, itself
from app.ui.kit.i18n import Translator
from app.ui.kit.projection import PageView, Projection
from app.ui.kit.services import Services
from app.ui.settings.settings import Settings, page_settings


@dataclass(frozen=True, slots=True)
class AllCommands:
    """What all features offer on a page."""

    commands: Callable[[Projection | PageView], tuple[Command, ...]] = lambda _page: ()


def _palette(dialog: PaletteDialog, page: Projection) -> PaletteView:
    return PaletteView(dialog, page.of(AllCommands).commands(page))


def _shortcuts(_dialog: ShortcutsDialog, page: Projection) -> ShortcutsView:
    return ShortcutsView(page.ui.of(Settings).has_keys)


def _actions(services: Services) -> PaletteActions:
    page = services.page

    def offered() -> tuple[Command, ...]:
        return page.commands(page.shown) if page.shown is not None else ()

    return PaletteActions(page, services.screen, page.act, commands=offered, draw=page.draw)


def _command(_: Translator) -> Command:
    title = _("Keyboard shortcuts")
    return Command("shortcuts", title, Group.SETTINGS, "keyboard", "open-shortcuts", terms="keys help")


FEATURE = Feature(
    services=(Service(PaletteActions, _actions, itself),),
    life=Life(
        refresh=lambda services: (AllCommands(services.page.commands),),
        facts=lambda services: page_settings(services.page.ui.of(Settings), SINGLE),
    ),
    dialogs=(
        DialogKind(PaletteDialog, _palette, palette),
        DialogKind(ShortcutsDialog, _shortcuts, shortcuts, opens="open-shortcuts", command=_command),
    ),
)
