"""The result of parsing a container: which one it is, the texts that it carries, and the picture's size.

A parser is a function of the file's bytes and an open `Contents`, which it fills. It stops with `Cut` (or
`struct.error`, a number past the end) where the file is invalid; what it has found by then counts. It
copies no bytes: a text stays a view of the file until it is needed.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from enum import Enum

from app.core.errors import SourceFault
from app.core.workflow import MAX_TEXT
from app.workflows.bounds import MAX_CHUNKS, check_pixels, check_text, refusal

ENVELOPES = ("comment", "usercomment", "description")  # some nodes save prompt and workflow as one JSON object
KEYS = frozenset({"prompt", "workflow", *ENVELOPES})
LONGEST_KEY = 80  # bytes; PNG's own limit, and more than any key of ours has


class Carrier(Enum):
    """The known kinds of files, by their content."""

    JSON = "json"
    PNG = "png"
    WEBP = "webp"
    JPEG = "jpeg"
    GIF = "gif"
    MP4 = "mp4"  # and MOV, M4V
    HEIF = "heif"  # and AVIF
    WEBM = "webm"  # and MKV
    FLAC = "flac"
    MP3 = "mp3"
    OGG = "ogg"  # Opus or Vorbis


class Cut(Exception):
    """The file ends, or becomes invalid, where more was announced."""


@dataclass(frozen=True, slots=True)
class PixelSize:
    """Width and height of a picture, or of a film's largest track."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Embedded:
    """One text in a file, still encoded. `encodings` are tried in order; `fault` says that its checksum is wrong."""

    raw: memoryview
    encodings: tuple[str, ...] = ("utf-8",)
    is_deflated: bool = False
    fault: str = ""

    def text(self) -> str:
        """The text without padding; BadInput if it is damaged or too long."""
        if self.fault:
            raise refusal(SourceFault.DAMAGED, self.fault)
        content = inflate(self.raw) if self.is_deflated else self.raw
        check_text(len(content))
        for encoding in self.encodings:
            try:
                return str(content, encoding).strip("\0 \t\r\n\ufeff")
            except UnicodeDecodeError:
                continue
        raise refusal(SourceFault.DAMAGED, f"not text in {self.encodings[0]}")


@dataclass(slots=True)
class Contents:
    """What a parser has found so far. Of two texts under one key the later counts, as in the editor."""

    carrier: Carrier
    texts: dict[str, Embedded] = field(default_factory=dict)
    size: PixelSize | None = None
    fault: str = ""
    steps: int = 0

    def step(self) -> None:
        """Count another piece of the container; BadInput if there are too many."""
        self.steps += 1
        if self.steps > MAX_CHUNKS:
            raise refusal(SourceFault.TOO_MANY_CHUNKS, f"more than {MAX_CHUNKS}")

    def keep(self, key: str, text: Embedded) -> None:
        """Keep a text if its key is one of ours, ignoring case."""
        if (known := key.strip("\0 ").lower()) in KEYS:
            self.texts[known] = text

    def measure(self, width: int, height: int) -> None:
        """Note a picture's size, the largest if there are several; BadInput if it is too large."""
        check_pixels(width, height)
        if width > 0 and height > 0 and (self.size is None or width * height > self.size.width * self.size.height):
            self.size = PixelSize(width, height)


def part(view: memoryview, start: int, length: int) -> memoryview:
    """That many bytes from `start`; Cut if the file has fewer."""
    if start < 0 or length < 0 or start + length > len(view):
        raise Cut(f"{length} bytes at {start} of {len(view)}")
    return view[start : start + length]


def split_key(view: memoryview, separator: bytes) -> tuple[str, memoryview] | None:
    """A key and the rest behind it, or None if there is no key."""
    at = bytes(view[: LONGEST_KEY + 1]).find(separator)
    return None if at < 0 else (str(view[:at], "latin-1"), view[at + len(separator) :])


def inflate(raw: memoryview | bytes, most: int = MAX_TEXT) -> bytes:
    """Decompress with zlib, up to the bound of a text, so that a bomb is noticed at its first byte too many."""
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(raw, most + 1)
    except zlib.error as error:
        raise refusal(SourceFault.DAMAGED, f"compressed text: {error}") from error
    check_text(len(content), most)
    if not unpacker.eof:
        raise refusal(SourceFault.DAMAGED, "compressed text ends too soon")
    return content
