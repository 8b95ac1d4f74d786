"""The texts and groups of the command palette and of the list of shortcuts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from app.ui.commands.commands import MOST_SHOWN
from app.ui.commands.shortcuts import SINGLE, Shortcut, at_fields, everywhere, in_album, in_graph, in_script, on_mask
from app.ui.kit.commands import Command, Group
from app.ui.kit.i18n import Translator


def grouped(shown: Sequence[Command], recent: Sequence[str]) -> list[tuple[Group, list[Command]]]:
    """Group neighbours of the same group; the recent commands are a group of their own."""
    return [
        (group, list(items))
        for group, items in groupby(shown, lambda item: Group.RECENT if item.command_id in recent else item.group)
    ]


def word_count(count: int, _: Translator) -> str:
    if count > MOST_SHOWN:
        return _("The first {shown} of {count}: type on.", shown=MOST_SHOWN, count=count)
    return _.plural("{count} command", "{count} commands", count)


def word_group(group: Group, _: Translator) -> str:
    match group:
        case Group.RECENT:
            return _("Used lately")
        case Group.WORK:
            return _("Work")
        case Group.WORKFLOWS:
            return _("Workflows")
        case Group.FORM:
            return _("Form")
        case Group.GO:
            return _("Go to")
        case Group.WINDOW:
            return _("This window")
        case Group.SETTINGS:
            return _("Settings")


def shortcut_groups(_: Translator) -> tuple[tuple[str, tuple[Shortcut, ...]], ...]:
    """Return all shortcuts by where they work."""
    single = tuple(Shortcut((key.upper(),), _single(command, _)) for key, command in SINGLE.items())
    return (
        (_("Everywhere"), everywhere(_)),
        (_("Outside of fields"), single),
        (_("At a field"), at_fields(_)),
        (_("In all results"), in_album(_)),
        (_("In a graph"), in_graph(_)),
        (_("While a mask is painted"), on_mask(_)),
        (_("In a script"), in_script(_)),
    )


def _single(command: str, _: Translator) -> str:
    known = {
        "search": _("Search the inputs, or the library"),
        "new-window": _("Open another window"),
        "graph": _("See the graph"),
        "library": _("Library"),
        "presets": _("Presets"),
        "many-runs": _("Batch …"),
        "scripting": _("Scripting"),
        "settings": _("Settings"),
        "shortcuts": _("Keyboard shortcuts"),
    }
    return known[command]
