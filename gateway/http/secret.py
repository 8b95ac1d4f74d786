"""Texts that no browser and no log may receive: a type that shows none of them, and their removal from answers.

A ComfyUI node that fails sends its inputs to the browser, and for nodes of the older kind a key is one of them. So
every answer of a server is masked, whatever the server was seen to do.
"""

from __future__ import annotations

from collections.abc import Iterable
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


class Secrets:
    """All secrets that this process has known. None is removed: a server may still have one that was replaced."""

    def __init__(self) -> None:
        self._texts: frozenset[bytes] = frozenset()

    def __bool__(self) -> bool:
        return bool(self._texts)

    def add(self, secrets: Iterable[Secret]) -> None:
        """Mask these from now on."""
        self._texts |= {secret.reveal() for secret in secrets}

    def mask(self, data: Bytes) -> Bytes:
        """Return the data with stars in place of each secret, so that it keeps its length."""
        for text in self._texts:
            if text in data:
                data = data.replace(text, b"*" * len(text))
        return data

    def stream(self) -> MaskedStream:
        """Return a mask for data that arrives in parts."""
        return MaskedStream(self, self._texts)


class MaskedStream:
    """Masks data that arrives in parts. It holds back an end that may be the beginning of a secret."""

    def __init__(self, secrets: Secrets, texts: frozenset[bytes]) -> None:
        self._secrets = secrets
        self._texts = texts
        self._held = b""

    def feed(self, part: bytes) -> bytes:
        """Return what may be passed on now, which can be empty."""
        if not self._texts:
            return part
        data = self._secrets.mask(self._held + part)
        size = max(_begun(data, text) for text in self._texts)
        self._held = data[len(data) - size :]
        return data[: len(data) - size]

    def end(self) -> bytes:
        """Return the rest after the last part."""
        return self._held


def _begun(data: bytes, text: bytes) -> int:
    """Return how many bytes at the end of the data are a beginning of this text, but not all of it."""
    end = data[-(len(text) - 1) :]
    return next((len(end) - start for start in range(len(end)) if text.startswith(end[start:])), 0)
