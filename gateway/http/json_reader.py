"""The reader of JSON from outside: its size, depth and number of values are bounded before any object is built.

    value = read_json(body, BODY)

    scan = Scan(BODY)               # the same bounds, while a body arrives
    for chunk in chunks:
        scan.feed(chunk)            # TooMuch or NotJson as soon as it is certain
    value = build(b"".join(chunks))

The scan splits the text at its quotes and counts brackets and commas outside of strings. All of that runs in C, in time
proportional to the text, a few milliseconds per megabyte. Values are built by msgspec. Texts that msgspec refuses are
parsed by the standard library, which ComfyUI itself uses: answers of real servers contain `NaN`, numbers beyond a float
and lone surrogates.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, NoReturn

import msgspec

MOST_VALUES = 200_000
DEEPEST = 100  # the editor's own graphs nest about twenty levels
LONGEST_NUMBER = 256  # digits; the time to read a number grows with their square
_STEP = 65_536  # bytes scanned at a time

_SHAPE = bytes.maketrans(b"{}", b"[]")
_NO_SHAPE = bytes(set(range(256)) - set(b"[]{},"))
_LEVEL = {ord("["): 1, ord("]"): -1}
_DIGITS = bytes(ord("0") if chr(code) in "0123456789" else ord(" ") for code in range(256))
_TOO_LONG = b"0" * (LONGEST_NUMBER + 1)


class JsonError(ValueError):
    """JSON that is refused; the text is a sentence for the user."""


class NotJson(JsonError):
    """Not JSON at all, or nested too deep."""


class TooMuch(JsonError):
    """More bytes or values than the bounds allow."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits for one text."""

    size: int  # bytes
    values: int = MOST_VALUES
    depth: int = DEEPEST


class Scan:
    """A count of bytes, values and depth, chunk by chunk; raises `JsonError` once a bound is passed.

    Values are counted as commas and opening brackets outside of strings, so never too few.
    """

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self.size = self.values = 0  # so far
        self._quotes = self._depth = 0
        self._is_inside = False  # of a string
        self._is_escaped = False  # the next byte is part of an escape

    def feed(self, chunk: bytes | bytearray) -> None:
        """Take the next part of the text."""
        self.size += len(chunk)
        if self.size > self._bounds.size:
            raise TooMuch(f"The JSON has more than {self._bounds.size:,} bytes.")
        for start in range(0, len(chunk), _STEP):
            self._take(bytes(chunk[start : start + _STEP]))

    def _take(self, piece: bytes) -> None:
        piece = piece[1:] if self._is_escaped else piece
        piece = piece.replace(rb"\\", b"").replace(rb"\"", b"")  # now every quote begins or ends a string
        self._is_escaped = piece.endswith(b"\\")
        parts = piece.split(b'"')
        outside = b'"'.join(parts[1 if self._is_inside else 0 :: 2])
        self._is_inside ^= len(parts) % 2 == 0
        self._quotes += len(parts) - 1
        shape = outside.translate(_SHAPE, _NO_SHAPE)
        self.values += shape.count(b",") + shape.count(b"[")
        # Each value has at most one key, so a quarter of the quotes is a lower bound too.
        if max(self.values, self._quotes // 4) > self._bounds.values:
            raise TooMuch(f"The JSON has more than {self._bounds.values:,} values.")
        self._follow(shape.replace(b",", b""))
        if len(outside) > LONGEST_NUMBER and _TOO_LONG in outside.translate(_DIGITS):
            raise NotJson(f"The JSON has a number of more than {LONGEST_NUMBER} digits.")

    def _follow(self, brackets: bytes) -> None:
        levels = list(accumulate(map(_LEVEL.__getitem__, brackets), initial=self._depth))
        self._depth = levels[-1]
        if max(levels) > self._bounds.depth:
            raise NotJson(f"The JSON is nested more than {self._bounds.depth} levels deep.")
        if min(levels) < 0:
            raise NotJson("This is not JSON in UTF-8.")


def read_json(data: bytes | bytearray, bounds: Bounds, *, is_strict: bool = False) -> Any:
    """Return the value of a whole text, or raise `JsonError`. `is_strict` refuses `NaN` and `Infinity`."""
    Scan(bounds).feed(data)
    return build(data, is_strict=is_strict)


def build(data: bytes | bytearray, *, is_strict: bool = False) -> Any:
    """Return the value of a text that was scanned, or raise `NotJson`."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, ValueError):
        pass  # the standard library decides
    try:
        return json.loads(data.decode("utf-8"), parse_constant=_refuse_constant if is_strict else None)
    except (ValueError, RecursionError) as error:
        raise NotJson("This is not JSON in UTF-8.") from error


def keys_of(data: bytes) -> list[str]:
    """Return the keys of a valid object, in order, duplicates included."""
    return [key for key, _ in json.loads(data, object_pairs_hook=list)]


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
