"""MP3: SaveAudioMP3's texts are TXXX frames of an ID3v2 tag before the sound, key and text separated by a zero."""

from __future__ import annotations

import struct

from app.workflows.carriers.carrier import LONGEST_KEY, Contents, Cut, Embedded, part

SIGNATURE = b"ID3"
SYNC = (b"\xff\xfb", b"\xff\xfa", b"\xff\xf3", b"\xff\xf2")  # an MP3 without a tag

_HEADER = struct.Struct(">3sBBB4s")
_FRAME = struct.Struct(">4s4sH")
_PACKED = 0x00FF  # flags of a frame that is compressed, encrypted or the like; ffmpeg sets none of them
_ENCODINGS = (("latin-1", 1), ("utf-16", 2), ("utf-16-be", 2), ("utf-8", 1))


def read_mp3(view: memoryview, contents: Contents) -> None:
    """Walk the tag's frames up to its padding."""
    if bytes(view[: len(SIGNATURE)]) != SIGNATURE:
        return
    _signature, version, _revision, _flags, packed = _HEADER.unpack_from(view)
    if version not in (3, 4):
        return
    tag = part(view, _HEADER.size, _synchsafe(packed))
    offset = 0
    while offset + _FRAME.size <= len(tag) and tag[offset]:
        contents.step()
        kind, packed, flags = _FRAME.unpack_from(tag, offset)
        size = _synchsafe(packed) if version == 4 else int.from_bytes(packed, "big")
        body = part(tag, offset + _FRAME.size, size)
        if kind == b"TXXX" and not flags & _PACKED:
            _read_text(body, contents)
        offset += _FRAME.size + size


def _synchsafe(packed: bytes) -> int:
    """An integer of four times seven bits."""
    if any(byte & 0x80 for byte in packed):
        raise Cut("the length of an ID3 tag")
    return packed[0] << 21 | packed[1] << 14 | packed[2] << 7 | packed[3]


def _read_text(body: memoryview, contents: Contents) -> None:
    """Encoding, key, zero, text."""
    if not body or body[0] >= len(_ENCODINGS):
        raise Cut("the encoding of an ID3 text")
    encoding, width = _ENCODINGS[body[0]]
    head = bytes(body[1 : 1 + width * LONGEST_KEY])
    for at in range(0, len(head) - width + 1, width):
        if head[at : at + width] == bytes(width):
            contents.keep(str(head[:at], encoding, "replace"), Embedded(body[1 + at + width :], (encoding,)))
            return
