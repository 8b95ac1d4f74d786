"""Binary messages of ComfyUI's socket: a header, then its content. All numbers are big-endian u32.

byte 0    the message's type
byte 4    PREVIEW: the picture's format · PREVIEW_WITH_METADATA: the length of the metadata · TEXT: of the node's id
byte 8    PREVIEW: the picture · PREVIEW_WITH_METADATA: the metadata as JSON, then the picture

VideoHelperSuite, and node packs that follow it, send the frames of an animated preview in messages of type PREVIEW:

byte 8    1
byte 12   the index of the frame
byte 16   the node's id as a Pascal string of 16 bytes, then the picture, a JPEG · in older versions, the picture
"""

from __future__ import annotations

from dataclasses import dataclass

PREVIEW, TEXT, PREVIEW_WITH_METADATA = 1, 3, 4
IMAGE_TYPES = {1: "image/jpeg", 2: "image/png"}  # by the picture's format
_SIZE = 8
_FRAME_MARK = (1).to_bytes(4, "big")  # in the place of a picture's first bytes, which no format has
_INDEX, _NODE = 12, 16  # where they begin in a frame of an animation
_PICTURES = (32, 16)  # where its picture may begin
_JPEG = b"\xff\xd8"


@dataclass(frozen=True, slots=True)
class Header:
    """The beginning of a binary message. Only PREVIEW_WITH_METADATA has `metadata`, JSON text; `end` is its length.

    Only the frame of an animation has an `index`, and the id of its node if it names one.
    """

    type: int
    number: int  # at byte 4
    metadata: bytes
    end: int
    index: int | None = None
    node: str = ""


def read_header(data: bytes) -> Header | None:
    """Return the header of a message, from its first bytes; None if it is cut."""
    if len(data) < _SIZE:
        return None
    kind, number = int.from_bytes(data[:4], "big"), int.from_bytes(data[4:_SIZE], "big")
    if kind == PREVIEW and data[_SIZE:_INDEX] == _FRAME_MARK:
        for end in _PICTURES:
            if data[end : end + 2] == _JPEG:
                name = data[_NODE + 1 : min(_NODE + 1 + data[_NODE], end)]
                return Header(kind, number, b"", end, int.from_bytes(data[_INDEX:_NODE], "big"), name.decode("latin-1"))
    end = _SIZE + number if kind == PREVIEW_WITH_METADATA else _SIZE
    return Header(kind, number, data[_SIZE:end], end) if end <= len(data) else None


def prompt_of_preview(metadata: object) -> str | None:
    """Return the prompt_id that a preview's metadata names, if any."""
    match metadata:
        case {"prompt_id": str(prompt_id)}:
            return prompt_id
        case _:
            return None
