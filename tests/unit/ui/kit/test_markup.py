"""Texts become markup as markupsafe makes them."""

from __future__ import annotations

from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup, escape

from app.ui.kit.markup import as_markup, attributes, data, escaped


class Word(StrEnum):
    LESS = "<"


@given(st.text(alphabet=st.sampled_from("ab&<>\"'; \n漢")) | st.text())
def test_text_is_escaped_as_by_markupsafe(text: str) -> None:
    assert escaped(text) == escape(text)


@pytest.mark.parametrize("value", [7, True, Word.LESS, Markup("<b>")])
def test_other_values_are_escaped_as_by_markupsafe(value: str | int) -> None:
    assert escaped(value) == escape(value)


def test_markup_is_not_escaped_again() -> None:
    assert escaped(attributes({"title": "<"})) == ' title="&lt;"'
    assert escaped(data({"prompt_id": '"'})) == ' data-prompt-id="&#34;"'
    assert type(as_markup("<b>")) is Markup
