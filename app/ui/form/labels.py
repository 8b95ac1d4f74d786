"""The label of a field as one text."""

from __future__ import annotations

from collections.abc import Callable

from app.workflows.forms.fields import Field


def word_label(item: Field, word: Callable[[str], str]) -> str:
    """Return the label in the page's language, with what tells it apart from another field of this label."""
    return f"{word(item.label)} · {word(item.about)}" if item.about else word(item.label)
