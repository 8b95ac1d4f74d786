"""The texts of one language, with numbers and times as that language writes them.

English msgids stand in the code as `_("Run")`, `_("on {server}", server=name)` or
`_.plural("{count} task", "{count} tasks", count)`, where `_` is a Translator; a test collects them all.
"""

from __future__ import annotations

import gettext
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from app.ui.kit.pseudo_locale import PseudoTranslations
from wire.languages import choose_language

_HAN = "[\u3400-\u4dbf\u4e00-\u9fff]"
PSEUDO = "pseudo"  # for tests; the page does not offer it
WHOLE = "zh-CN"  # the catalogue that always has all messages: the pseudo-locale marks those


@dataclass(frozen=True, slots=True)
class Languages:
    """The page's languages: the name of each in itself, and the address of its catalogue.

    The keys are the codes in `?lang=` and in storage. English is in the code and has no catalogue.
    """

    names: Mapping[str, str]
    paths: Mapping[str, str]

    def choose(self, *wishes: str | None) -> str:
        """Return the first available language of the wishes (`?lang=`, the stored one, the browser's), or English."""
        first = next((wish for wish in wishes if wish), "")
        return PSEUDO if first.lower() == PSEUDO else choose_language(wishes, self.names)

    def path_of(self, language: str) -> str | None:
        """Return the address of a language's catalogue; None for English. The pseudo-locale uses the whole one."""
        return self.paths.get(WHOLE if language == PSEUDO else language)


ENGLISH_ONLY = Languages({"en": "English"}, {})


def read_languages(text: str) -> Languages:
    """Read the languages from the gateway's index (`gateway/page/languages.py`)."""
    listed = json.loads(text)
    names = {code: str(item["name"]) for code, item in listed.items()}
    return Languages({"en": "English", **names}, {code: str(item["path"]) for code, item in listed.items()})


class Formats(Protocol):
    """Numbers and times in one language; in the browser its own Intl."""

    def number(self, value: float, digits: int = 0) -> str:
        """Return a number with at most that many digits after the point."""

    def percent(self, fraction: float) -> str:
        """Return 0.45 as the language writes 45 %."""

    def clock(self, at: float) -> str:
        """Return seconds since the epoch as a local time of day, with the date if it is not today.

        A date of this year is without the year.
        """

    def moment(self, at: float) -> str:
        """Like `clock`, to the second."""

    def size(self, count: int) -> str:
        """Return a number of bytes, rounded to a readable unit."""


class Translator:
    """Texts, numbers and times in one language."""

    def __init__(
        self,
        language: str,
        catalogue: gettext.NullTranslations,
        formats: Formats,
        languages: Languages = ENGLISH_ONLY,
    ) -> None:
        self.language = language
        self.formats = formats
        self.languages = languages
        self._catalogue = catalogue

    def __call__(self, message: str, **facts: object) -> str:
        """Return the message in this language with its facts filled in; whole numbers are written its way."""
        translated = self._catalogue.gettext(message)
        return self._filled(translated, facts) if facts else translated

    def plural(self, one: str, many: str, count: int, **facts: object) -> str:
        """Return the form for `count`, which fills `{count}`."""
        return self._filled(self._catalogue.ngettext(one, many, count), {"count": count, **facts})

    def known(self, text: str) -> str:
        """Return a title from data: translated if the catalogue has it, otherwise unchanged."""
        return self._catalogue.gettext(text) if text else text

    def _filled(self, message: str, facts: dict[str, object]) -> str:
        written = {
            name: self.formats.number(value) if isinstance(value, int) and not isinstance(value, bool) else value
            for name, value in facts.items()
        }
        return _closed_up(message, written).format(**written)


def _closed_up(message: str, facts: Mapping[str, object]) -> str:
    """Return a message without the spaces that would stand between Han characters: they set off other letters alone."""
    for name, value in facts.items():
        if isinstance(value, str) and re.match(_HAN, value):
            message = re.sub(rf"(?<={_HAN}) (?={{{name}}})", "", message)
        if isinstance(value, str) and re.match(_HAN, value[-1:]):
            message = re.sub(rf"(?<={{{name}}}) (?={_HAN})", "", message)
    return message


def make_translator(
    language: str, catalogue: bytes, formats: Formats, languages: Languages = ENGLISH_ONLY
) -> Translator:
    """Return the translator for one of the languages, or the pseudo-locale; English if the catalogue is empty."""
    if not catalogue:
        return Translator("en", gettext.NullTranslations(), formats, languages)
    read = PseudoTranslations if language == PSEUDO else gettext.GNUTranslations
    return Translator(language, read(io.BytesIO(catalogue)), formats, languages)
