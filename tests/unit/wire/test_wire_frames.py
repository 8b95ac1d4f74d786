"""The headers of binary messages."""

from __future__ import annotations

import pytest

from wire.frames import PREVIEW, PREVIEW_WITH_METADATA, TEXT, Header, prompt_of_preview, read_header

JPEG = b"\xff\xd8\xff\xe0" + bytes(30)


def message(kind: int, number: int, rest: bytes = b"") -> bytes:
    return kind.to_bytes(4, "big") + number.to_bytes(4, "big") + rest


def in_animation(index: int, node: bytes = b"") -> bytes:
    """Return a frame of VideoHelperSuite's animated previews; older versions name no node."""
    return message(PREVIEW, 1, (1).to_bytes(4, "big") + index.to_bytes(4, "big") + node + JPEG)


@pytest.mark.parametrize(
    ("data", "header"),
    [
        (message(PREVIEW, 2, b"picture"), Header(PREVIEW, 2, b"", 8)),
        (message(TEXT, 900, b"3words"), Header(TEXT, 900, b"", 8)),
        (message(PREVIEW_WITH_METADATA, 2, b"{}picture"), Header(PREVIEW_WITH_METADATA, 2, b"{}", 10)),
        (message(PREVIEW_WITH_METADATA, 0), Header(PREVIEW_WITH_METADATA, 0, b"", 8)),
        (message(77, 900), Header(77, 900, b"", 8)),
        (in_animation(7, b"\x0212" + bytes(13)), Header(PREVIEW, 1, b"", 32, 7, "12")),
        (in_animation(2**32 - 1, bytes(16)), Header(PREVIEW, 1, b"", 32, 2**32 - 1, "")),
        (in_animation(0, b"\xff" + b"9" * 15), Header(PREVIEW, 1, b"", 32, 0, "9" * 15)),
        (in_animation(7), Header(PREVIEW, 1, b"", 16, 7, "")),
        (in_animation(7)[:16], Header(PREVIEW, 1, b"", 8)),
        (message(PREVIEW, 1, JPEG), Header(PREVIEW, 1, b"", 8)),
        (message(PREVIEW, 2, b"\x89PNG" + bytes(30)), Header(PREVIEW, 2, b"", 8)),
    ],
)
def test_header_says_where_picture_begins(data: bytes, header: Header) -> None:
    assert read_header(data) == header


@pytest.mark.parametrize(
    "data", [b"", message(PREVIEW, 1)[:7], message(PREVIEW_WITH_METADATA, 3, b"{}"), message(4, 2**32 - 1)]
)
def test_cut_header_is_none(data: bytes) -> None:
    assert read_header(data) is None


@pytest.mark.parametrize(
    ("metadata", "prompt_id"),
    [({"prompt_id": "p"}, "p"), ({"prompt_id": 3}, None), ({"prompt_id": None}, None), ({}, None), (["p"], None)],
)
def test_only_a_text_names_a_prompt(metadata: object, prompt_id: str | None) -> None:
    assert prompt_of_preview(metadata) == prompt_id
