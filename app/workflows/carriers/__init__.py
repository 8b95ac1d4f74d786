"""The containers that ComfyUI's files come in: each parser knows one; the content alone decides which.

contents = open_carrier(memoryview(data))
contents.carrier, contents.texts["workflow"].text(), contents.size, contents.fault
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from app.workflows.carriers import id3, png, vorbis, webm
from app.workflows.carriers.carrier import Carrier, Contents, Cut
from app.workflows.carriers.id3 import read_mp3
from app.workflows.carriers.jpeg import read_jpeg
from app.workflows.carriers.mp4 import FIRST_BOXES, read_mp4
from app.workflows.carriers.png import read_png
from app.workflows.carriers.vorbis import read_flac, read_ogg
from app.workflows.carriers.webm import read_webm
from app.workflows.carriers.webp import read_webp

Reader = Callable[[memoryview, Contents], None]


def _read_gif(view: memoryview, contents: Contents) -> None:
    """Only its size: no node of ComfyUI writes a workflow into a GIF."""
    contents.measure(*struct.unpack_from("<HH", view, 6))


# Which bytes identify which container, and its parser.
_SIGNATURES: tuple[tuple[int, tuple[bytes, ...], Carrier, Reader], ...] = (
    (0, (png.SIGNATURE,), Carrier.PNG, read_png),
    (8, (b"WEBP",), Carrier.WEBP, read_webp),
    (0, (b"\xff\xd8\xff",), Carrier.JPEG, read_jpeg),
    (0, (b"GIF87a", b"GIF89a"), Carrier.GIF, _read_gif),
    (4, FIRST_BOXES, Carrier.MP4, read_mp4),
    (0, (webm.SIGNATURE,), Carrier.WEBM, read_webm),
    (0, (vorbis.FLAC_SIGNATURE,), Carrier.FLAC, read_flac),
    (0, (vorbis.OGG_SIGNATURE,), Carrier.OGG, read_ogg),
    (0, (id3.SIGNATURE, *id3.SYNC), Carrier.MP3, read_mp3),
)
_LONGEST_SIGNATURE = 12  # bytes


def open_carrier(view: memoryview) -> Contents | None:
    """Parse a container, or return None if its kind is unknown; BadInput past a bound.

    A damaged container is no error here: `fault` says where, and what was found before that is returned.
    """
    start = bytes(view[:_LONGEST_SIGNATURE])
    for offset, signatures, carrier, read in _SIGNATURES:
        if start.startswith(signatures, offset):
            contents = Contents(carrier)
            try:
                read(view, contents)
            except (Cut, struct.error) as error:
                contents.fault = f"{contents.carrier.value}: {error}"
            return contents
    return None
