"""Reading within bounds: whatever a file declares, unpacks to or nests, it costs little and is refused by name."""

from __future__ import annotations

import json
import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import pytest

from app.core.errors import BadInput, SourceFault
from app.core.workflow import MAX_NODES, MAX_TEXT
from app.workflows import bounds, reading
from app.workflows.reading import read_source
from tests.unit.workflows import carrier_files as files

MEGABYTE = 1_000_000
SECONDS = 5.0  # of the processor, not of the clock; each case takes a tenth or less here


@contextmanager
def quickly() -> Iterator[None]:
    """With little work."""
    began = time.process_time()
    yield
    assert time.process_time() - began < SECONDS


@contextmanager
def cheaply(megabytes: float) -> Iterator[None]:
    """With little work, and with bounded memory beside the file itself."""
    tracemalloc.start()
    try:
        with quickly():
            yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < megabytes * MEGABYTE


def refused(data: bytes) -> SourceFault:
    """Why a file is refused."""
    with pytest.raises(BadInput) as caught:
        read_source(data)
    return SourceFault(caught.value.cause)


def nested(depth: int) -> bytes:
    """A graph with an object so deep."""
    return b'{"nodes": [], "extra": ' + b'{"a":' * (depth - 1) + b"1" + b"}" * depth


def test_graph_may_be_as_deep_as_the_bound() -> None:
    assert read_source(nested(bounds.MAX_DEPTH)).graph
    assert refused(nested(bounds.MAX_DEPTH + 1)) is SourceFault.TOO_DEEP


def test_brackets_in_strings_are_no_depth() -> None:
    text = json.dumps({"nodes": [], "extra": ['\\" [' * 500, "\\", "[" * 500]})
    assert read_source(text.encode()).graph == text


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (lambda: b'{"a":' + b"[" * (bounds.MAX_CONTAINERS - 9), SourceFault.TOO_DEEP),
        (lambda: b'{"a":' + (b"[" * 99 + b"]" * 99) * (MAX_TEXT // 198 - 9), SourceFault.TOO_LARGE),
        (lambda: b'{"a":' + (b"[" * 99 + b"]" * 99) * (bounds.MAX_CONTAINERS // 99 - 1), SourceFault.DAMAGED),
        (lambda: b'{"a":' * bounds.MAX_CONTAINERS, SourceFault.TOO_DEEP),
        (lambda: b'{"a":' * 3_000_000, SourceFault.TOO_LARGE),
        (lambda: b'{"a":[' + b"{}," * (MAX_TEXT // 3 - 9), SourceFault.TOO_LARGE),
        (lambda: b'{"a":[' + b"1," * (MAX_TEXT // 2 - 9), SourceFault.TOO_LARGE),
        (lambda: b'{"a":[' + b'"",' * (MAX_TEXT // 3 - 9), SourceFault.TOO_LARGE),
        (lambda: b'{"a":' + b"9" * (MAX_TEXT - 9) + b"}", SourceFault.DAMAGED),
        (lambda: b'{"a":"' + b"\\\\" * (MAX_TEXT // 2 - 9) + b'"}', SourceFault.NO_WORKFLOW),
        (lambda: b'{"a":"' + b"," * (MAX_TEXT - 9) + b'"}', SourceFault.NO_WORKFLOW),
        (lambda: b"{" + b" " * MAX_TEXT + b"}", SourceFault.TOO_LARGE),
    ],
)
def test_a_hostile_json_is_cheap(data: Callable[[], bytes], fault: SourceFault) -> None:
    content = data()
    with cheaply(150):
        assert refused(content) is fault


def test_a_json_past_the_bound_is_not_even_decoded() -> None:
    data = b"{" + b" " * MAX_TEXT
    with cheaply(1):
        assert refused(data) is SourceFault.TOO_LARGE


@pytest.mark.parametrize("wrap", [json.dumps, lambda text: json.dumps({"prompt": text})])
def test_json_in_json_in_json_ends(wrap: Callable[[str], str]) -> None:
    text = files.TEXTS["prompt"]
    for _ in range(3):
        text = wrap(text)
    assert read_source(files.png({"prompt": text})).api == files.TEXTS["prompt"]
    assert refused(files.png({"prompt": wrap(text)})) is SourceFault.NO_WORKFLOW


def test_nodes_are_counted_with_those_of_subgraphs() -> None:
    def graph(outer: int, inner: int) -> bytes:
        subgraphs = [{"nodes": [{}] * inner}, {"nodes": None}, 7]
        return json.dumps({"nodes": [{}] * outer, "definitions": {"subgraphs": subgraphs}}).encode()

    assert read_source(graph(MAX_NODES - 9, 9)).graph
    assert refused(graph(MAX_NODES - 9, 10)) is SourceFault.TOO_MANY_NODES
    nodes = {str(number): {"class_type": "A"} for number in range(MAX_NODES + 1)}
    assert refused(json.dumps(nodes).encode()) is SourceFault.TOO_MANY_NODES


@cache
def bomb() -> bytes:
    """A hundred megabytes of spaces, in a tenth of one."""
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(b" " * MEGABYTE) for _ in range(100)) + packer.flush()


@pytest.mark.parametrize(
    "chunk",
    [
        lambda packed: files.chunk(b"zTXt", b"workflow\0\0" + packed),
        lambda packed: files.chunk(b"iTXt", b"workflow\0\1\0\0\0" + packed),
    ],
)
def test_a_bomb_goes_off_at_its_bound(chunk: Callable[[bytes], bytes]) -> None:
    """A hundred of them: of texts under one key only the last is unpacked, and that to its bound."""
    data = files.png_of(*[chunk(bomb())] * 100)
    with cheaply(3 * MAX_TEXT / MEGABYTE):
        assert refused(data) is SourceFault.TOO_LARGE


@pytest.mark.parametrize("packed", [b"not packed", b"", zlib.compress(b'{"nodes": []}')[:-5]])
def test_a_packed_text_that_is_broken_is_damage(packed: bytes) -> None:
    assert refused(files.png_of(files.chunk(b"zTXt", b"workflow\0\0" + packed))) is SourceFault.DAMAGED


def test_a_large_picture_is_walked_and_not_copied() -> None:
    """20 MB in pieces as libpng writes them, and in one; the texts behind them."""
    text = files.chunk(b"tEXt", b"workflow\0" + files.TEXTS["workflow"].encode())
    for pieces in (2500, 1):
        data = files.png_of(*[files.chunk(b"IDAT", bytes(20 * MEGABYTE // pieces))] * pieces, text)
        with cheaply(0.1):
            assert read_source(data).graph


def test_a_long_film_is_walked_and_not_copied() -> None:
    """The metadata may stand behind 100 MB."""
    film = bytes(100 * MEGABYTE)
    for data in (
        files.box(b"ftyp", bytes(8)) + files.long_box(b"mdat", film) + files.mp4()[16:],
        files.webm(is_live=True, film=film),
    ):
        with cheaply(0.2):
            assert read_source(data).graph


def test_a_packet_past_the_bound_is_not_gathered() -> None:
    """It is the one text that has to be copied together."""
    page = struct.pack("<4sBBqIIIB", b"OggS", 0, 0, 0, 7, 0, 0, 255) + b"\xff" * 255 + bytes(255 * 255)
    head = struct.pack("<4sBBqIIIB", b"OggS", 0, 0, 0, 7, 0, 0, 1) + b"\x13" + bytes(19)
    data = head + page * (4 * MAX_TEXT // len(page))
    with cheaply(MAX_TEXT / MEGABYTE):
        assert refused(data) is SourceFault.TOO_LARGE


def test_the_padding_of_a_tag_is_passed_over() -> None:
    """Programs leave room there, a megabyte or two, so that a tag can grow."""
    assert read_source(files.mp3(padding=20 * bounds.MAX_CHUNKS)).graph


def test_oversized_file_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MAX_FILE", 100)
    assert refused(files.png()) is SourceFault.TOO_LARGE
    with pytest.raises(BadInput):
        bounds.check_file(101)


def riff(*chunks: bytes) -> bytes:
    """A WebP."""
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def many(count: int) -> dict[str, bytes]:
    """Containers of so many pieces."""
    directory = struct.pack("<2sHIH", b"II", 42, 8, 65535) + struct.pack("<HHII", 1, 3, 1, 0) * 65535
    exif = b"EXIF" + struct.pack("<I", len(directory)) + directory
    keys = files.box(b"meta", bytes(4), files.box(b"keys", bytes(8), files.box(b"mdta") * count))
    comments = struct.pack("<II", 0, count) + bytes(4 * count)
    tag = (b"TXXX\0\0\0\1\0\0\0") * count
    return {
        "png": files.png_of(*[files.chunk(b"IDAT", b"")] * count),
        "webp": riff((b"ICCP" + bytes(4)) * count),
        "exif": riff(exif, exif),
        "jpeg": b"\xff\xd8" + b"\xff\xe0\0\2" * count,
        "jpeg, filled": b"\xff\xd8" + b"\xff" * count,
        "mp4": files.box(b"ftyp", b"isom") + files.box(b"free") * count,
        "mp4, keys": files.box(b"ftyp", b"isom") + keys,
        "webm": b"\x1a\x45\xdf\xa3\x80" + b"\xec\x80" * count,
        "webm, segments": b"\x1a\x45\xdf\xa3\x80" + b"\x18\x53\x80\x67\x80" * count,
        "flac": b"fLaC" + bytes(4) * count,
        "flac, comments": b"fLaC" + struct.pack(">I", 0x84000000 | len(comments)) + comments,
        "ogg": (b"OggS" + bytes(23)) * count,
        "mp3": b"ID3\4\0\0" + bytes(len(tag) >> shift & 0x7F for shift in (21, 14, 7, 0)) + tag,
    }


@pytest.mark.parametrize("name", many(1))
def test_endless_pieces_are_too_many(name: str) -> None:
    data = many(bounds.MAX_CHUNKS + 9)[name]
    with quickly():
        assert refused(data) is SourceFault.TOO_MANY_CHUNKS


@pytest.mark.parametrize(
    "data",
    [
        files.png_of(width=16385, height=16384),
        b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0" + bytes(4) + b"\xff" * 6,
        b"\xff\xd8\xff\xc0\0\7\x08" + b"\xff" * 4,
        files.box(b"ftyp", b"isom") + files.box(b"moov", files.track(65535, 65535)),
        b"\x1a\x45\xdf\xa3\x80"
        + files.element(0x1654AE6B, files.element(0xAE, files.element(0xE0, b"\xb0\x84\xff\xff\xff\xff\xba\x81\xff"))),
        b"GIF89a" + b"\xff" * 4,
    ],
)
def test_a_picture_past_any_that_is_made_is_refused(data: bytes) -> None:
    assert refused(data) is SourceFault.TOO_MANY_PIXELS


def huge(length: bytes) -> Iterator[bytes]:
    """Containers whose pieces declare that length."""
    yield b"\x89PNG\r\n\x1a\n" + length + b"IHDR" + bytes(40)
    yield files.png_of()[:-12] + length + b"tEXtworkflow\0{}"
    yield b"RIFF" + length + b"WEBPEXIF" + length + b"II*\0\x08\0\0\0"
    yield b"\xff\xd8\xff\xe1" + length[:2] + b"Exif\0\0II*\0" + length
    yield b"\xff\xd8\xff\xe1\0\x30Exif\0\0MM\0*\0\0\0\x08\0\1\x01\x0f\0\2" + length * 9
    yield files.box(b"ftyp", b"isom") + length + b"moov"
    yield files.box(b"ftyp", b"isom") + b"\0\0\0\1mdat" + length * 2
    yield files.box(b"ftyp", b"isom") + files.box(b"meta", bytes(4), files.box(b"keys", length + length))
    yield b"\x1a\x45\xdf\xa3\x80\x12\x54\xc3\x67\x08" + length
    yield b"\x1a\x45\xdf\xa3\x80\x12\x54\xc3\x67\x01" + length * 2
    yield b"fLaC\x84" + length[:3] + length * 3
    yield b"fLaC\x84\0\0\x0c" + length * 3
    yield b"OggS" + length * 6
    yield b"ID3\4\0\0" + length + b"TXXX" + length
    yield b"ID3\3\0\0\0\0\0\x1fTXXX" + length + bytes(60)


@pytest.mark.parametrize("length", [b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x00\x00\x00\x00", b"\x80\x00\x00\x00"])
def test_a_declared_length_is_not_believed(length: bytes) -> None:
    for data in huge(length):
        with cheaply(1):
            assert refused(data) in {SourceFault.DAMAGED, SourceFault.NO_WORKFLOW, SourceFault.TOO_MANY_PIXELS}


def test_the_bounds_are_those_that_are_read_by() -> None:
    """What the session submits is bounded by the core; here nothing may pass that it would then refuse."""
    assert reading.check_text is bounds.check_text
    assert bounds.MAX_TEXT == MAX_TEXT
    assert bounds.MAX_NODES == MAX_NODES
