"""Texts that no browser and no log may receive: a type that shows none of them, and their removal from answers.

A ComfyUI node that fails sends its inputs to the browser, and for nodes of the older kind a key is one of them. So
every answer of a server is masked, its headers too, whatever the server was seen to do. JSON can spell a character as
an escape, and JSON in a JSON text escapes the escape: a text is found however each of its characters is spelled, in up
to four levels. A text that a server has encoded otherwise (base64, percent signs, reversed) is not found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property
from typing import TypeVar

Bytes = TypeVar("Bytes", bytes, bytearray)


class Secret:
    """One ASCII text. It shows itself only by `reveal`: it has no useful repr, and cannot be copied or pickled."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text.encode("ascii")

    def reveal(self) -> bytes:
        """Return the text, for the one server that needs it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

    def __reduce__(self) -> str:
        raise TypeError("a secret is not copied or pickled")


class _Text:
    """A text to find, as bytes, and the ways to spell it. It has only characters that need no escape."""

    def __init__(self, text: bytes) -> None:
        self.text = text

    @cached_property
    def _letters(self) -> tuple[re.Pattern[bytes], ...]:
        return tuple(re.compile(_spell(byte)) for byte in self.text)

    @cached_property
    def _beginnings(self) -> tuple[re.Pattern[bytes], ...]:
        return tuple(re.compile(rb"%b(?:u(?:0(?:0(?:[5%x])?)?)?)?" % (_ESCAPE, byte >> 4)) for byte in self.text)

    @cached_property
    def _spelled(self) -> re.Pattern[bytes]:
        return re.compile(b"".join(map(_spell, self.text)))

    def find(self, data: bytes | bytearray) -> list[tuple[int, int]]:
        """Return where the data has this text."""
        if self.text not in data and not _ESCAPED_ASCII.search(data):
            return []
        return [found.span() for found in self._spelled.finditer(data)]

    def begun(self, data: bytes) -> int:
        """Return how many bytes at the end of the data may be a beginning of this text."""
        first = re.compile(rb"[%b\\]" % re.escape(self.text[:1]))
        at = max(0, len(data) - len(self.text) * _LONGEST)
        if not _ESCAPED_ASCII.search(data, at):  # so at most the last character is spelled, and is cut off
            at = max(0, len(data) - len(self.text) - _LONGEST)
        for found in first.finditer(data, at):
            if self._leads_to_end(data, found.start()):
                return len(data) - found.start()
        return 0

    def _leads_to_end(self, data: bytes, at: int) -> bool:
        for letter, beginning in zip(self._letters, self._beginnings, strict=True):
            if at == len(data):
                return True
            found = letter.match(data, at)
            if found is None:
                return beginning.fullmatch(data, at) is not None
            at = found.end()
        return False


_ESCAPE = rb"\\(?>(?:\\|u005[cC]){0,7})"  # in JSON, and in JSON within JSON texts; a backslash may be spelled too
_ESCAPED_ASCII = re.compile(rb"u00[2-7]")  # which JSON need not have, so nearly no answer is searched for more
_LONGEST = 41  # bytes of a spelled character


def _spell(byte: int) -> bytes:
    """Return a pattern for the ways to spell a character."""
    return rb"(?:%b|%bu00(?i:%02x))" % (re.escape(bytes([byte])), _ESCAPE, byte)


def contains(data: bytes | bytearray, text: str) -> bool:
    """Return whether the data has an ASCII text, however it is spelled."""
    return bool(_Text(text.encode("ascii")).find(data))


class Secrets:
    """All secrets that this process has known. None is removed: a server may still have one that was replaced."""

    def __init__(self) -> None:
        self._texts: dict[bytes, _Text] = {}

    def __bool__(self) -> bool:
        return bool(self._texts)

    def add(self, secrets: Iterable[Secret]) -> None:
        """Mask these from now on."""
        revealed = {secret.reveal() for secret in secrets}
        self._texts = {text: self._texts.get(text) or _Text(text) for text in (*self._texts, *revealed)}

    def mask(self, data: Bytes) -> Bytes:
        """Return the data with stars in place of each secret, so that it keeps its length."""
        for text in self._texts.values():
            if places := text.find(data):
                masked = bytearray(data)
                for start, end in places:
                    masked[start:end] = b"*" * (end - start)
                data = type(data)(masked)
        return data

    def mask_text(self, text: str) -> str:
        """Return a text, such as a header, with stars in place of each secret."""
        return self.mask(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")

    def stream(self) -> MaskedStream:
        """Return a mask for data that arrives in parts."""
        return MaskedStream(self, tuple(self._texts.values()))


class MaskedStream:
    """Masks data that arrives in parts. It holds back an end that may be the beginning of a secret."""

    def __init__(self, secrets: Secrets, texts: tuple[_Text, ...]) -> None:
        self._secrets = secrets
        self._texts = texts
        self._held = b""

    def feed(self, part: bytes) -> bytes:
        """Return what may be passed on now, which can be empty."""
        if not self._texts:
            return part
        data = self._secrets.mask(self._held + part)
        size = max(text.begun(data) for text in self._texts)
        self._held = data[len(data) - size :]
        return data[: len(data) - size]

    def end(self) -> bytes:
        """Return the rest after the last part."""
        return self._held
