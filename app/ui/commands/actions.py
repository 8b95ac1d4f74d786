"""The command palette and the keys: whatever is chosen there is done as if its own button had been pressed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from app.ui.commands.commands import MOST_RECENT, Command, Manner, Offered, commands, find_command
from app.ui.commands.palette import HelpDialog, PaletteDialog, ShortcutsDialog
from app.ui.commands.shortcuts import SINGLE
from app.ui.kit.context import PageContext
from app.ui.kit.i18n import Translator
from app.ui.kit.screen import Facts, Screen
from app.ui.settings.settings import Settings

RECENT_KEY = "mooring.commands"  # ids of those used lately, in this browser


class Doing(Protocol):
    """Where an action goes: to the page, as from a button or a field."""

    def act(self, name: str, facts: Facts) -> None: ...
    def change(self, name: str, facts: Facts) -> None: ...


class PaletteActions:
    """The hands on it. `offered` is what can be done now, None before anything is drawn; `draw` draws at once."""

    def __init__(
        self,
        desk: PageContext,
        screen: Screen,
        doing: Doing,
        *,
        words: Callable[[], Translator | None],
        offered: Callable[[], Offered | None],
        draw: Callable[[], None],
    ) -> None:
        self._desk = desk
        self._screen = screen
        self._doing = doing
        self._words = words
        self._offered = offered
        self._draw = draw

    def act(self, name: str, facts: Facts) -> bool:
        """A click or a key; False if it is none of these."""
        match name:
            case "open-palette":
                self._show(PaletteDialog(recent=self._recent()))
                self._draw()  # what is typed next goes into its field
            case "open-shortcuts":
                self._show(ShortcutsDialog())
            case "command":
                self._choose(str(facts["command"]))
            case "press-key":
                self._press(str(facts["key"]))
            case _:
                return False
        return True

    def type(self, name: str, facts: Facts) -> bool:
        """Something typed; False if it is not about this."""
        dialog = self._desk.ui.dialog
        if name == "palette-query" and isinstance(dialog, PaletteDialog):
            self._show(replace(dialog, query=str(facts.get("value", ""))))
        return name == "palette-query"

    def _choose(self, command_id: str) -> None:
        command = self._find(command_id)
        self._show(None)
        if command is None:
            return  # what could be done a moment ago
        recent = [command_id, *(item for item in self._recent() if item != command_id)]
        self._screen.keep(RECENT_KEY, json.dumps(recent[:MOST_RECENT]))
        self._do(command)

    def _press(self, key: str) -> None:
        command = self._find(SINGLE.get(key, ""))
        if command is not None and self._desk.ui.of(Settings).has_keys:
            self._do(command)

    def _do(self, command: Command) -> None:
        facts: Mapping[str, str] = dict(command.facts)
        match command.manner:
            case Manner.ACT:
                self._doing.act(command.action, facts)
            case Manner.CHANGE:
                self._doing.change(command.action, facts)
            case Manner.JUMP:  # once the palette has gone: what is behind it takes no focus
                self._screen.schedule(lambda: self._screen.update({"jump": command.action}))
            case Manner.PRESS:  # now: a browser opens its own dialogs only within a click
                self._screen.update({"press": command.action})

    def _find(self, command_id: str) -> Command | None:
        _, offered = self._words(), self._offered()
        return None if _ is None or offered is None else find_command(commands(offered, _), command_id)

    def _recent(self) -> tuple[str, ...]:
        try:
            kept = json.loads(self._screen.kept(RECENT_KEY) or "[]")
        except ValueError:
            return ()
        return tuple(item for item in kept if isinstance(item, str)) if isinstance(kept, list) else ()

    def _show(self, dialog: HelpDialog | None) -> None:
        self._desk.set_ui(replace(self._desk.ui, dialog=dialog))
