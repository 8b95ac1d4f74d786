"""The command palette and single keys: a command does what its button would do."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from app.ui.commands.commands import MOST_RECENT, find_command
from app.ui.commands.palette import PaletteDialog
from app.ui.commands.shortcuts import SINGLE
from app.ui.kit.actions import action
from app.ui.kit.commands import Command, Manner
from app.ui.kit.context import PageContext
from app.ui.kit.screen import Facts, Screen
from app.ui.kit.state import Dialog
from app.ui.settings.settings import Settings

RECENT_KEY = "mooring.commands"  # ids of the recent commands, in this browser


class PaletteActions:
    """The actions of both. `act` calls an action, `draw` draws immediately, `commands` returns what can be done now."""

    def __init__(
        self,
        context: PageContext,
        screen: Screen,
        act: Callable[[str, Facts], None],
        *,
        commands: Callable[[], tuple[Command, ...]],
        draw: Callable[[], None],
    ) -> None:
        self._context = context
        self._screen = screen
        self._act = act
        self._commands = commands
        self._draw = draw

    @action("open-palette")
    def open_palette(self) -> None:
        self._show(PaletteDialog(recent=self._recent()))
        self._draw()  # so that its field receives what is typed next

    @action("palette-query")
    def search(self, value: str) -> None:
        dialog = self._context.ui.dialog
        if isinstance(dialog, PaletteDialog):
            self._show(replace(dialog, query=value))

    @action("command")
    def choose(self, command: str) -> None:
        found = self._find(command)
        self._show(None)
        if found is None:
            return  # it is no longer possible
        recent = [command, *(item for item in self._recent() if item != command)]
        self._screen.keep(RECENT_KEY, json.dumps(recent[:MOST_RECENT]))
        self._do(found)

    @action("search-results")
    def search_results(self, text: str) -> None:
        """Show all results, searched for what was typed."""
        self._show(None)
        self._act("album", {})
        self._act("album-text", {"value": text})
        self._screen.schedule(lambda: self._screen.update({"jump": "album-text"}))

    @action("press-key")
    def press(self, key: str) -> None:
        """Do the command of a single key."""
        found = self._find(SINGLE.get(key, ""))
        if found is not None and self._context.ui.of(Settings).has_keys:
            self._do(found)

    def _do(self, command: Command) -> None:
        match command.manner:
            case Manner.ACT:
                self._act(command.action, dict(command.facts))
            case Manner.JUMP:  # after the palette has closed: what is behind it cannot take the focus
                self._screen.schedule(lambda: self._screen.update({"jump": command.action}))
            case Manner.PRESS:  # now: a browser opens its own dialogs only within a click
                self._screen.update({"press": command.action})

    def _find(self, command_id: str) -> Command | None:
        return find_command(self._commands(), command_id)

    def _recent(self) -> tuple[str, ...]:
        try:
            kept = json.loads(self._screen.kept(RECENT_KEY) or "[]")
        except ValueError:
            return ()
        return tuple(item for item in kept if isinstance(item, str)) if isinstance(kept, list) else ()

    def _show(self, dialog: Dialog | None) -> None:
        self._context.set_ui(replace(self._context.ui, dialog=dialog))
