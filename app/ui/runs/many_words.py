"""What the ways are in which the runs of a plan differ."""

from __future__ import annotations

from app.ui.kit.i18n import Translator
from app.ui.runs.many import ManyKind


def word_kind(kind: ManyKind | None, _: Translator) -> str:
    """Explain a kind of plan in a sentence; None is one run, for each of many files."""
    match kind:
        case None:
            return _("One run, with the values of the form.")
        case ManyKind.LINES:
            return _("A run for each line of a text, such as prompts.")
        case ManyKind.TABLE:
            return _("A run for each row, with a column for each input that changes.")
        case ManyKind.SEEDS:
            return _("A run for each of several seeds.")
        case ManyKind.GRID:
            return _("A run for each pair of values of two inputs, with a contact sheet.")
