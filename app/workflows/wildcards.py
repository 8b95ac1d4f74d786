"""Prompts with choices and wildcards, drawn once for each run.

    names = WildcardNames(["animals/cats", "colours"])
    first_unknown("a __cats__ in {red|__colours__}", names)            # "", else the first wildcard without a file
    expand("{2$$ and $$__cats__}, __colours__", choose, Wildcards(names, {"animals/cats": (…), "colours": (…)}))

The syntax is that of Dynamic Prompts and of ComfyUI's Impact Pack, as far as their files use it:

    {a|b}  {a|{b|c}}               one of them, nested or not, as in ComfyUI's editor
    {3::a|b}                       with weights
    {2$$a|b|c}  {1-2$$a|b}         several of them, each once, with commas between them
    {2$$ and $$a|b|c}              with another separator
    {2$$__cats__}                  several lines of a file, each once
    __cats__  __animals/cats__     a line of a file, in which the same syntax is expanded; spaces count as hyphens
    __animals/*__                  a line of any of these files
    \\{  \\|  \\}  \\__               the characters themselves

A text in which none of this occurs but `{a|b}` is drawn as `resolve_prompt` in `editor/texts.py` draws it. Whatever is
in texts and files, the depth, the number of draws and the length of the result are bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from app.core.errors import BadInput
from app.workflows.editor.texts import MOST_NESTED, UNESCAPE, Choose, without_comments

MOST_DEPTH = 32  # wildcards in the lines of wildcards
MOST_DRAWS = 5_000
LINES_OF_A_DRAW = 2_000  # a draw that reads more lines than this counts as several
LONGEST = 100_000  # characters, of a template and of its result
LONGEST_NAME = 200
MOST_STARS = 8
ANY_FILE = "*"
_NAME = r"[\w.+*/\\-](?:[\w.+*/\\ -]{0,198}?[\w.+*/\\-])??"
_WILDCARD = re.compile(rf"\\__|__[~@!]?({_NAME})__")  # the three signs choose a sampler in Dynamic Prompts
_WHOLE_WILDCARD = re.compile(rf"\s*__[~@!]?({_NAME})__\s*")
_MADE_NAME = re.compile(r"__[\w.+*/\\-]{0,200}\{|\}[\w.+*/\\-]{0,200}?__")  # __{cats|dogs}__: known once it is drawn
_BOUND = re.compile(r"\s*(?:(\d{1,4})(?:(-)(\d{1,4})?)?|-(\d{1,4}))\$\$(?:([^${}]*)\$\$)?")
_WEIGHT = re.compile(r"\s*(\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})::")
_CHOICE = re.compile(r"\{[^{}|]{0,2000}\|[^{}]{0,2000}\}")
_SEPARATOR = ","
_FINE = 1 << 30  # steps in which weights are drawn


def has_syntax(text: str) -> bool:
    """Whether a prompt has choices or wildcards, so that each run may send another text."""
    if "{" not in text and "__" not in text:
        return False
    plain = without_comments(text)
    return "{" in plain.replace("\\{", "") or any(found[1] for found in _WILDCARD.finditer(plain))


def seems_meant(text: str) -> bool:
    """Whether a text seems to be written to be drawn; JSON and other texts have braces too."""
    return ("__" in text and any(found[1] for found in _WILDCARD.finditer(text))) or _CHOICE.search(text) is not None


def has_escapes(text: str) -> bool:
    """Whether it has escaped characters that are sent without their backslash."""
    return "\\" in text and (UNESCAPE.search(text) is not None or "\\__" in text)


def references(text: str) -> tuple[str, ...]:
    """Return the wildcards in a text, each once; `ANY_FILE` if a choice makes the name of one."""
    return references_in_lines(without_comments(text)) if "__" in text else ()


def references_in_lines(text: str) -> tuple[str, ...]:
    """Return the wildcards in the text of a wildcard file, where `//` begins no comment."""
    found = [match[1] for match in _WILDCARD.finditer(text) if match[1]]
    is_made = "{" in text and _MADE_NAME.search(_WILDCARD.sub("", text)) is not None
    return tuple(dict.fromkeys([*found, *([ANY_FILE] if is_made else [])]))


def first_unknown(text: str, names: WildcardNames) -> str:
    """Return the first wildcard in a text that has no file, or nothing."""
    return next((name for name in references(text) if name != ANY_FILE and not names.find(name)), "")


def name_key(name: str) -> str:
    """Return the form of a name in which references and files are compared: case, spaces and slashes do not matter."""
    parts = name.lower().replace("\\", "/").replace(" ", "-").split("/")
    return "/".join(part for part in parts if part)


class WildcardNames:
    """The names of all wildcard files, to find those that a reference means."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self.names = tuple(names)
        self._by_key = {name_key(name): name for name in reversed(self.names)}
        self._found: dict[str, tuple[str, ...]] = {}

    def find(self, reference: str) -> tuple[str, ...]:
        """Return the files of that name, else those of that name in any folder."""
        if reference not in self._found:
            if len(self._found) > 1000:
                self._found.clear()
            self._found[reference] = self._find(name_key(reference))
        return self._found[reference]

    def _find(self, key: str) -> tuple[str, ...]:
        if (name := self._by_key.get(key)) is not None:
            return (name,)
        pattern = re.sub(r"\*+", "*", key)
        if not key or pattern.count("*") > MOST_STARS:
            return ()
        if "*" in pattern:
            direct = tuple(name for known, name in self._by_key.items() if fnmatchcase(known, pattern))
            return direct or tuple(name for known, name in self._by_key.items() if fnmatchcase(known, f"*/{pattern}"))
        return tuple(name for known, name in self._by_key.items() if known.endswith(f"/{key}"))


@dataclass(frozen=True)
class Wildcards:
    """The lines of those wildcard files that have been read."""

    names: WildcardNames = field(default_factory=WildcardNames)
    files: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def lines(self, reference: str) -> Sequence[str]:
        """Return the lines that a wildcard stands for; BadInput if there are none."""
        found = self.names.find(reference)
        if not found:
            raise BadInput("no-wildcard", detail=reference)
        lines = self.files.get(found[0], ())
        if len(found) > 1:
            lines = [line for name in found for line in self.files.get(name, ())]
        if not lines:
            raise BadInput("wildcard-empty", detail=reference)
        return lines


NO_WILDCARDS = Wildcards()


def read_lines(text: str) -> tuple[str, ...]:
    """Return the lines of a wildcard file, without comments and empty lines."""
    lines = (line.strip() for line in text.lstrip("\ufeff").splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


def expand(template: str, choose: Choose, wildcards: Wildcards = NO_WILDCARDS) -> str:
    """Draw the text of one run; BadInput for an unknown wildcard, and for a template that grows without end."""
    if len(template) > LONGEST:
        raise BadInput("prompt-too-long", detail=str(LONGEST))
    return _Draw(choose, wildcards).text(without_comments(template), 0, 0)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of a text; one that `is_done` came from a file, and is not read a second time."""

    text: str
    is_done: bool = False


class _Draw:
    """One expansion, which counts what it does."""

    def __init__(self, choose: Choose, wildcards: Wildcards) -> None:
        self._choose = choose
        self._wildcards = wildcards
        self._draws = 0
        self._length = 0  # of what comes from files, and of separators
        self._read: dict[str, Sequence[str]] = {}  # by reference

    def text(self, template: str, depth: int, level: int) -> str:
        """Expand choices, then wildcards. `depth` counts the files around it, `level` the braces too."""
        pieces = self._braces(template, depth, level)
        return "".join(piece.text if piece.is_done else self._filled(piece.text, depth, level) for piece in pieces)

    def _filled(self, text: str, depth: int, level: int) -> str:
        def fill(found: re.Match[str]) -> str:
            if not found[1]:
                return "__"
            lines = self._lines(found[1])
            return self._line(lines[self._one_of(len(lines))], found[1], depth, level)

        return _WILDCARD.sub(fill, text) if "__" in text else text

    def _line(self, line: str, reference: str, depth: int, level: int) -> str:
        self._spend(length=len(line))
        if depth >= MOST_DEPTH or level >= MOST_NESTED:
            raise BadInput("wildcard-loop", detail=reference)
        return self.text(line, depth + 1, level + 1)

    def _lines(self, reference: str) -> Sequence[str]:
        """Return the lines of a wildcard. Those of several files are joined once."""
        if reference not in self._read:
            self._read[reference] = self._wildcards.lines(reference)
            self._spend(lines=len(self._read[reference]))
        return self._read[reference]

    def _one_of(self, count: int) -> int:
        self._spend(draws=1)
        return self._choose(count)

    def _spend(self, *, draws: int = 0, lines: int = 0, length: int = 0) -> None:
        """Count what the expansion does; BadInput if that is too much."""
        self._draws += draws + lines // LINES_OF_A_DRAW
        self._length += length
        if self._draws > MOST_DRAWS or self._length > LONGEST:
            raise BadInput("prompt-too-long", detail=str(LONGEST))

    def _braces(self, text: str, depth: int, level: int) -> list[_Piece]:
        if "{" not in text and "\\" not in text:
            return [_Piece(text)]
        found, at = list[_Piece](), 0
        while at < len(text):
            char = text[at]
            if char == "\\":
                found.append(_Piece(text[at : at + 2]))
                at += 2
            elif char == "{" and level < MOST_NESTED:
                end = _end_of(text, at + 1)
                found += self._chosen(text[at + 1 : end], depth, level + 1)
                at = end + 1
            else:
                stop = _next_of(text, at + 1, "\\{")
                found.append(_Piece(text[at:stop]))
                at = stop
        return _joined(found)

    def _chosen(self, body: str, depth: int, level: int) -> list[_Piece]:
        """Draw what the braces around `body` stand for."""
        bound = _BOUND.match(body)
        if bound is None:
            weights, parts = _weighed(_split(body), is_plain=True)
            return self._braces(parts[self._index(weights)], depth, level)
        weights, parts = _weighed(_split(body[bound.end() :]), is_plain=False)
        name = _WHOLE_WILDCARD.fullmatch(parts[0]) if len(parts) == 1 else None
        if name is not None:
            weights, parts = _weighed(dict.fromkeys(self._lines(name[1])), is_plain=False)
            self._spend(lines=len(parts))
        low, high = _limits(bound, len(parts))
        count = low + self._one_of(high - low + 1)
        separator, found = _SEPARATOR if bound[5] is None else bound[5], list[_Piece]()
        for number in range(count):
            index = self._index(weights)
            part = parts.pop(index)
            del weights[index]
            if number:
                self._spend(length=len(separator))
                found.append(_Piece(separator))
            if name is None:
                found += self._braces(part, depth, level)
            else:
                found.append(_Piece(self._line(part, name[1], depth, level), is_done=True))
        return found

    def _index(self, weights: Sequence[float]) -> int:
        total = sum(weights)
        self._spend(lines=len(weights))
        if total <= 0 or weights.count(1) == len(weights):
            return self._one_of(len(weights))
        place = self._one_of(_FINE) / _FINE * total
        for index, weight in enumerate(weights):
            place -= weight
            if place < 0:
                return index
        return max(index for index, weight in enumerate(weights) if weight)


def _joined(pieces: Iterable[_Piece]) -> list[_Piece]:
    """Join neighbours, since a choice may make the name of a wildcard, and remove the backslashes of escapes."""
    found = list[_Piece]()
    for piece in pieces:
        if found and not piece.is_done and not found[-1].is_done:
            found[-1] = _Piece(found[-1].text + piece.text)
        else:
            found.append(piece)
    return [piece if piece.is_done else _Piece(UNESCAPE.sub(r"\1", piece.text)) for piece in found]


def _next_of(text: str, at: int, signs: str) -> int:
    while at < len(text) and text[at] not in signs:
        at += 1
    return at


def _end_of(text: str, at: int) -> int:
    """Return where the brace that was opened before `at` is closed; the end of the text if it is not."""
    depth = 0
    while (at := _next_of(text, at, "\\{}")) < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == "{":
            depth += 1
        elif not depth:
            return at
        else:
            depth -= 1
        at += 1
    return len(text)


def _split(body: str) -> list[str]:
    """Return the parts between the bars, but not those in inner braces."""
    parts, begin, at, depth = [], 0, 0, 0
    while (at := _next_of(body, at, "\\{}|")) < len(body):
        match body[at]:
            case "\\":
                at += 1
            case "{":
                depth += 1
            case "}":
                depth -= 1
            case _ if not depth:
                parts.append(body[begin:at])
                begin = at + 1
        at += 1
    return [*parts, body[begin:]]


def _weighed(parts: Iterable[str], *, is_plain: bool) -> tuple[list[float], list[str]]:
    """Return the weights of parts, and the parts without them; plain ones without a weight keep their spaces."""
    weights, texts = list[float](), list[str]()
    for part in parts:
        found = _WEIGHT.match(part)
        weights.append(float(found[1]) if found else 1.0)
        text = part[found.end() :] if found else part
        texts.append(text if is_plain and not found else text.lstrip())
    return weights, texts


def _limits(bound: re.Match[str], count: int) -> tuple[int, int]:
    """Return how many parts are drawn, at least and at most."""
    low, dash, high, only_high = bound[1], bound[2], bound[3], bound[4]
    if only_high is not None:
        least, most = 1, int(only_high)
    elif dash:
        least, most = int(low), int(high) if high else count
    else:
        least = most = int(low)
    least, most = sorted((min(least, count), min(most, count)))
    return least, most
