"""Keyboard shortcuts: the commands of single keys, and the list of all others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.ui.kit.i18n import Translator

# Key, as the browser names it, to the id of a command (`commands.py`). They work only outside of fields, and can be
# switched off: WCAG 2.1.4.
SINGLE: Mapping[str, str] = {
    "/": "search",
    "n": "new-window",
    "g": "graph",
    "l": "library",
    "p": "presets",
    "m": "many-runs",
    "s": "scripting",
    ",": "settings",
    "?": "shortcuts",
}
KEY_OF: Mapping[str, str] = {command: key for key, command in SINGLE.items()}


@dataclass(frozen=True, slots=True)
class Shortcut:
    """Keys and what they do. Several keys are pressed together; `Mod` is Ctrl, or Command on a Mac."""

    keys: tuple[str, ...]
    does: str


def everywhere(_: Translator) -> tuple[Shortcut, ...]:
    """Return the shortcuts that work everywhere, fields included."""
    return (
        Shortcut(("Mod", "Enter"), _("Run")),
        Shortcut(("Mod", "K"), _("All commands")),
        Shortcut(("Mod", "Z"), _("Undo the last deletion, or the last step in the form")),
        Shortcut(("Esc",), _("Close a dialog or a list")),
    )


def at_fields(_: Translator) -> tuple[Shortcut, ...]:
    """Return the shortcuts of single fields and rows."""
    return (
        Shortcut(("Alt", "↓"), _("Values used lately, in a field that has some")),
        Shortcut(("↓",), _("The choices of a field that can be searched")),
        Shortcut(("Mod", "V"), _("A picture or a workflow from the clipboard")),
    )


def in_script(_: Translator) -> tuple[Shortcut, ...]:
    """Return the shortcuts in a script."""
    return (
        Shortcut(("Mod", "Enter"), _("Run the script")),
        Shortcut(("Mod", "]"), _("The line to the right")),
        Shortcut(("Mod", "["), _("The line to the left")),
    )


def in_album(_: Translator) -> tuple[Shortcut, ...]:
    """Return the shortcuts in the grid of results, and of a result shown large."""
    return (
        Shortcut(("←", "→", "↑", "↓"), _("Go through the results, large as well")),
        Shortcut(("Space",), _("Pick one, or leave it")),
        Shortcut(("Mod", "A"), _("Pick all")),
        Shortcut(("F",), _("Favourite")),
        Shortcut(("C",), _("Compare")),
        Shortcut(("Del",), _("Delete")),
    )


def in_graph(_: Translator) -> tuple[Shortcut, ...]:
    """Return the shortcuts in a graph that has the focus."""
    return (
        Shortcut(("←", "→", "↑", "↓"), _("Move the graph")),
        Shortcut(("+", "−"), _("Nearer, farther")),
        Shortcut(("0",), _("Show all of it")),
    )


def on_mask(_: Translator) -> tuple[Shortcut, ...]:
    """Return the shortcuts while a mask is painted."""
    return (
        Shortcut(("B", "E", "I"), _("Brush, eraser, invert")),
        Shortcut(("[", "]"), _("A smaller or a larger brush")),
        Shortcut(("Mod", "Z"), _("Undo")),
        Shortcut(("Mod", "Shift", "Z"), _("Redo")),
        Shortcut(("Shift", "→"), _("Paint by the arrow keys, on the picture")),
    )
