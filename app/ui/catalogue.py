"""A gettext catalogue read from the text of a `.po` file, so that what translators edit is what is served.

Reads what `static/locales/*.po` uses: comments, `msgid`, `msgid_plural`, `msgstr`, `msgstr[n]`, strings over several
lines, the `fuzzy` flag and the `Plural-Forms` header. Fuzzy and empty entries count as missing.
"""

from __future__ import annotations

import ast
import gettext
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

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
        self._is_invariant = "nplurals=1" in header.replace(" ", "")
        self._entries = {entry.msgid: entry for entry in entries if entry.msgid and entry.is_complete}

    def __contains__(self, message: str) -> bool:
        return message in self._entries

    def gettext(self, message: str) -> str:
        """The translation, or the message itself."""
        entry = self._entries.get(message)
        return entry.forms[0] if entry else message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """The form for `n`; languages with one form have it at 0, others are taken as two-formed."""
        entry = self._entries.get(msgid1)
        if entry is None:
            return msgid1 if n == 1 else msgid2
        form = 0 if self._is_invariant or n == 1 else 1
        return entry.forms.get(form, entry.forms[0])


class PseudoCatalogue(Catalogue):
    """Every message of a catalogue marked like ⟦Ŕüñ⟧, so that a test sees at once what is not in it."""

    def gettext(self, message: str) -> str:
        """The message with accents and brackets, if the catalogue has it."""
        return mark(message) if message in self else message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """Like `gettext`, in the English form for `n`."""
        chosen = msgid1 if n == 1 else msgid2
        return mark(chosen) if msgid1 in self else chosen


_ACCENTS = str.maketrans("AEINORUaceinorsuyz", "ÅÉÎÑÖŔÜåçéîñöŕšüýž")


def mark(message: str) -> str:
    """⟦…⟧ around the message with accented letters; `{placeholders}` stay as they are."""
    pieces = re.split(r"(\{\w+\})", message)
    told = "".join(piece if piece.startswith("{") else piece.translate(_ACCENTS) for piece in pieces)
    return f"⟦{told}⟧"
