"""The containers: what ComfyUI and its nodes write into a file is read out of it, whole, whatever its name."""

from __future__ import annotations

import json
import struct

import pytest

from app.core.errors import BadInput, SourceFault
from app.workflows.carriers import open_carrier
from app.workflows.carriers.carrier import Carrier, PixelSize
from app.workflows.documents import FileNote
from app.workflows.reading import Source, read_source
from tests.unit.workflows import carrier_files as files

KINDS = {
    "png": Carrier.PNG,
    "apng": Carrier.PNG,
    "webp": Carrier.WEBP,
    "jpeg": Carrier.JPEG,
    "mp4": Carrier.MP4,
    "mov": Carrier.MP4,
    "webm": Carrier.WEBM,
    "flac": Carrier.FLAC,
    "opus": Carrier.OGG,
    "vorbis": Carrier.OGG,
    "mp3": Carrier.MP3,
}
EVERY = (
    *(files.png, files.packed_png, files.international_png, files.animated_png, files.webp, files.jpeg),
    *(files.mp4, files.mov, files.webm, files.flac, files.ogg, files.mp3),
)
SOUNDS = {Carrier.FLAC, Carrier.OGG, Carrier.MP3}


def refused(data: bytes) -> SourceFault:
    """Why a file is refused."""
    with pytest.raises(BadInput) as caught:
        read_source(data, "x")
    return SourceFault(caught.value.cause)


def both(source: Source) -> tuple[object, object]:
    """The two texts, parsed."""
    return json.loads(source.api or "null"), json.loads(source.graph or "null")


@pytest.mark.parametrize("name", files.WRITERS)
def test_written_workflow_is_read_whole(name: str) -> None:
    """Under a wrong name: only the content decides."""
    source = read_source(files.WRITERS[name](), "holiday.txt")
    assert both(source) == (files.PROMPT, files.GRAPH)
    assert source.carrier is KINDS[name.split("-", maxsplit=1)[0]]
    assert source.size == (None if source.carrier in SOUNDS else PixelSize(*files.SIZE))
    assert source.notes == frozenset()


@pytest.mark.parametrize("write", EVERY)
class TestEveryContainer:
    """What holds for each of them."""

    def test_without_a_workflow_it_is_known_but_has_none(self, write: files.Writer) -> None:
        assert refused(write({"title": "A street in the rain"})) is SourceFault.NO_WORKFLOW

    def test_prompt_is_used_without_editors_graph_and_noted(self, write: files.Writer) -> None:
        source = read_source(write({"prompt": files.TEXTS["prompt"]}))
        assert both(source) == (files.PROMPT, None)
        assert source.notes == {FileNote.ONLY_PROMPT}

    def test_prompt_replaces_broken_graph_and_is_noted(self, write: files.Writer) -> None:
        source = read_source(write({**files.TEXTS, "workflow": files.TEXTS["workflow"][:-9]}))
        assert both(source) == (files.PROMPT, None)
        assert source.notes == {FileNote.GRAPH_UNREADABLE}

    def test_two_broken_texts_are_damage(self, write: files.Writer) -> None:
        assert refused(write({key: text[:-9] for key, text in files.TEXTS.items()})) is SourceFault.DAMAGED

    def test_keys_count_in_any_case(self, write: files.Writer) -> None:
        source = read_source(write({key.capitalize(): text for key, text in files.TEXTS.items()}))
        assert both(source) == (files.PROMPT, files.GRAPH)

    def test_prose_prompt_is_no_workflow(self, write: files.Writer) -> None:
        for words in ("a street in the rain", "{red|blue} house", ""):
            assert refused(write({"prompt": words})) is SourceFault.NO_WORKFLOW


@pytest.mark.parametrize(
    ("data", "carrier"),
    [
        (b"GIF89a" + struct.pack("<HH", *files.SIZE) + b"\0\0\0", Carrier.GIF),
        (files.box(b"ftyp", b"avif", bytes(4)) + files.box(b"meta", b"?"), Carrier.HEIF),
        (b"\xff\xfb\x90\x64" + bytes(100), Carrier.MP3),
    ],
)
def test_file_type_without_workflows_is_recognised(data: bytes, carrier: Carrier) -> None:
    contents = open_carrier(memoryview(data))
    assert contents is not None
    assert (contents.carrier, contents.texts, contents.fault) == (carrier, {}, "")
    assert refused(data) is SourceFault.NO_WORKFLOW


@pytest.mark.parametrize("data", [b"%PDF-1.7", b"PK\3\4", b"plain words", b"\0" * 64, b"RIFF\0\0\0\0WAVE", b"\x89PN"])
def test_anything_else_is_not_known(data: bytes) -> None:
    assert refused(data) is SourceFault.UNKNOWN_FILE


@pytest.mark.parametrize("name", files.WRITERS)
def test_cut_file_gives_workflow_or_is_damaged(name: str) -> None:
    """Never half a workflow: at each length the texts are those that were written, or there is an error."""
    data = files.WRITERS[name]()
    for length in range(16, len(data), 7):
        try:
            source = read_source(data[:length])
        except BadInput as error:
            assert error.cause != SourceFault.UNKNOWN_FILE.value
        else:
            assert source.api is None or json.loads(source.api) == files.PROMPT
            assert source.graph is None or json.loads(source.graph) == files.GRAPH


@pytest.mark.parametrize("write", [files.png, files.mp4, files.webm])
def test_workflow_before_the_cut_is_used_with_warning(write: files.Writer) -> None:
    source = read_source(write(files.TEXTS)[:-6])
    assert both(source) == (files.PROMPT, files.GRAPH)
    assert source.notes == {FileNote.FILE_DAMAGED}


def test_a_pngs_text_with_a_wrong_checksum_is_not_trusted() -> None:
    """A flipped bit in a seed would make another picture."""
    data = files.png({"workflow": files.TEXTS["workflow"]})
    assert refused(data.replace(b"MODEL", b"MODEM")) is SourceFault.DAMAGED


def test_of_two_texts_under_one_key_the_later_counts() -> None:
    """As in the editor, which reads on and writes over."""
    text = files.TEXTS["workflow"].encode()
    data = files.png_of(files.chunk(b"tEXt", b'workflow\0{"nodes": []}'), files.chunk(b"tEXt", b"workflow\0" + text))
    assert both(read_source(data))[1] == files.GRAPH


def test_text_is_read_as_latin_and_utf_8() -> None:
    graph = json.dumps({"nodes": [], "extra": "Straße"}, ensure_ascii=False)
    for encoding in ("latin-1", "utf-8"):
        data = files.png_of(files.chunk(b"tEXt", b"workflow\0" + graph.encode(encoding)))
        assert read_source(data).graph == graph


def test_more_of_what_the_editor_sent_does_no_harm() -> None:
    """`extra_pnginfo` may hold anything; in a WebP it goes into the tags below Make."""
    texts = {"workflow": files.TEXTS["workflow"], "other": "[1]", "prompt": files.TEXTS["prompt"]}
    for write in (files.png, files.webp, files.mp4, files.webm, files.flac, files.mp3):
        assert both(read_source(write(texts))) == (files.PROMPT, files.GRAPH)
    swapped = {"other": "[1]", "workflow": files.TEXTS["workflow"]}
    assert both(read_source(files.webp(swapped)))[1] == files.GRAPH


def test_jpeg_markers_may_have_fill_bytes_or_no_length() -> None:
    data = files.jpeg().replace(b"\xff\xd8", b"\xff\xd8\xff\x01\xff\xff\xff", 1)
    assert both(read_source(data)) == (files.PROMPT, files.GRAPH)


def test_a_big_endian_exif_is_read() -> None:
    text = f"workflow:{files.TEXTS['workflow']}\0".encode()
    entry = struct.pack(">HHHII", 1, 0x010F, 2, len(text), 22)
    segment = b"Exif\0\0MM\0*" + struct.pack(">I", 8) + entry + text
    data = b"\xff\xd8\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + b"\xff\xd9"
    assert both(read_source(data))[1] == files.GRAPH


def test_other_tags_of_an_exif_do_no_harm() -> None:
    """A short text lies in its entry, not where its entry points to."""
    tags = files.exif(files.TEXTS)
    tags[0x000B] = "ab"
    tags[0x0131] = "a program: of some name"
    assert both(read_source(files.jpeg_with(tags))) == (files.PROMPT, files.GRAPH)


@pytest.mark.parametrize("is_lossless", [False, True])
def test_plain_webp_has_its_size(is_lossless: bool) -> None:
    contents = open_carrier(memoryview(files.webp({}, lossless=is_lossless)))
    assert contents is not None
    assert (contents.size, contents.fault) == (PixelSize(*files.SIZE), "")


@pytest.mark.parametrize(
    ("tracks", "size"),
    [
        ([(0, 0)], None),
        ([(64, 0)], None),
        ([(64, 48), (0, 0)], PixelSize(64, 48)),
        ([(16, 16), (64, 48), (32, 24)], PixelSize(64, 48)),
    ],
)
def test_a_film_has_the_size_of_its_largest_track(tracks: list[tuple[int, int]], size: PixelSize | None) -> None:
    moov = files.box(b"moov", *(files.track(*sides) for sides in tracks))
    contents = open_carrier(memoryview(files.box(b"ftyp", b"isom") + moov))
    assert contents is not None
    assert contents.size == size


@pytest.mark.parametrize(
    "data",
    [
        files.png()[:8] + files.chunk(b"tEXt", b"title\0street") + files.png()[8:],
        files.png().replace(b"\0\0\0\x40\0\0\0\x30", b"\0\0\0\x41\0\0\0\x30"),
        b"\xff\xd8\xff\xe0\0\2\0\xd9",
        b"\xff\xd8\xff\xe1\0\x0aExif\0\0??",
        files.box(b"ftyp", b"isom") + b"\0\0\0\7moov",
        files.box(b"ftyp", b"isom") + b"\0\0\0\1mdat" + b"\0\0\0\0\0\0\0\7" + files.mp4()[16:],
        b"\x1a\x45\xdf\xa3\x80" + bytes(18),
        files.ogg({}).replace(b"OggS", b"OggX").replace(b"OggX", b"OggS", 1),
        files.mp3().replace(b"\4\0\0", b"\4\0\0\xff", 1),
        files.mp3().replace(b"TXXX", b"TXXX\xff", 1),
    ],
)
def test_inconsistent_file_is_damaged(data: bytes) -> None:
    assert refused(data) is SourceFault.DAMAGED


def test_an_item_without_a_key_is_passed_over() -> None:
    keys = files.box(b"keys", struct.pack(">II", 0, 1), files.box(b"mdta", b"workflow"))
    for number in (0, 2, 0xFFFFFFFF):
        data = files.box(b"data", bytes(8), files.TEXTS["workflow"].encode())
        items = files.box(b"ilst", files.box(struct.pack(">I", number), data))
        meta = files.box(b"meta", bytes(4), keys, items)
        assert refused(files.box(b"ftyp", b"isom") + files.box(b"moov", meta)) is SourceFault.NO_WORKFLOW


@pytest.mark.parametrize("flags", [b"\0\x08", b"\0\x80", b"\0\x04"])
def test_a_packed_frame_of_a_tag_is_passed_over(flags: bytes) -> None:
    data = files.mp3().split(b"TXXX")
    packed = [data[0], *(frame[:4] + flags + frame[6:] for frame in data[1:])]
    assert refused(b"TXXX".join(packed)) is SourceFault.NO_WORKFLOW
