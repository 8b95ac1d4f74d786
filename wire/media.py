"""Kinds of files that nodes read and write: their media types, their endings, and what may be done with them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Medium = Literal["image", "video", "audio", "model", "text", "other"]


def _main_type(media_type: str) -> Medium:
    match media_type.partition("/")[0]:
        case "image" | "video" | "audio" | "model" | "text" as medium:
            return medium
    return "other"


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of file, which belongs to the medium of its first media type.

    `is_shown`: a browser may show it in place, because it decodes it to pixels or sound and it cannot carry script.
    `is_read`: the page can show its bytes, but never at a server's address: as text, as a 3D model, as an image without
    its scripts.
    `carrier`: the container of `app/workflows/carriers/` that a workflow may come in; empty if none does.
    """

    types: tuple[str, ...]
    endings: tuple[str, ...]
    is_shown: bool = False
    is_read: bool = False
    carrier: str = ""

    @property
    def medium(self) -> Medium:
        """What it is for people."""
        return "text" if self.types[0] == "application/json" else _main_type(self.types[0])


OPAQUE = "application/octet-stream"  # bytes of no known type
FORMATS = (
    Format(("image/png", "image/apng"), ("png",), is_shown=True, carrier="png"),
    Format(("image/jpeg",), ("jpg", "jpeg"), is_shown=True, carrier="jpeg"),
    Format(("image/webp",), ("webp",), is_shown=True, carrier="webp"),
    Format(("image/avif",), ("avif",), is_shown=True, carrier="heif"),
    Format(("image/gif",), ("gif",), is_shown=True),
    Format(("image/bmp", "image/x-ms-bmp"), ("bmp",), is_shown=True),
    Format(("image/svg+xml",), ("svg",), is_read=True),  # it may carry script
    Format(("image/tiff",), ("tif", "tiff")),
    Format(("image/x-exr", "image/aces"), ("exr",)),
    Format(("video/mp4",), ("mp4",), is_shown=True, carrier="mp4"),
    Format(("video/quicktime",), ("mov",), is_shown=True, carrier="mp4"),
    Format(("video/webm", "audio/webm"), ("webm",), is_shown=True, carrier="webm"),
    Format(("video/x-matroska",), ("mkv",), is_shown=True, carrier="webm"),
    Format(("audio/mpeg",), ("mp3",), is_shown=True, carrier="mp3"),
    Format(("audio/flac", "audio/x-flac"), ("flac",), is_shown=True, carrier="flac"),
    Format(("audio/ogg", "audio/opus", "video/ogg"), ("ogg", "opus"), is_shown=True, carrier="ogg"),
    Format(("audio/mp4", "audio/aac"), ("m4a",), is_shown=True, carrier="mp4"),
    Format(("audio/wav", "audio/x-wav"), ("wav",), is_shown=True),
    Format(("application/json",), ("json",), is_read=True, carrier="json"),
    Format(("text/plain",), ("txt", "log", "srt"), is_read=True),
    Format(("text/markdown",), ("md",), is_read=True),
    Format(("text/csv",), ("csv",), is_read=True),
    Format(("model/gltf-binary",), ("glb",), is_read=True),
    Format(("model/gltf+json",), ("gltf",), is_read=True),
    Format(("model/obj",), ("obj",)),
    Format(("model/stl",), ("stl",)),
    Format(("model/ply",), ("ply",)),
    Format(("model/fbx",), ("fbx",)),
    Format(("model/vnd.usdz+zip",), ("usdz",)),
    Format(("model/splat",), ("splat", "ksplat", "spz")),
    Format((OPAQUE,), ("latent",)),
)

INLINE_TYPES = frozenset(kind for item in FORMATS if item.is_shown for kind in item.types)
FILE_ENDINGS = tuple(f".{ending}" for item in FORMATS for ending in item.endings)
CARRIER_ENDINGS = frozenset(f".{ending}" for item in FORMATS if item.carrier for ending in item.endings)
IMAGE_TYPES = {f".{ending}": item.types[0] for item in FORMATS if item.medium == "image" for ending in item.endings}
_BY_ENDING = {ending: item for item in FORMATS for ending in item.endings}
_BY_TYPE = {kind: item for item in FORMATS for kind in item.types if kind != OPAQUE}


def medium_of(media_type: str, filename: str = "") -> Medium:
    """Return the medium of a file by its type, or by its ending where its type says nothing."""
    found = _format_of(media_type, filename)
    medium = _main_type(media_type)
    return medium if medium != "other" else "other" if found is None else found.medium


def viewer_of(media_type: str, filename: str = "") -> Medium | None:
    """Return as what the page can show such a file; None if it has no viewer for it."""
    found = _format_of(media_type, filename)
    return medium_of(media_type, filename) if found is not None and (found.is_shown or found.is_read) else None


def is_picture(media_type: str, filename: str = "") -> bool:
    """Return whether such a file has pixels that a browser decodes; a drawing (SVG) has none of its own."""
    found = _format_of(media_type, filename)
    return found is not None and found.is_shown and medium_of(media_type, filename) == "image"


def has_thumbnail(media_type: str, filename: str = "") -> bool:
    """Return whether such a file may have one: it is made of an image, or kept of a 3D model that was shown."""
    return viewer_of(media_type, filename) in {"image", "model"}


def type_of(media_type: str, filename: str) -> str:
    """Return the media type of a file whose server or gateway may have withheld it, as far as its ending says."""
    found = _format_of(media_type, filename)
    return media_type if found is None or media_type in found.types else found.types[0]


@lru_cache(maxsize=1000)  # it is asked several times for each result that is drawn
def _format_of(media_type: str, filename: str) -> Format | None:
    known = _BY_TYPE.get(media_type.partition(";")[0].strip())
    return known if known is not None else _BY_ENDING.get(filename.rpartition(".")[2].casefold())
