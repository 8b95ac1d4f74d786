"""Reading whatever there is: a Source, or a BadInput with one of the known reasons; never another exception."""

from __future__ import annotations

import json
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import BadInput, SourceFault
from app.workflows.documents import is_api, is_graph
from app.workflows.reading import read_source, read_text
from tests.unit.workflows import carrier_files as files

SIGNATURES = (
    *(b"\x89PNG\r\n\x1a\n", b"RIFF\x40\0\0\0WEBP", b"\xff\xd8\xff\xe1", b"GIF89a", b"\0\0\0\x10ftypisom\0\0\0\0"),
    *(b"\x1a\x45\xdf\xa3\x80", b"fLaC", b"OggS", b"ID3\4\0\0", b"ID3\3\0\xc0", b"\xff\xfb", b"{", b"\xff\xfe{\0", b""),
)
NAMES = (
    *(b"tEXt", b"zTXt", b"iTXt", b"comf", b"IEND", b"workflow\0", b"prompt=", b"EXIF", b"Exif\0\0II*\0\x08\0\0\0"),
    *(b"moov", b"udta", b"meta", b"keys", b"ilst", b"data", b"trak", b"tkhd", b"TXXX", b"OpusTags", b"\x84", b"OggS"),
    *(b"\x18\x53\x80\x67", b"\x12\x54\xc3\x67", b"\x73\x73", b"\x67\xc8", b"\x1f\x43\xb6\x75", b"\x01\xff\xff"),
    *(b'{"nodes": []}', b"\0\0\0\x01", b"\xff\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\x10"),
)
PIECES = st.binary(max_size=24) | st.sampled_from(NAMES)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9), st.just('{"nodes": []}')),
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.dictionaries(
            st.sampled_from(["prompt", "workflow", "output", "nodes", "class_type", "3", "definitions"]), inner
        ),
    ),
    max_leaves=20,
)
quick = settings(deadline=None, max_examples=150)


def is_typed(data: bytes) -> None:
    """A Source that keeps its promises, or a BadInput with a known reason."""
    try:
        source = read_source(data, "x")
    except BadInput as error:
        SourceFault(error.cause)
        assert error.name == "x"
        str(error).encode()
        return
    assert source.api or source.graph
    for text, is_right in ((source.api, is_api), (source.graph, is_graph)):
        assert text is None or is_right(json.loads(text, parse_constant=pytest.fail))
        (text or "").encode()


@cache
def written(name: str) -> bytes:
    """A real file."""
    return files.WRITERS[name]()


@given(st.sampled_from(SIGNATURES), st.lists(PIECES, max_size=30))
@settings(deadline=None, max_examples=600)
def test_random_bytes(signature: bytes, pieces: list[bytes]) -> None:
    is_typed(signature + b"".join(pieces))


@given(st.sampled_from(sorted(files.WRITERS)), st.data())
@quick
def test_truncated_files(name: str, data: st.DataObject) -> None:
    is_typed(written(name)[: data.draw(st.integers(0, len(written(name))))])


@given(st.sampled_from(sorted(files.WRITERS)), st.data())
@settings(deadline=None, max_examples=600)
def test_flipped_bits(name: str, data: st.DataObject) -> None:
    content = bytearray(written(name))
    places = st.tuples(st.integers(0, min(len(content) - 1, 900)) | st.integers(0, len(content) - 1), st.integers(0, 7))
    for place, bit in data.draw(st.lists(places, min_size=1, max_size=6)):
        content[place] ^= 1 << bit
    is_typed(bytes(content))


@given(st.sampled_from(sorted(files.WRITERS)), st.data())
@quick
def test_pieces_cut_out_and_put_in(name: str, data: st.DataObject) -> None:
    content = written(name)
    start, end = sorted(data.draw(st.lists(st.integers(0, len(content)), min_size=2, max_size=2)))
    is_typed(content[:start] + data.draw(PIECES) + content[end:])


@given(JSON)
@quick
def test_any_json(value: object) -> None:
    text = json.dumps(value)
    is_typed(text.encode())
    is_typed(files.png({"workflow": text}))


@given(st.integers(1, 5000), st.sampled_from([b"[", b'{"a":', b'[{"b":', b'{"prompt":', b'"{']))
@quick
def test_deep_json(depth: int, opening: bytes) -> None:
    is_typed(b'{"nodes": [], "x":' + opening * depth)
    is_typed(opening * depth + b"1")


@given(st.text())
@quick
def test_any_pasted_text(text: str) -> None:
    for pasted in (text, "{" + text + "}"):
        try:
            read_text(pasted, text)
        except BadInput as error:
            SourceFault(error.cause)
