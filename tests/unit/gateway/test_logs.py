"""Text from outside cannot change how a log is displayed."""

from __future__ import annotations

import json
import logging
import sys
import unicodedata

import pytest

from gateway.logs import JsonLines, PlainLines

ODD = {
    "terminal escape": "\x1b[2J\x1b]0;title\x07",
    "line breaks": "\r\n\x0b\x0c\x85\u2028\u2029",
    "C1 controls": "\x9b31m\x9d",
    "delete": "\x7f\b",
    "bidirectional": "\u202e\u2066\u200f\u061c",
    "invisible": "\u200b\ufeff\U000e0041",
    "lone surrogate": "\udcff",
}


def made(text: str, *, is_error: bool = False) -> logging.LogRecord:
    """Return a record with this text as an argument, or also in an error."""
    if not is_error:
        return logging.LogRecord("x", logging.INFO, "", 0, "the input %r-%s", (0, text), None)
    try:
        raise ValueError(text)
    except ValueError:
        return logging.LogRecord("x", logging.ERROR, "", 0, "failed", (), sys.exc_info())


def shown(line: str) -> set[str]:
    """The characters of a line that are more than a mark on the screen."""
    return {char for char in line if unicodedata.category(char)[0] == "C" or char in "\u2028\u2029"}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_no_control_character_reaches_the_log(text: str) -> None:
    plain, packed = PlainLines().format(made(text)), JsonLines().format(made(text))
    assert not shown(plain) and not shown(packed)
    assert json.loads(packed)["message"] == f"the input 0-{text}"
    plain.encode("utf-8")
    packed.encode("utf-8")


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_no_control_character_reaches_the_log_with_an_error(text: str) -> None:
    plain, packed = PlainLines().format(made(text, is_error=True)), JsonLines().format(made(text, is_error=True))
    assert shown(plain) == {"\n"} and not shown(packed)
    assert "\\" in plain.splitlines()[-1] or text.startswith("\r")


def test_message_of_an_error_begins_no_line_of_the_log() -> None:
    text = PlainLines().format(made("one\n2026-01-01 00:00:00,000 INFO mooring: forged", is_error=True))
    first, *others = text.splitlines()
    assert first.endswith("ERROR x: failed") and others
    assert all(line.startswith("  ") for line in others)


def test_other_text_is_unchanged() -> None:
    text = "grüße 漢字 😀 a\\b %s"
    assert PlainLines().format(made(text)).endswith(text)
    assert text.replace("\\", "\\\\") in JsonLines().format(made(text))
