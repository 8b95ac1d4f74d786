"""What is told to the person in one piece: what happened, what to do next, and somebody else's own words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

SEPARATOR = "\N{NO-BREAK SPACE}· "  # between two facts in one line; a line that wraps never begins with its dot


class Tone(Enum):
    """How a telling looks."""

    QUIET = "quiet"
    BUSY = "busy"
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Words:
    """`title` says what is so, `cause` why in a few words, `advice` what the person can do.

    `quote` is a server's or the browser's own text.
    """

    title: str
    advice: str = ""
    quote: str = ""
    tone: Tone = Tone.BAD
    cause: str = ""
