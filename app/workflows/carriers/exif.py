"""EXIF, the tags of a WebP or JPEG: SaveAnimatedWEBP writes `prompt:{…}` as Model and `workflow:{…}` as Make.

More of `extra_pnginfo` goes into the tags below Make, so each text tag is read, as the editor does. Other programs
put the two as one JSON object into UserComment or ImageDescription.
"""

from __future__ import annotations

import re
import struct

from app.workflows.carriers.carrier import Contents, Cut, Embedded, part

MARKER = b"Exif\0\0"

_ENTRY_SIZE = 12
_TEXTUAL = (1, 2, 7, 129)  # BYTE, ASCII, UNDEFINED, UTF-8; each of one byte
_SUBDIRECTORY = 0x8769
_USER_COMMENT = 0x9286
_CHARSET = 8  # bytes that a UserComment begins with
_UNICODE = b"UNICODE\0"
_CHARSETS = (_UNICODE, b"ASCII\0\0\0", bytes(_CHARSET))
_PREFIXED = re.compile(r"[\0\s]*([A-Za-z_]{1,40}):")
_BARE = re.compile(r"[\0\s]*\{")
_HEAD = 128  # bytes searched for the prefix


def read_exif(view: memoryview, contents: Contents) -> None:
    """Read the first directory and the one for EXIF proper."""
    if bytes(view[: len(MARKER)]) == MARKER:
        view = view[len(MARKER) :]
    order = {b"II": "<", b"MM": ">"}.get(bytes(view[:2]))
    if order is None:
        raise Cut("no EXIF header")
    (start,) = struct.unpack_from(f"{order}I", view, 4)
    if (further := _read_directory(view, order, start, contents)) is not None:
        _read_directory(view, order, further, contents)


def _read_directory(view: memoryview, order: str, start: int, contents: Contents) -> int | None:
    """Keep its texts; return where the directory for EXIF proper is, if there is one."""
    further = None
    (count,) = struct.unpack_from(f"{order}H", view, start)
    for number in range(count):
        contents.step()
        tag, kind, length, value = struct.unpack_from(f"{order}HHII", view, start + 2 + number * _ENTRY_SIZE)
        if tag == _SUBDIRECTORY:
            further = value
        elif kind in _TEXTUAL and length > 4:
            _read_tag(tag, part(view, value, length), contents)
    return further


def _read_tag(tag: int, raw: memoryview, contents: Contents) -> None:
    encodings: tuple[str, ...] = ("utf-8", "latin-1")
    if tag == _USER_COMMENT and (charset := bytes(raw[:_CHARSET])) in _CHARSETS:
        raw = raw[_CHARSET:]
        if charset == _UNICODE:  # in either byte order; our texts begin with a Latin letter or a brace
            encodings = ("utf-16-be" if bytes(raw[:1]) == b"\0" else "utf-16-le",)
    width = 2 if encodings[0].startswith("utf-16") else 1
    head = str(raw[:_HEAD], encodings[0], "replace")
    if found := _PREFIXED.match(head):
        contents.keep(found[1], Embedded(raw[found.end() * width :], encodings))
    elif _BARE.match(head):
        contents.keep("usercomment", Embedded(raw, encodings))
