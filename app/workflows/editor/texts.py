"""Texts that the editor changes as it sends them: choices in prompts, dates and other nodes' values in file names."""

from __future__ import annotations

import re
from collections.abc import Callable

Moment = tuple[int, int, int, int, int, int]  # year, month, day, hour, minute, second; the user's local time
Choose = Callable[[int], int]  # one of so many choices, from 0

_COMMENT = re.compile(r"/\*|//.*")  # the end of a block is searched separately: many starts may have no end
_OPENING = re.compile(r"/([/*])")
UNESCAPE = re.compile(r"\\([{}|])")
PATTERN = re.compile(r"%([^%]+)%")
_DATE = re.compile(r"dd?|MM?|hh?|mm?|ss?|yyy?y?")
_NO_FILE_NAME = re.compile(r'[/?<>\\:*|"\x00-\x1f\x7f]')
MOST_NESTED = 100


def choose_first(_: int) -> int:
    """The first of the choices, where nothing may be left to chance."""
    return 0


def has_choices(text: str) -> bool:
    """Whether a prompt has `{a|b}` in it, so that each run may send another text."""
    return "{" in without_comments(text).replace("\\{", "")


def without_comments(text: str) -> str:
    """Return a text without `/* block */` and `// line` comments; a block without an end is kept."""
    kept: list[str] = []
    at, last = 0, text.rfind("*/")
    while found := _COMMENT.search(text, at):
        if found[0] != "/*":
            kept.append(text[at : found.start()])
            at = found.end()
        elif found.end() <= last:
            kept.append(text[at : found.start()])
            at = text.index("*/", found.end()) + 2
        else:  # this slash starts no comment, but the next one may
            kept.append(text[at : found.start() + 1])
            at = found.start() + 1
    return "".join((*kept, text[at:]))


def resolve_prompt(text: str, choose: Choose, depth: int = 0) -> str:
    """A prompt without comments and with one part of each `{a|b}`, which may be nested."""
    text = without_comments(text)
    if "{" not in text and "\\" not in text:
        return text
    found, at = [], 0
    while at < len(text):
        char = text[at]
        if char == "\\":
            # A lone backslash at the end becomes "\undefined" in the editor; that is kept out of the user's prompt.
            found.append(text[at : at + 2])
            at += 2
        elif char == "{" and depth < MOST_NESTED:
            parts, at = _parts(text, at + 1)
            found.append(resolve_prompt(parts[choose(len(parts))], choose, depth + 1))
        else:
            found.append(char)
            at += 1
    return UNESCAPE.sub(r"\1", "".join(found))


def escaped(text: str) -> str | None:
    """A prompt that is sent as exactly this text; None if there is none."""
    if resolve_prompt(text, choose_first) == text:
        return text
    # A choice of one is no comment: "{/}" is "/".
    found = _OPENING.sub(r"/{\1}", text.replace("{", "\\{"))
    return found if resolve_prompt(found, choose_first) == text else None


def _parts(text: str, at: int) -> tuple[list[str], int]:
    """The choices of a block that begins at `at`, and where it ends."""
    parts, part, depth = [], "", 0
    while at < len(text):
        char = text[at]
        at += 1
        if char == "\\":
            part += text[at - 1 : at + 1]
            at += 1
            continue
        if char == "{":
            depth += 1
        elif char == "}":
            if not depth:
                break
            depth -= 1
        elif char == "|" and not depth:
            parts.append(part)
            part = ""
            continue
        part += char
    return [*parts, part], at


def fill_patterns(text: str, now: Moment | None, look_up: Callable[[str, str], str | None]) -> str:
    """A file name with `%date:yyyy-MM-dd%` and `%Node.widget%` filled in; unknown patterns stay."""

    def fill(found: re.Match[str]) -> str:
        inner = found[1]
        parts = inner.split(".")
        if len(parts) != 2:
            is_date = parts[0].startswith("date:")
            return _date(parts[0][5:], now) if is_date and now is not None else found[0]
        value = look_up(parts[0], parts[1])
        return found[0] if value is None else _NO_FILE_NAME.sub("_", value)

    return PATTERN.sub(fill, text) if "%" in text else text


def _date(pattern: str, now: Moment) -> str:
    year, *rest = now
    numbers = dict(zip("Mdhms", rest, strict=True))

    def part(found: re.Match[str]) -> str:
        token = found[0]
        if token == "yy":
            return str(year)[2:]
        if token == "yyyy":
            return str(year)
        return str(numbers[token[0]]).rjust(len(token), "0") if token[0] in numbers else token

    return _DATE.sub(part, pattern)
