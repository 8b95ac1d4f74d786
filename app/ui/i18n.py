"""The words of one language: catalogue texts with their facts, and numbers and times as that language writes them.

English msgids stand in the code as `_("Run")`, `_("on {server}", server=name)` or
`_.plural("{count} task", "{count} tasks", count)`, where `_` is a Translator; a test collects them all.
"""

from __future__ import annotations

import gettext
from typing import Protocol

from app.ui.catalogue import Catalogue, PseudoCatalogue

# Code in `?lang=` and in storage: its own name, as people look for it. `pseudo` is for tests and not offered.
LANGUAGES = {"en": "English", "zh-CN": "简体中文"}
PSEUDO = "pseudo"
CATALOGUE_PATH = "/static/locales/zh_CN.po"


class Formats(Protocol):
    """Numbers and times in one language; in the browser its own Intl."""

    def number(self, value: float, digits: int = 0) -> str:
        """A number with at most that many digits after the point."""

    def percent(self, fraction: float) -> str:
        """0.45 as the language writes 45 %."""

    def clock(self, at: float) -> str:
        """Seconds since the epoch as a local time of day, with the date if it is not today."""

    def moment(self, at: float) -> str:
        """Like `clock`, to the second."""

    def size(self, count: int) -> str:
        """A number of bytes, rounded to a readable unit."""


class Translator:
    """Texts, numbers and times in one language."""

    def __init__(self, language: str, catalogue: gettext.NullTranslations, formats: Formats) -> None:
        self.language = language
        self.formats = formats
        self._catalogue = catalogue

    def __call__(self, message: str, **facts: object) -> str:
        """The message in this language with its facts filled in; whole numbers are written its way."""
        told = self._catalogue.gettext(message)
        return told.format(**self._written(facts)) if facts else told

    def plural(self, one: str, many: str, count: int, **facts: object) -> str:
        """The form for `count`, which fills `{count}`."""
        return self._catalogue.ngettext(one, many, count).format(**self._written({"count": count, **facts}))

    def known(self, text: str) -> str:
        """A title that came as data: translated if the catalogue has it, else as it is."""
        return self._catalogue.gettext(text) if text else text

    def _written(self, facts: dict[str, object]) -> dict[str, object]:
        return {
            name: self.formats.number(value) if isinstance(value, int) and not isinstance(value, bool) else value
            for name, value in facts.items()
        }


def choose_language(*wishes: str | None) -> str:
    """The first wish (`?lang=`, the stored choice, the browser's languages in order) that we speak; else English."""
    for wish in wishes:
        low = (wish or "").lower().replace("_", "-")
        if low == PSEUDO:
            return PSEUDO
        if low.split("-")[0] == "zh":
            return "zh-CN"
        if low.split("-")[0] == "en":
            return "en"
    return "en"


def make_translator(language: str, catalogue_text: str, formats: Formats) -> Translator:
    """The translator for a language out of `LANGUAGES`, or for the pseudo-locale."""
    match language:
        case "zh-CN":
            return Translator(language, Catalogue(catalogue_text), formats)
        case "pseudo":
            return Translator(language, PseudoCatalogue(catalogue_text), formats)
    return Translator("en", gettext.NullTranslations(), formats)
