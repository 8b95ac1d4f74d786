"""A language is one more catalogue file: the gateway compiles and lists it, the page offers and uses it."""

from __future__ import annotations

import gettext
import io
import json
import logging
import re
from pathlib import Path

import pytest

from app.ui.kit.i18n import make_translator
from app.ui.kit.i18n import read_languages as read_index
from gateway.page.languages import FOLDER, INDEX, compile_catalogue, for_no_script, locale_files, read_languages
from tests.kit.page.stills import PlainFormats
from tests.kit.services import ROOT

POLISH = """# A comment.
msgid ""
msgstr ""
"Language: pl\\n"
"X-Name: Polski\\n"
"Plural-Forms: nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);\\n"

msgid "Run"
msgstr "Uruchom"

#, fuzzy
msgid "Cancel"
msgstr "Stop?"

msgid "Empty"
msgstr ""

msgid ""
"A long text "
"with \\"quotes\\""
msgstr ""
"Długi tekst "
"w „cudzysłowie”"

msgid "Log in"
msgstr "Zaloguj <się>"

msgid "{count} file"
msgid_plural "{count} files"
msgstr[0] "{count} plik"
msgstr[1] "{count} pliki"
msgstr[2] "{count} plików"
"""
PAGE = '<h1 data-t>\n Log in </h1><p id="x" data-t hidden>Run</p><p>Empty</p><p data-test>Cancel</p>'


@pytest.fixture
def locale_folder(tmp_path: Path) -> Path:
    """A folder of catalogues, with ours in it."""
    folder = tmp_path / FOLDER
    folder.mkdir(parents=True)
    (folder / "zh_CN.po").write_bytes((ROOT / FOLDER / "zh_CN.po").read_bytes())
    return folder


def test_one_more_file_is_one_more_language(locale_folder: Path, tmp_path: Path) -> None:
    (locale_folder / "pl.po").write_text(POLISH, encoding="utf-8")
    files = locale_files(read_languages(tmp_path), [])
    languages = read_index(files[INDEX].decode())
    assert dict(languages.names) == {"en": "English", "pl": "Polski", "zh-CN": "简体中文"}
    assert languages.choose("pl-PL", "zh") == "pl"
    translate = make_translator("pl", files[f"{FOLDER}/{languages.path_of('pl')}"], PlainFormats(), languages)
    assert translate('A long text with "quotes"') == "Długi tekst w „cudzysłowie”"
    assert translate("Other") == "Other", "what is not translated yet stays English"
    assert [translate(message) for message in ("Cancel", "Empty")] == ["Cancel", "Empty"], (
        "fuzzy and unfinished are left out"
    )
    counts = [translate.plural("{count} file", "{count} files", count) for count in (1, 3, 5, 22)]
    assert counts == ["1 plik", "3 pliki", "5 plików", "22 pliki"]


def test_windows_line_ends_and_missing_charset_are_accepted(locale_folder: Path, tmp_path: Path) -> None:
    (locale_folder / "pl.po").write_bytes(POLISH.replace("\n", "\r\n").encode())
    catalogue = read_languages(tmp_path)[0].catalogue
    assert gettext.GNUTranslations(io.BytesIO(catalogue)).gettext("Run") == "Uruchom"
    assert catalogue == compile_catalogue("pl", POLISH).catalogue


def test_index_has_the_marked_texts_of_pages() -> None:
    files = locale_files([compile_catalogue("pl", POLISH)], [PAGE])
    assert json.loads(files[INDEX])["pl"] == {
        "name": "Polski",
        "path": "pl.mo",
        "texts": {"Log in": "Zaloguj <się>", "Run": "Uruchom"},
    }


def test_text_without_scripts_is_in_all_languages() -> None:
    html = '<noscript>\n  <p lang="en" data-t>Log in</p>\n</noscript><p data-t>Run</p>'
    assert for_no_script(html, [compile_catalogue("pl", POLISH)]) == (
        '<noscript>\n  <p lang="en" data-t>Log in</p>\n  <p lang="pl">Zaloguj &lt;się&gt;</p>\n</noscript>'
        "<p data-t>Run</p>"
    )


@pytest.mark.parametrize(
    ("correct", "wrong", "reason"),
    [
        ("Language: pl", "Other: x", "no Language"),
        ("Language: pl", "Language: <b>", "no Language"),
        ("X-Name: Polski", "Other: x", "no X-Name"),
        ("plural=(n==1", "plural=import (n==1", "plural form"),
        ('msgstr "Uruchom"', 'msgstr "Uru"chom"', "line 9"),
        ('msgid "Empty"', 'msgid "Run"', "'Run' is there twice, again in line 15"),
    ],
)
def test_invalid_catalogue_is_left_out_with_a_warning(
    locale_folder: Path, caplog: pytest.LogCaptureFixture, correct: str, wrong: str, reason: str
) -> None:
    (locale_folder / "pl.po").write_text(POLISH.replace(correct, wrong), encoding="utf-8")
    with caplog.at_level(logging.WARNING, "mooring.gateway"):
        assert [language.code for language in read_languages(locale_folder.parents[1])] == ["zh-CN"]
    assert caplog.messages[0].startswith("pl.po is left out: ")
    assert re.search(reason, caplog.text)


def test_shipped_catalogues_are_valid() -> None:
    files = list((ROOT / FOLDER).glob("*.po"))
    assert len(read_languages(ROOT)) == len(files)
