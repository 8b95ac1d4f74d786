"""Kinds of files that nodes read and write: their media types, their endings, and what may be done with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Medium = Literal["image", "video", "audio", "other"]


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of file, which belongs to the medium of its first media type.

    `is_shown`: a browser may show it in place, because it decodes it to pixels or sound and it cannot carry script.
    `carrier`: the container of `app/workflows/carriers/` that a workflow may come in; empty if none does.
    """

    types: tuple[str, ...]
    endings: tuple[str, ...]
    is_shown: bool = False
    carrier: str = ""

    @property
    def medium(self) -> Medium:
        """What it is for people."""
        match self.types[0].partition("/")[0]:
            case "image" | "video" | "audio" as medium:
                return medium
        return "other"


OPAQUE = "application/octet-stream"  # bytes of no known type
FORMATS = (
    Format(("image/png", "image/apng"), ("png",), is_shown=True, carrier="png"),
    Format(("image/jpeg",), ("jpg", "jpeg"), is_shown=True, carrier="jpeg"),
    Format(("image/webp",), ("webp",), is_shown=True, carrier="webp"),
    Format(("image/avif",), ("avif",), is_shown=True, carrier="heif"),
    Format(("image/gif",), ("gif",), is_shown=True),
    Format(("image/bmp", "image/x-ms-bmp"), ("bmp",), is_shown=True),
    Format(("image/svg+xml",), ("svg",)),  # it may carry script
    Format(("image/tiff",), ("tif", "tiff")),
    Format(("image/x-exr",), ("exr",)),
    Format(("video/mp4",), ("mp4",), is_shown=True, carrier="mp4"),
    Format(("video/quicktime",), ("mov",), is_shown=True, carrier="mp4"),
    Format(("video/webm", "audio/webm"), ("webm",), is_shown=True, carrier="webm"),
    Format(("video/x-matroska",), ("mkv",), is_shown=True, carrier="webm"),
    Format(("audio/mpeg",), ("mp3",), is_shown=True, carrier="mp3"),
    Format(("audio/flac", "audio/x-flac"), ("flac",), is_shown=True, carrier="flac"),
    Format(("audio/ogg", "audio/opus", "video/ogg"), ("ogg", "opus"), is_shown=True, carrier="ogg"),
    Format(("audio/mp4", "audio/aac"), ("m4a",), is_shown=True, carrier="mp4"),
    Format(("audio/wav", "audio/x-wav"), ("wav",), is_shown=True),
    Format(("application/json",), ("json",), carrier="json"),
    Format(("text/plain",), ("txt",)),
    Format((OPAQUE,), ("latent", "glb", "gltf", "obj", "fbx", "stl")),
)

INLINE_TYPES = frozenset(kind for item in FORMATS if item.is_shown for kind in item.types)
FILE_ENDINGS = tuple(f".{ending}" for item in FORMATS for ending in item.endings)
CARRIER_ENDINGS = frozenset(f".{ending}" for item in FORMATS if item.carrier for ending in item.endings)
IMAGE_TYPES = {f".{ending}": item.types[0] for item in FORMATS if item.medium == "image" for ending in item.endings}
_SHOWN = {ending: item.medium for item in FORMATS if item.is_shown for ending in item.endings}


def medium_of(media_type: str, filename: str = "") -> Medium:
    """Return the medium of a file by its type, or by its ending where its type says nothing."""
    match media_type.partition("/")[0]:
        case "image" | "video" | "audio" as medium:
            return medium
    return _SHOWN.get(filename.rpartition(".")[2].casefold(), "other")
