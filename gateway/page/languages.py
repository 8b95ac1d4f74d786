"""The languages of the page, one for each catalogue in `static/locales`, compiled to what pages load.

    static/locales/pl.po        what translators edit: gettext, with `Language` and `X-Name` in its header
    static/locales/pl.mo        the compiled catalogue, for the page's Python
    static/locales/index.json   {"pl": {"name": "Polski", "path": "pl.mo", "texts": {"Log in": "Zaloguj się"}}}

`texts` are the translations of elements with `data-t` in the HTML files, for `static/js/languages.js`.
"""

from __future__ import annotations

import gettext
import io
import json
import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from pathlib import Path

FOLDER = "static/locales"
INDEX = f"{FOLDER}/index.json"
_CODE = re.compile(r"[a-z]{2,3}(?:[_-][A-Za-z0-9]+)*")
_NAME = re.compile(r"[^<>]{1,40}")
_MARKED = re.compile(r"<[^<>]*\sdata-t(?:\s[^<>]*)?>([^<]+)<")
_FOR_NO_SCRIPT = re.compile(r'(\s*)<p lang="en" data-t>([^<]+)</p>')

log = logging.getLogger("mooring.gateway")


@dataclass(frozen=True, slots=True)
class Language:
    """One language: its code as browsers write it, its own name, and its compiled catalogue as a file."""

    code: str
    name: str
    file: str
    catalogue: bytes
    translations: gettext.GNUTranslations


def read_languages(root: Path) -> tuple[Language, ...]:
    """Compile the present catalogues; an invalid one is left out with a warning. Blocks: call it in a thread."""
    found = []
    for path in sorted((root / FOLDER).glob("*.po")):
        try:
            found.append(compile_catalogue(path.stem, path.read_text("utf-8")))
        except (OSError, ValueError) as error:  # polib reports a syntax error as OSError
            log.warning("%s is left out: %s", path.name, error)
    return tuple(found)


@lru_cache(maxsize=32)
def compile_catalogue(stem: str, text: str) -> Language:
    """Compile a `.po` file without its fuzzy and unfinished entries; OSError or ValueError if it is invalid."""
    import polib  # late: set-up imports this module before any package is installed

    source = polib.pofile(text)
    _refuse_twice((entry.msgctxt, entry.msgid, entry.linenum) for entry in source if not entry.obsolete)
    code, name = (str(source.metadata.get(key, "")).strip() for key in ("Language", "X-Name"))
    if not _CODE.fullmatch(code) or not _NAME.fullmatch(name):
        raise ValueError("its header has no Language or no X-Name")
    source.metadata["Content-Type"] = "text/plain; charset=UTF-8"
    catalogue = source.to_binary()
    return Language(
        code.replace("_", "-"), name, f"{stem}.mo", catalogue, gettext.GNUTranslations(io.BytesIO(catalogue))
    )


def _refuse_twice(messages: Iterable[tuple[str | None, str, int]]) -> None:
    """Raise ValueError for a message that is there twice. polib's own check compares each with all before it."""
    seen = set[tuple[str | None, str]]()
    for context, message, line in messages:
        if (context, message) in seen:
            raise ValueError(f"the message {message!r} is there twice, again in line {line}")
        seen.add((context, message))


def locale_files(languages: Sequence[Language], pages: Iterable[str]) -> dict[str, bytes]:
    """Return what pages load, by path: the catalogues, and their list with the marked texts of these HTML files."""
    whole = "".join(pages)
    listed = {
        language.code: {"name": language.name, "path": language.file, "texts": texts_of(language, whole)}
        for language in languages
    }
    files = {f"{FOLDER}/{language.file}": language.catalogue for language in languages}
    return {**files, INDEX: json.dumps(listed, ensure_ascii=False).encode()}


def texts_of(language: Language, html: str) -> dict[str, str]:
    """Return the translations of the texts that are marked in an HTML file."""
    marked = [text.strip() for text in _MARKED.findall(html)]
    return {text: language.translations.gettext(text) for text in marked}


def for_no_script(html: str, languages: Sequence[Language]) -> str:
    """Return the page with each `<p lang="en" data-t>` in all languages: without scripts, none can be chosen."""

    def in_all(found: re.Match[str]) -> str:
        translated = ((one.code, one.translations.gettext(found[2])) for one in languages)
        return found[0] + "".join(f'{found[1]}<p lang="{code}">{escape(text)}</p>' for code, text in translated)

    return _FOR_NO_SCRIPT.sub(in_all, html)
