"""JPEG: the texts from its EXIF segment or a comment, the size from the frame's header."""

from __future__ import annotations

import struct

from app.workflows.carriers.carrier import Contents, Cut, Embedded, part
from app.workflows.carriers.exif import MARKER, read_exif

_BARE = {0x01, *range(0xD0, 0xD8)}  # markers without a length
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_APP1, _COMMENT, _SCAN, _END = 0xE1, 0xFE, 0xDA, 0xD9


def read_jpeg(view: memoryview, contents: Contents) -> None:
    """Walk the segments up to the picture's own data, which is not read."""
    offset = 2
    while True:
        contents.step()
        lead, marker = struct.unpack_from("BB", view, offset)
        if lead != 0xFF:
            raise Cut(f"no JPEG marker at {offset}")
        if marker == 0xFF:
            offset += 1
            continue
        if marker in (_SCAN, _END):
            return
        offset += 2
        if marker in _BARE:
            continue
        (length,) = struct.unpack_from(">H", view, offset)
        _read_segment(marker, part(view, offset + 2, length - 2), contents)
        offset += length


def _read_segment(marker: int, body: memoryview, contents: Contents) -> None:
    if marker in _FRAMES:
        height, width = struct.unpack_from(">HH", body, 1)
        contents.measure(width, height)
    elif marker == _APP1 and bytes(body[: len(MARKER)]) == MARKER:
        read_exif(body, contents)
    elif marker == _COMMENT:
        contents.keep("comment", Embedded(body, ("utf-8", "latin-1")))
