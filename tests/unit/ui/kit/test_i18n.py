"""Translators, the choice of a language, and the pseudo-locale."""

from __future__ import annotations

import re

import pytest

from app.ui.kit.pseudo_locale import mark
from tests.kit.page.stills import LANGUAGES, translator


def test_pseudo_marks_catalogue_messages_only() -> None:
    pseudo = translator("pseudo")
    assert pseudo("Run") == "⟦Ŕüüñ·⟧"
    assert pseudo("Not in it") == "Not in it"
    assert pseudo("{width} × {height}", width=1, height=2).startswith("⟦"), "a translation that equals the English"
    assert pseudo.plural("{count} task", "{count} tasks", 2) == "⟦2 tååškš··⟧"
    assert pseudo.plural("{count} x", "{count} xs", 2) == "2 xs"


@pytest.mark.parametrize("text", ["Run", "{count} tasks of {server} are here", "Hm", "A quite long sentence, {name}."])
def test_pseudo_is_40_percent_longer_and_keeps_its_placeholders(text: str) -> None:
    longer = mark(text)
    assert set(re.findall(r"{\w+}", longer)) == set(re.findall(r"{\w+}", text))
    before, after = (len(re.sub(r"{\w+}", "", each)) for each in (text, longer.strip("⟦⟧")))
    assert 1.4 * before <= after <= 1.4 * before + 1


def test_placeholders_are_filled_in_every_language() -> None:
    for language in ("en", "zh-CN", "pseudo"):
        assert "gpu-7" in translator(language)("{server} cannot be reached.", server="gpu-7")


@pytest.mark.parametrize(
    ("server", "text"), [("gpu-7", "代 gpu-7 应答的不是 ComfyUI。"), ("服务器", "代服务器应答的不是 ComfyUI。")]
)
def test_chinese_has_no_space_between_han_characters(server: str, text: str) -> None:
    assert translator("zh-CN")("What answers for {server} is not ComfyUI.", server=server) == text


def test_a_servers_braces_are_not_filled_in() -> None:
    assert translator()("{server} cannot be reached.", server="{0} {x}") == "{0} {x} cannot be reached."


@pytest.mark.parametrize(
    ("wishes", "chosen"),
    [
        (("pseudo", "en"), "pseudo"),
        (("", None, "fr-FR", "zh-Hans-CN", "en"), "zh-CN"),
        (("zh_TW",), "zh-CN"),
        (("nl", "fr"), "en"),
        ((), "en"),
    ],
)
def test_the_first_language_we_speak_is_chosen(wishes: tuple[str | None, ...], chosen: str) -> None:
    assert LANGUAGES.choose(*wishes) == chosen
