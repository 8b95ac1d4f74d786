"""The pseudo-locale: the messages of a catalogue with accents, in brackets and longer, to test the page with."""

from __future__ import annotations

import gettext
import io
import math
import re


class _NothingKnown(gettext.NullTranslations):
    """The fallback of a catalogue: an empty text for a message that it lacks."""

    def gettext(self, message: str) -> str:  # noqa: ARG002
        return ""

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:  # noqa: ARG002
        return ""


class PseudoTranslations(gettext.GNUTranslations):
    """Marks each message of a catalogue like ⟦Ŕüüñ·⟧, and makes it longer: tests see what is missing or overflows."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.add_fallback(_NothingKnown())

    def gettext(self, message: str) -> str:
        """Return the message with accents and brackets, if the catalogue has it."""
        return mark(message) if super().gettext(message) else message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """Like `gettext`, in the English form for `n`."""
        chosen = msgid1 if n == 1 else msgid2
        return mark(chosen) if super().ngettext(msgid1, msgid2, n) else chosen


_ACCENTS = str.maketrans("AEINORUaceinorsuyz", "ÅÉÎÑÖŔÜåçéîñöŕšüýž")
_VOWELS = re.compile("[åéîöüÅÉÎÖÜ]")
_LONGER = 0.4  # as much as other languages need more than English


def mark(message: str) -> str:
    """Return ⟦…⟧ around the message with accented letters, 40 % longer; `{placeholders}` stay as they are."""
    pieces = re.split(r"(\{\w+\})", message)
    room = math.ceil(_LONGER * sum(len(piece) for piece in pieces if not piece.startswith("{")))
    result = ""
    for piece in pieces:
        if not piece.startswith("{"):
            written = piece.translate(_ACCENTS)
            longer = _VOWELS.sub(r"\g<0>\g<0>", written, count=room) if room else written
            room -= len(longer) - len(piece)
            result += longer
        else:
            result += piece
    rest = "".join(" " if number % 8 == 7 else "·" for number in range(room))
    return f"⟦{result}{rest}⟧"
