"""How sentences are joined."""

from __future__ import annotations

import pytest

from app.ui.kit.words import sentences


@pytest.mark.parametrize(
    ("texts", "joined"),
    [
        (("It ended.", "Run it again."), "It ended. Run it again."),
        (("已经结束。", "请再次运行。"), "已经结束。请再次运行。"),
        (("", "One.", "", "Two."), "One. Two."),
        (("", ""), ""),
    ],
)
def test_sentences_are_joined_as_their_language_does(texts: tuple[str, ...], joined: str) -> None:
    assert sentences(*texts) == joined
