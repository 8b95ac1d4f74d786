"""The reader of `.po` files, and the catalogues made of it."""

from __future__ import annotations

import re

import pytest

from app.ui.kit.po_file import Catalogue, PseudoCatalogue, mark, read_entries
from tests.unit.ui.page_kit import LANGUAGES, translator

TEXT = r"""
# A comment.
msgid ""
msgstr ""
"Language: xx\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\n"

#: app/ui/form/view.py
msgid "Run"
msgstr "Los"

#, fuzzy
msgid "Cancel"
msgstr "Halt?"

msgid "Empty"
msgstr ""

msgid ""
"A long text "
"with \"quotes\" and a\nbreak"
msgstr ""
"Ein langer Text "
"mit \"Zeichen\" und\nUmbruch"

msgid "{count} task"
msgid_plural "{count} tasks"
msgstr[0] "{count} Aufgabe"
msgstr[1] "{count} Aufgaben"
"""


def test_a_message_is_translated_and_a_missing_one_stays_english() -> None:
    catalogue = Catalogue(TEXT)
    assert catalogue.gettext("Run") == "Los"
    assert catalogue.gettext("Stop") == "Stop"


def test_fuzzy_and_empty_entries_count_as_missing() -> None:
    catalogue = Catalogue(TEXT)
    assert catalogue.gettext("Cancel") == "Cancel"
    assert "Empty" not in catalogue


def test_strings_over_several_lines_keep_quotes_and_breaks() -> None:
    assert Catalogue(TEXT).gettext('A long text with "quotes" and a\nbreak').startswith('Ein langer Text mit "Zeichen"')


@pytest.mark.parametrize(("count", "told"), [(1, "{count} Aufgabe"), (0, "{count} Aufgaben"), (5, "{count} Aufgaben")])
def test_plural_forms_follow_the_count(count: int, told: str) -> None:
    assert Catalogue(TEXT).ngettext("{count} task", "{count} tasks", count) == told


def test_a_language_with_one_form_uses_it_for_every_count() -> None:
    text = TEXT.replace("nplurals=2; plural=(n != 1);", "nplurals=1; plural=0;")
    assert Catalogue(text).ngettext("{count} task", "{count} tasks", 5) == "{count} Aufgabe"


def test_windows_line_ends_are_read_too() -> None:
    assert len(list(read_entries(TEXT.replace("\n", "\r\n")))) == len(list(read_entries(TEXT)))


def test_pseudo_marks_what_is_in_the_catalogue_and_nothing_else() -> None:
    pseudo = PseudoCatalogue(TEXT)
    assert pseudo.gettext("Run") == "⟦Ŕüüñ·⟧"
    assert pseudo.gettext("Not in it") == "Not in it"
    assert pseudo.ngettext("{count} task", "{count} tasks", 2) == "⟦{count} tååškš··⟧"


@pytest.mark.parametrize("text", ["Run", "{count} tasks of {server} are here", "Hm", "A quite long sentence, {name}."])
def test_pseudo_is_40_percent_longer_and_keeps_its_placeholders(text: str) -> None:
    longer = mark(text)
    assert set(re.findall(r"{\w+}", longer)) == set(re.findall(r"{\w+}", text))
    before, after = (len(re.sub(r"{\w+}", "", each)) for each in (text, longer.strip("⟦⟧")))
    assert 1.4 * before <= after <= 1.4 * before + 1


def test_placeholders_are_filled_in_every_language() -> None:
    for language in ("en", "zh-CN", "pseudo"):
        assert "gpu-7" in translator(language)("{server} cannot be reached.", server="gpu-7")


def test_a_servers_braces_are_not_filled_in() -> None:
    assert translator()("{server} cannot be reached.", server="{0} {x}") == "{0} {x} cannot be reached."


@pytest.mark.parametrize(
    ("wishes", "chosen"),
    [
        (("pseudo", "en"), "pseudo"),
        (("", None, "de-DE", "zh-Hans-CN", "en"), "zh-CN"),
        (("zh_TW",), "zh-CN"),
        (("de", "fr"), "en"),
        ((), "en"),
    ],
)
def test_the_first_language_we_speak_is_chosen(wishes: tuple[str | None, ...], chosen: str) -> None:
    assert LANGUAGES.choose(*wishes) == chosen
