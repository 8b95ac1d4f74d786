"""PNG: SaveImage writes `prompt` and `workflow` as tEXt, other programs as zTXt or iTXt, SaveAnimatedPNG as `comf`.

`comf` is ComfyUI's own chunk, formatted like tEXt and placed after the picture's data. Only headers are read, and
checksums are checked only for used texts: a wrong one means that a value may have changed, so the text is not trusted.
"""

from __future__ import annotations

import struct
import zlib

from app.workflows.carriers.carrier import Contents, Cut, Embedded, part, split_key

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_HEADER = struct.Struct(">I4s")
_CHECKSUM = struct.Struct(">I")
_SIZE = struct.Struct(">II")
_LONGEST_HEADING = 4096  # bytes of an iTXt's language and translated keyword
_LATIN = ("utf-8", "latin-1")  # tEXt is Latin-1 by its specification; the editor reads UTF-8


def read_png(view: memoryview, contents: Contents) -> None:
    """Walk from chunk to chunk up to IEND."""
    offset, is_first = len(SIGNATURE), True
    while True:
        contents.step()
        length, kind = _HEADER.unpack_from(view, offset)
        body = part(view, offset + _HEADER.size, length)
        (checksum,) = _CHECKSUM.unpack_from(view, offset + _HEADER.size + length)
        if is_first:
            _read_size(kind, body, checksum, contents)
        elif kind in (b"tEXt", b"comf", b"zTXt", b"iTXt"):
            _read_text(kind, body, checksum, contents)
        elif kind == b"IEND":
            return
        offset, is_first = offset + _HEADER.size + length + _CHECKSUM.size, False


def _read_size(kind: bytes, body: memoryview, checksum: int, contents: Contents) -> None:
    if kind != b"IHDR" or zlib.crc32(body, zlib.crc32(kind)) != checksum:
        raise Cut("no PNG header")
    contents.measure(*_SIZE.unpack_from(body))


def _read_text(kind: bytes, body: memoryview, checksum: int, contents: Contents) -> None:
    if (found := split_key(body, b"\0")) is None:
        return
    key, rest = found
    fault = "" if zlib.crc32(body, zlib.crc32(kind)) == checksum else f"wrong checksum of the PNG's {key!a}"
    match kind:
        case b"zTXt":
            text = Embedded(rest[1:], _LATIN, is_deflated=True, fault=fault)
        case b"iTXt":
            text = _international(rest, fault)
        case _:
            text = Embedded(rest, _LATIN, fault=fault)
    contents.keep(key, text)


def _international(rest: memoryview, fault: str) -> Embedded:
    """An iTXt after its keyword: flag, method, language, translated keyword, text."""
    heading = bytes(rest[2:_LONGEST_HEADING]).split(b"\0", 2)
    if len(heading) < 3:
        return Embedded(rest[:0], fault=fault or "the PNG's iTXt has no text")
    start = 2 + len(heading[0]) + 1 + len(heading[1]) + 1
    return Embedded(rest[start:], is_deflated=rest[0] == 1, fault=fault)
