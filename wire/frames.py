"""Binary messages of ComfyUI's socket: a header, then its content. All numbers are big-endian u32.

byte 0    the message's type
byte 4    PREVIEW: the picture's format · PREVIEW_WITH_METADATA: the length of the metadata · TEXT: of the node's id
byte 8    PREVIEW: the picture · PREVIEW_WITH_METADATA: the metadata as JSON, then the picture
"""

from __future__ import annotations

from dataclasses import dataclass

PREVIEW, TEXT, PREVIEW_WITH_METADATA = 1, 3, 4
IMAGE_TYPES = {1: "image/jpeg", 2: "image/png"}  # by the picture's format
_SIZE = 8


@dataclass(frozen=True, slots=True)
class Header:
    """The beginning of a binary message. Only PREVIEW_WITH_METADATA has `metadata`, JSON text; `end` is its length."""

    type: int
    number: int  # at byte 4
    metadata: bytes
    end: int


def read_header(data: bytes) -> Header | None:
    """Return the header of a message, from its first bytes; None if it is cut."""
    if len(data) < _SIZE:
        return None
    kind, number = int.from_bytes(data[:4], "big"), int.from_bytes(data[4:_SIZE], "big")
    end = _SIZE + number if kind == PREVIEW_WITH_METADATA else _SIZE
    return Header(kind, number, data[_SIZE:end], end) if end <= len(data) else None


def prompt_of_preview(metadata: object) -> str | None:
    """Return the prompt_id that a preview's metadata names, if any."""
    match metadata:
        case {"prompt_id": str(prompt_id)}:
            return prompt_id
        case _:
            return None
