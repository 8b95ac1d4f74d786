"""A language is one more catalogue file: the gateway lists it, the page offers and speaks it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.ui.kit.i18n import make_translator, read_languages
from gateway.page.languages import FOLDER, list_languages
from tests.services import ROOT
from tests.unit.ui.page_kit import PlainFormats

POLISH = """
msgid ""
msgstr ""
"Language: pl\\n"
"X-Name: Polski\\n"
"Plural-Forms: nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);\\n"

msgid "Run"
msgstr "Uruchom"

msgid "{count} file"
msgid_plural "{count} files"
msgstr[0] "{count} plik"
msgstr[1] "{count} pliki"
msgstr[2] "{count} plików"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where catalogues lie, with those of ours."""
    folder = tmp_path / FOLDER
    folder.mkdir(parents=True)
    for path in (ROOT / FOLDER).glob("*.po"):
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def test_ours_are_listed_by_their_own_names() -> None:
    assert list_languages(ROOT) == {"zh-CN": {"name": "简体中文", "path": "zh_CN.po"}}


def test_one_more_file_is_one_more_language(folder: Path, tmp_path: Path) -> None:
    (folder / "pl.po").write_text(POLISH, encoding="utf-8")
    languages = read_languages(json.dumps(list_languages(tmp_path)))
    assert dict(languages.names) == {"en": "English", "pl": "Polski", "zh-CN": "简体中文"}
    assert languages.choose("pl-PL", "zh") == "pl"
    assert languages.path_of("pl") == "pl.po"
    told = make_translator("pl", POLISH, PlainFormats(), languages)
    assert told("Run") == "Uruchom"
    assert told("Cancel") == "Cancel", "what is not translated yet stays English"
    counts = [told.plural("{count} file", "{count} files", count) for count in (1, 3, 5, 22)]
    assert counts == ["1 plik", "3 pliki", "5 plików", "22 pliki"]


@pytest.mark.parametrize("missing", ["Language: pl", "X-Name: Polski"])
def test_a_file_that_does_not_say_what_it_is_is_left_out(folder: Path, tmp_path: Path, missing: str) -> None:
    (folder / "pl.po").write_text(POLISH.replace(missing, "Other: x"), encoding="utf-8")
    assert list(list_languages(tmp_path)) == ["zh-CN"]


def test_a_rule_of_plurals_that_cannot_be_read_is_taken_as_two_forms() -> None:
    told = make_translator("pl", POLISH.replace("nplurals=3; plural=", "plural=import "), PlainFormats())
    assert [told.plural("{count} file", "{count} files", count) for count in (1, 2)] == ["1 plik", "2 pliki"]
