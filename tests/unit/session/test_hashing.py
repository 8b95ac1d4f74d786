"""The hash under which an input is kept."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import pytest

from app.core.ports.blobs import Blob
from app.session.hashing import PART, sha256_of
from tests.kit.page.stills import Bytes


@dataclass
class Film(Bytes):
    """A file that is read in parts."""

    read_parts: list[tuple[int, int]] = field(default_factory=list)

    def slice(self, start: int, stop: int) -> Blob:
        self.read_parts.append((start, stop))
        return Bytes(self.data[start:stop])

    async def read(self, most: int | None = None) -> bytes:
        raise AssertionError("a large file would be in memory at once")


@pytest.mark.parametrize("size", [0, 1, PART, PART + 1, 2 * PART + 5])
async def test_large_file_is_hashed_in_parts(size: int) -> None:
    film = Film(bytes(range(256)) * (size // 256) + b"x" * (size % 256))
    assert await sha256_of(film) == hashlib.sha256(film.data).hexdigest()
    assert film.read_parts == [(start, min(start + PART, size)) for start in range(0, size, PART)]


async def test_file_without_parts_is_hashed_at_once() -> None:
    assert await sha256_of(Bytes(b"abc")) == hashlib.sha256(b"abc").hexdigest()
