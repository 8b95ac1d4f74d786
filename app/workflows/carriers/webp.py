"""WebP, a RIFF file: the size from its first picture chunk, the texts from its EXIF chunk."""

from __future__ import annotations

import struct

from app.workflows.carriers.carrier import Contents, part
from app.workflows.carriers.exif import read_exif

_HEADER = struct.Struct("<4sI")
_FIRST = 12  # bytes: RIFF, its length, WEBP
_MASK = (1 << 14) - 1


def read_webp(view: memoryview, contents: Contents) -> None:
    """Walk from chunk to chunk to the end of the RIFF; chunks of odd length are padded."""
    (length,) = struct.unpack_from("<I", view, 4)
    offset, end = _FIRST, 8 + length
    while offset + _HEADER.size <= end:
        contents.step()
        kind, length = _HEADER.unpack_from(view, offset)
        body = part(view, offset + _HEADER.size, length)
        if kind == b"EXIF":
            read_exif(body, contents)
        elif size := _size(kind, body):
            contents.measure(*size)
        offset += _HEADER.size + length + length % 2


def _size(kind: bytes, body: memoryview) -> tuple[int, int] | None:
    """Width and height, if the chunk has them: of the canvas, or of a still picture."""
    match kind:
        case b"VP8X":
            low_w, high_w, low_h, high_h = struct.unpack_from("<HBHB", body, 4)
            return (high_w << 16 | low_w) + 1, (high_h << 16 | low_h) + 1
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", body, 6)
            return width & _MASK, height & _MASK
        case b"VP8L":
            (packed,) = struct.unpack_from("<I", body, 1)
            return (packed & _MASK) + 1, (packed >> 14 & _MASK) + 1
    return None
