"""A gettext catalogue read from the text of a `.po` file, so that what translators edit is what is served.

Reads what `static/locales/*.po` uses: comments, `msgid`, `msgid_plural`, `msgstr`, `msgstr[n]`, strings over several
lines, the `fuzzy` flag and the `Plural-Forms` header. Fuzzy and empty entries count as missing.
"""

from __future__ import annotations

import ast
import gettext
import logging
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

log = logging.getLogger("mooring.ui")

_KEYWORD = re.compile(r"(msgid_plural|msgid|msgstr)(?:\[(\d+)\])?\s+(\".*\")$")


@dataclass(slots=True)
class Entry:
    """One message with its translations, by plural form; form 0 is the only one of a message without plural."""

    msgid: str = ""
    plural: str = ""
    forms: dict[int, str] = field(default_factory=dict)
    is_fuzzy: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether it can be shown."""
        return not self.is_fuzzy and bool(self.forms) and all(self.forms.values())


def read_entries(text: str) -> Iterator[Entry]:
    """Every entry of a `.po` text, the header (empty msgid) included."""
    for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n")):
        entry = _read_entry(block)
        if entry is not None:
            yield entry


def _read_entry(block: str) -> Entry | None:
    entry = Entry()
    parts: dict[tuple[str, int], str] = {}
    last: tuple[str, int] | None = None
    for line in (raw.strip() for raw in block.split("\n")):
        if line.startswith("#"):
            entry.is_fuzzy = entry.is_fuzzy or (line.startswith("#,") and "fuzzy" in line)
        elif match := _KEYWORD.match(line):
            last = (match[1], int(match[2] or 0))
            parts[last] = ast.literal_eval(match[3])
        elif line.startswith('"') and last is not None:
            parts[last] += ast.literal_eval(line)
    if ("msgid", 0) not in parts:
        return None
    entry.msgid = parts["msgid", 0]
    entry.plural = parts.get(("msgid_plural", 0), "")
    entry.forms = {index: value for (word, index), value in parts.items() if word == "msgstr"}
    return entry


class Catalogue(gettext.NullTranslations):
    """The translations of one language; what is missing falls back to the English msgid."""

    def __init__(self, text: str) -> None:
        super().__init__()
        entries = list(read_entries(text))
        header = next((entry.forms.get(0, "") for entry in entries if not entry.msgid), "")
        self._form = _plural_of(header)
        self._entries = {entry.msgid: entry for entry in entries if entry.msgid and entry.is_complete}

    def __contains__(self, message: str) -> bool:
        return message in self._entries

    def gettext(self, message: str) -> str:
        """The translation, or the message itself."""
        entry = self._entries.get(message)
        return entry.forms[0] if entry else message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """The form for `n`, by the header's rule; where a form is missing, the first."""
        entry = self._entries.get(msgid1)
        if entry is None:
            return msgid1 if n == 1 else msgid2
        return entry.forms.get(self._form(n), entry.forms[0])


def _plural_of(header: str) -> Callable[[int], int]:
    """Which form a number takes. A catalogue without a rule that can be read is taken as two-formed."""
    rule = re.search(r"plural=([^;]+);", header)
    try:
        found: Callable[[int], int] = gettext.c2py(rule[1].strip() if rule else "n != 1")
    except ValueError as error:
        log.warning("the rule of plurals cannot be read: %s", error)
        return lambda count: int(count != 1)
    return found


class PseudoCatalogue(Catalogue):
    """Every message of a catalogue marked like ⟦Ŕüüñ·⟧, and longer: a test sees what is not in it, or overflows."""

    def gettext(self, message: str) -> str:
        """The message with accents and brackets, if the catalogue has it."""
        return mark(message) if message in self else message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """Like `gettext`, in the English form for `n`."""
        chosen = msgid1 if n == 1 else msgid2
        return mark(chosen) if msgid1 in self else chosen


_ACCENTS = str.maketrans("AEINORUaceinorsuyz", "ÅÉÎÑÖŔÜåçéîñöŕšüýž")
_VOWELS = re.compile("[åéîöüÅÉÎÖÜ]")
_LONGER = 0.4  # as much as other languages need more than English


def mark(message: str) -> str:
    """⟦…⟧ around the message with accented letters, 40 % longer; `{placeholders}` stay as they are."""
    pieces = re.split(r"(\{\w+\})", message)
    room = math.ceil(_LONGER * sum(len(piece) for piece in pieces if not piece.startswith("{")))
    told = ""
    for piece in pieces:
        if not piece.startswith("{"):
            written = piece.translate(_ACCENTS)
            longer = _VOWELS.sub(r"\g<0>\g<0>", written, count=room) if room else written
            room -= len(longer) - len(piece)
            told += longer
        else:
            told += piece
    rest = "".join(" " if number % 8 == 7 else "·" for number in range(room))
    return f"⟦{told}{rest}⟧"
