"""Regular expressions of JavaScript, as files contain them: whether one matches anywhere in a text.

Budget(1000).of(Regex.parse("^(?:first|third) pass$"), "first pass")      # True

A search follows all ways at the same time, as a set of positions in the text, so that no pattern takes exponential
time; what remains is bounded by a budget of steps. Flags, references to groups and looking behind are not supported.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_LONGEST = 1000  # characters of a pattern
LONGEST_TEXT = 100_000  # characters; titles of nodes and names of inputs have some 20
_DEEPEST = 50  # groups in each other
_COUNT = re.compile(r"\{([0-9]+)(?:(,)([0-9]*))?\}")
_HEX = {"x": re.compile("[0-9a-fA-F]{2}"), "u": re.compile("[0-9a-fA-F]{4}")}
_GROUP_NAME = re.compile(r"\?<([a-zA-Z_$][\w$]*)>", re.ASCII)
_NAMED = {"t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r"}
_LINE_ENDS = "\n\r\u2028\u2029"
_SPACES = frozenset("\t\n\v\f\r \u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff") | {
    chr(c) for c in range(0x2000, 0x200B)
}
_DIGITS = frozenset("0123456789")
_WORD = _DIGITS | frozenset("_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_SETS = {"d": _DIGITS, "w": _WORD, "s": _SPACES}


class InvalidRegex(ValueError):
    """JavaScript refuses the pattern."""


class UnsupportedRegex(ValueError):
    """The pattern may be valid, but uses what this module does not support, or takes too many steps."""


@dataclass(slots=True)
class StepBudget:
    """The steps that all searches of one workflow may take together."""

    steps: int

    def spend(self, steps: int) -> None:
        """UnsupportedRegex if that is too many."""
        self.steps -= steps
        if self.steps < 0:
            raise UnsupportedRegex("too many steps")

    def of(self, regex: Regex, text: str) -> bool:
        """Whether the expression matches anywhere in the text."""
        if len(text) > LONGEST_TEXT:
            raise UnsupportedRegex("a long text")
        units = _units(text)
        return bool(regex.ways(_Search(units, self), set(range(len(units) + 1))))


@dataclass(frozen=True, slots=True)
class _Search:
    text: str
    budget: StepBudget


Positions = set[int]
Ways = Callable[[_Search, Positions], Positions]  # from these positions, where a part of the pattern may end
Test = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Regex:
    """A parsed expression."""

    ways: Ways

    @classmethod
    def parse(cls, pattern: str) -> Regex:
        """InvalidRegex if JavaScript refuses the pattern; UnsupportedRegex if it is not supported here."""
        if len(pattern) > _LONGEST:
            raise UnsupportedRegex("a long pattern")
        parser = _Parser(_units(pattern))
        ways = parser.either()
        if parser.at < len(parser.pattern):
            raise InvalidRegex("unmatched )")
        return cls(ways)


def _units(text: str) -> str:
    """The text as JavaScript counts it: each character of UTF-16 is one."""
    if text.isascii() or max(text) < "\U00010000":
        return text
    units = text.encode("utf-16-be", "surrogatepass")
    return "".join(chr(units[at] << 8 | units[at + 1]) for at in range(0, len(units), 2))


@dataclass(slots=True)
class _Parser:
    pattern: str
    at: int = 0
    depth: int = 0

    def either(self) -> Ways:
        """Parse alternatives, up to the end or a closing parenthesis."""
        self.depth += 1
        if self.depth > _DEEPEST:
            raise UnsupportedRegex("many groups in each other")
        ways = [self._sequence()]
        while self._take("|"):
            ways.append(self._sequence())
        self.depth -= 1
        return ways[0] if len(ways) == 1 else _either(ways)

    def _sequence(self) -> Ways:
        parts: list[Ways] = []
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            parts.append(self._repeated())
        return _sequence(parts)

    def _repeated(self) -> Ways:
        part, may_repeat = self._atom()
        least, most = self._count()
        if (least, most) == (1, 1):
            return part
        if not may_repeat:
            raise InvalidRegex("nothing to repeat")
        return _repeated(part, least, most)

    def _count(self) -> tuple[int, int | None]:
        count: tuple[int, int | None]
        if self._take("*"):
            count = 0, None
        elif self._take("+"):
            count = 1, None
        elif self._take("?"):
            count = 0, 1
        elif found := _COUNT.match(self.pattern, self.at):
            self.at = found.end()
            least = int(found[1][:9])
            count = least, least if not found[2] else int(found[3][:9]) if found[3] else None
            if count[1] is not None and count[1] < least:
                raise InvalidRegex("numbers out of order")
        else:
            return 1, 1
        self._take("?")  # whether it takes as little as possible does not matter here
        return count if count != (1, 1) else (1, 1)

    def _atom(self) -> tuple[Ways, bool]:
        """The next part, and whether it may be repeated."""
        char = self._next()
        match char:
            case "^":
                return _where(lambda _text, at: at == 0), False
            case "$":
                return _where(lambda text, at: at == len(text)), False
            case "(":
                return self._group()
            case "[":
                return _one(self._class()), True
            case ".":
                return _one(lambda char: char not in _LINE_ENDS), True
            case "\\":
                return self._escaped()
            case "*" | "+" | "?":
                raise InvalidRegex("nothing to repeat")
            case "{" if _COUNT.match(self.pattern, self.at - 1):
                raise InvalidRegex("nothing to repeat")
        return _one(char.__eq__), True

    def _group(self) -> tuple[Ways, bool]:
        around: Callable[[Ways], Ways] | None = None
        may_repeat = True
        if self._take("?="):
            around = _ahead
        elif self._take("?!"):
            around = _not_ahead
        elif self._take("?:"):
            pass
        elif found := _GROUP_NAME.match(self.pattern, self.at):
            self.at = found.end()
        elif self._take("?"):
            raise UnsupportedRegex("a special group")
        inside = self.either()
        if not self._take(")"):
            raise InvalidRegex("unterminated group")
        return (inside if around is None else around(inside)), may_repeat

    def _escaped(self) -> tuple[Ways, bool]:
        if self.pattern[self.at : self.at + 1] in ("b", "B"):
            is_wanted = self._next() == "b"
            return _where(lambda text, at: _is_boundary(text, at) is is_wanted), False
        found = self._escape()
        return _one(found.__eq__ if isinstance(found, str) else found), True

    def _escape(self) -> str | Test:
        """A character after a backslash, or a test for several."""
        char = self._next()
        if (chars := _SETS.get(char.lower())) is not None:
            return chars.__contains__ if char.islower() else lambda char: char not in chars
        if char in _NAMED:
            return _NAMED[char]
        if char in "ck" or (char in _DIGITS and (char != "0" or self.pattern[self.at : self.at + 1] in _DIGITS)):
            raise UnsupportedRegex(f"\\{char}")
        if char == "0":
            return "\0"
        if char in _HEX and (found := _HEX[char].match(self.pattern, self.at)):
            self.at = found.end()
            return chr(int(found[0], 16))
        return char

    def _class(self) -> Test:
        is_inverted = self._take("^")
        tests: list[Test] = []
        while not self._take("]"):
            first = self._member()
            if self.pattern[self.at : self.at + 1] == "-" and self.pattern[self.at + 1 : self.at + 2] not in ("", "]"):
                self.at += 1
                last = self._member()
                if isinstance(first, str) and isinstance(last, str):
                    tests.append(_between(first, last))
                    continue
                tests += ["-".__eq__, last.__eq__ if isinstance(last, str) else last]
            tests.append(first.__eq__ if isinstance(first, str) else first)
        return lambda char: any(test(char) for test in tests) is not is_inverted

    def _member(self) -> str | Test:
        char = self._next()
        if char != "\\":
            return char
        return "\b" if self._take("b") else self._escape()

    def _take(self, text: str) -> bool:
        if not self.pattern.startswith(text, self.at):
            return False
        self.at += len(text)
        return True

    def _next(self) -> str:
        if self.at >= len(self.pattern):
            raise InvalidRegex("unterminated")
        self.at += 1
        return self.pattern[self.at - 1]


def _one(test: Test) -> Ways:
    def ways(search: _Search, starts: Positions) -> Positions:
        search.budget.spend(len(starts))
        text = search.text
        return {at + 1 for at in starts if at < len(text) and test(text[at])}

    return ways


def _where(test: Callable[[str, int], bool]) -> Ways:
    def ways(search: _Search, starts: Positions) -> Positions:
        search.budget.spend(len(starts))
        return {at for at in starts if test(search.text, at)}

    return ways


def _sequence(parts: list[Ways]) -> Ways:
    def ways(search: _Search, starts: Positions) -> Positions:
        for part in parts:
            starts = part(search, starts)
        return starts

    return ways


def _either(parts: list[Ways]) -> Ways:
    return lambda search, starts: set[int]().union(*(part(search, starts) for part in parts))


def _repeated(part: Ways, least: int, most: int | None) -> Ways:
    def ways(search: _Search, starts: Positions) -> Positions:
        for _ in range(least):
            search.budget.spend(1)
            if not starts:
                return starts
            starts = part(search, starts)
        found, fresh, count = set(starts), starts, least
        while fresh and (most is None or count < most):
            search.budget.spend(len(fresh))
            fresh = part(search, fresh) - found
            found |= fresh
            count += 1
        return found

    return ways


def _ahead(part: Ways) -> Ways:
    return lambda search, starts: {at for at in starts if part(search, {at})}


def _not_ahead(part: Ways) -> Ways:
    return lambda search, starts: {at for at in starts if not part(search, {at})}


def _between(first: str, last: str) -> Test:
    if first > last:
        raise InvalidRegex("range out of order")
    return lambda char: first <= char <= last


def _is_boundary(text: str, at: int) -> bool:
    before, after = at > 0 and text[at - 1] in _WORD, at < len(text) and text[at] in _WORD
    return before is not after
