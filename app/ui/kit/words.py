"""A message to the user: what happened, what to do next, and another program's own text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from app.ui.kit.i18n import Translator

SEPARATOR = "\N{NO-BREAK SPACE}· "  # between two facts in one line; a line that wraps never begins with its dot


class Tone(Enum):
    """How a message looks."""

    QUIET = "quiet"
    BUSY = "busy"
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Words:
    """`title` says what happened, `cause` why in a few words, `advice` what the user can do.

    `quote` is a server's or the browser's own text.
    """

    title: str
    advice: str = ""
    quote: str = ""
    tone: Tone = Tone.BAD
    cause: str = ""


def titled(words: Words) -> str:
    """Return the title with its cause."""
    return f"{words.title}{SEPARATOR}{words.cause}" if words.cause else words.title


def sentences(*texts: str) -> str:
    """Join sentences, without those that are empty. After full-width punctuation there is no space."""
    joined = ""
    for text in filter(None, texts):
        joined += text if not joined or joined[-1] in "。！？" else f" {text}"
    return joined


NAMED = 3  # items in a short line; more are counted


def word_list(items: Sequence[str], _: Translator) -> str:
    """Return several items as a list, the last ones counted if there are many."""
    if len(items) > NAMED:
        shown, count = list(items[: NAMED - 1]), len(items) - NAMED + 1
        return _.plural("{items} and {count} more", "{items} and {count} more", count, items=_row(shown, _))
    if len(items) < 2:
        return "".join(items)
    return _("{items} and {last}", items=_row(items[:-1], _), last=items[-1])


def _row(items: Sequence[str], _: Translator) -> str:
    row = items[0]
    for item in items[1:]:
        row = _("{items}, {item}", items=row, item=item)
    return row
