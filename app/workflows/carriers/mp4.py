"""MP4 and MOV: SaveVideo writes with `use_metadata_tags`, so the keys are named in moov/udta/meta/keys, values in ilst.

QuickTime puts that meta straight into moov. Other nodes write one comment, `©cmt`, with prompt and workflow as one JSON
object: in ilst, or as QuickTime's own string. Boxes are skipped by their headers, the film's data with them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from app.workflows.carriers.carrier import Carrier, Contents, Embedded, part

FIRST_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
_STILLS = (b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1")

_HEADER = struct.Struct(">I4s")
_LONG = struct.Struct(">Q")
_COMMENT = b"\xa9cmt"
_TERMINATOR = bytes(4)  # QuickTime may end a list of boxes with a zero
_LOCALE = 8  # bytes of type and locale before the value in a `data` box
_LANGUAGE = 4  # bytes of length and language before QuickTime's own string
_TRACK_SIZE = {0: 76, 1: 88}  # where a track's header of that version has width and height, in 1/65536 pixels


@dataclass(frozen=True, slots=True)
class Mp4Box:
    """One box: its name, or its number in a list of items, and its content."""

    kind: bytes
    body: memoryview


def read_mp4(view: memoryview, contents: Contents) -> None:
    """Walk the top-level boxes, and those in moov, wherever that is."""
    for box in _boxes(view, contents):
        if box.kind == b"ftyp" and bytes(box.body[:4]) in _STILLS:
            contents.carrier = Carrier.HEIF
            return
        _read_holder(box, contents)
        if box.kind == b"moov":
            for inner in _boxes(box.body, contents):
                _read_holder(inner, contents)
                if inner.kind == b"trak":
                    _measure(inner, contents)


def _boxes(view: memoryview, contents: Contents) -> Iterator[Mp4Box]:
    offset = 0
    while offset < len(view):
        contents.step()
        if view[offset:] == _TERMINATOR:
            return
        size, kind = _HEADER.unpack_from(view, offset)
        start = offset + _HEADER.size
        if size == 1:
            (size,) = _LONG.unpack_from(view, start)
            start += _LONG.size
        elif size == 0:
            size = len(view) - offset
        yield Mp4Box(kind, part(view, start, offset + size - start))
        offset += size


def _read_holder(box: Mp4Box, contents: Contents) -> None:
    """The boxes that contain texts: meta, udta with a meta or with QuickTime's own comment."""
    if box.kind == b"meta":
        _read_meta(box.body, contents)
    elif box.kind == b"udta":
        for inner in _boxes(box.body, contents):
            if inner.kind == b"meta":
                _read_meta(inner.body, contents)
            elif inner.kind == _COMMENT:
                contents.keep("comment", Embedded(inner.body[_LANGUAGE:]))


def _read_meta(body: memoryview, contents: Contents) -> None:
    """Keys and items; a meta of MP4 begins with a version, QuickTime's does not."""
    keys: list[str] = []
    items: list[Mp4Box] = []
    start = 0 if bytes(body[4:8]) == b"hdlr" else 4
    for box in _boxes(body[start:], contents):
        if box.kind == b"keys":
            keys = list(_read_keys(box.body, contents))
        elif box.kind == b"ilst":
            items = list(_boxes(box.body, contents))
    for item in items:
        number = int.from_bytes(item.kind, "big")
        key = "comment" if item.kind == _COMMENT else keys[number - 1] if 0 < number <= len(keys) else ""
        for box in _boxes(item.body, contents):
            if key and box.kind == b"data":
                contents.keep(key, Embedded(box.body[_LOCALE:]))


def _read_keys(body: memoryview, contents: Contents) -> Iterator[str]:
    """The names of the items, in order; each is in a box of its namespace. They are few and short."""
    for box in _boxes(body[8:], contents):
        yield str(box.body[:64], "utf-8", "replace")


def _measure(track: Mp4Box, contents: Contents) -> None:
    for box in _boxes(track.body, contents):
        if box.kind == b"tkhd" and (at := _TRACK_SIZE.get(box.body[0] if box.body else -1)) is not None:
            width, height = struct.unpack_from(">II", box.body, at)
            contents.measure(width >> 16, height >> 16)
