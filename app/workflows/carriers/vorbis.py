"""FLAC and Ogg (Opus, Vorbis): SaveAudio writes its texts as Vorbis comments, `prompt={…}`.

In FLAC they are one block of the header. In Ogg they are the stream's second packet, split over pages; this is the only
text that has to be copied.
"""

from __future__ import annotations

import struct

from app.workflows.bounds import check_text
from app.workflows.carriers.carrier import Contents, Cut, Embedded, part, split_key

FLAC_SIGNATURE = b"fLaC"
OGG_SIGNATURE = b"OggS"

_COMMENT_BLOCK = 4
_LAST_BLOCK = 0x80
_PAGE = struct.Struct("<4sBBqIIIB")
_FULL = 255  # a segment of this length continues in the next
_PACKETS = (b"OpusTags", b"\x03vorbis")


def read_flac(view: memoryview, contents: Contents) -> None:
    """Walk the header's blocks up to the last, which is marked."""
    offset, kind = len(FLAC_SIGNATURE), 0
    while not kind & _LAST_BLOCK:
        contents.step()
        (word,) = struct.unpack_from(">I", view, offset)
        kind, length = word >> 24, word & 0xFFFFFF
        body = part(view, offset + 4, length)
        if kind & ~_LAST_BLOCK == _COMMENT_BLOCK:
            _read_comments(body, contents)
        offset += 4 + length


def read_ogg(view: memoryview, contents: Contents) -> None:
    """Gather the first stream's second packet, and read it if it holds comments."""
    packet = _second_packet(view, contents)
    for start in _PACKETS:
        if bytes(packet[: len(start)]) == start:
            _read_comments(packet[len(start) :], contents)


def _second_packet(view: memoryview, contents: Contents) -> memoryview:
    """Pages of other streams are skipped; a segment shorter than a full one ends a packet."""
    pieces: list[memoryview] = []
    size, ended, offset, stream = 0, 0, 0, None
    while True:
        contents.step()
        signature, _version, _flags, _position, serial, _number, _checksum, count = _PAGE.unpack_from(view, offset)
        if signature != OGG_SIGNATURE:
            raise Cut(f"no Ogg page at {offset}")
        lengths = bytes(part(view, offset + _PAGE.size, count))
        offset += _PAGE.size + count
        stream = serial if stream is None else stream
        if serial != stream:
            offset += sum(lengths)
            continue
        for length in lengths:
            piece, offset = part(view, offset, length), offset + length
            if ended == 1:
                pieces.append(piece)
                size += length
            if length < _FULL:
                ended += 1
            if ended == 2:
                return memoryview(b"".join(pieces))
        check_text(size)


def _read_comments(body: memoryview, contents: Contents) -> None:
    """The list of `key=text`, after the name of the program that wrote it."""
    (length,) = struct.unpack_from("<I", body)
    offset = 4 + length
    (count,) = struct.unpack_from("<I", body, offset)
    offset += 4
    for _ in range(count):
        contents.step()
        (length,) = struct.unpack_from("<I", body, offset)
        if found := split_key(part(body, offset + 4, length), b"="):
            key, text = found
            contents.keep(key, Embedded(text))
        offset += 4 + length
