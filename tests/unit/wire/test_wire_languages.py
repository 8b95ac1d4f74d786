"""The language of a page, chosen by the gateway and by the page alike."""

from __future__ import annotations

import pytest

from wire.languages import accepted_languages, choose_language

CODES = {"en", "zh-CN", "pt-BR"}


@pytest.mark.parametrize(
    ("wishes", "chosen"),
    [
        ([], "en"),
        (["", None, "zh-CN"], "zh-CN"),
        (["zh_cn"], "zh-CN"),
        (["zh-TW"], "zh-CN"),
        (["pt"], "pt-BR"),
        (["xx", "en-GB", "zh-CN"], "en"),
        (["xx"], "en"),
    ],
)
def test_first_wish_that_exists_is_chosen(wishes: list[str | None], chosen: str) -> None:
    assert choose_language(wishes, CODES) == chosen


@pytest.mark.parametrize(
    ("header", "languages"),
    [
        ("", []),
        ("zh-CN,zh;q=0.9,en;q=0.8", ["zh-CN", "zh", "en"]),
        ("en;q=0.5, de ; q=0.7,fr", ["fr", "de", "en"]),
        ("en;q=x, de", ["de", "en"]),
        (" , ;q=1", []),
    ],
)
def test_accepted_languages_are_in_order_of_their_weights(header: str, languages: list[str]) -> None:
    assert accepted_languages(header) == languages
