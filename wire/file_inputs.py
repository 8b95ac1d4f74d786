"""What shows in a catalogue that an input's value is a file, whatever its class."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from wire.media import FORMATS

CAPTURE_TYPES = frozenset({"WEBCAM", "AUDIO_RECORD", "LOAD_3D"})  # widgets whose value is a file that the page uploads
FILE_TYPES = CAPTURE_TYPES | {"LOAD_3D_ANIMATION"}
UPLOADS: Mapping[str, str] = MappingProxyType(
    {
        "image_upload": "image",
        "animated_image_upload": "image",
        "video_upload": "video",
        "audio_upload": "audio",
        "mesh_upload": "mesh",
        "file_upload": "file",
    }
)
"""What may be uploaded for a choice of files, by the option that says so."""
PATH_OPTIONS = frozenset({"vhs_path_extensions"})  # VideoHelperSuite marks texts that are paths of the server's disk
# Texts that name further files, which FFmpeg opens: it knows most of them by their content, whatever they are called.
PLAYLIST_ENDINGS = (".m3u8", ".m3u", ".mpd", ".ffconcat", ".ffcat", ".sdp", ".pls", ".asx", ".xspf")
PLAYLIST_MARKS = (b"#EXTM3U", b"ffconcat", b"<MPD")
PLAYLIST_HEAD = 65_536  # bytes in which a mark is looked for
MADE_ENDINGS = tuple(
    f".{ending}" for item in FORMATS if item.medium != "text" and "svg" not in item.endings for ending in item.endings
)
"""Endings of files that nodes make and other nodes read, without texts: a node writes any text into those."""


def is_playlist(name: str, head: bytes = b"") -> bool:
    """Return whether a file names further files, by its name or the beginning of its content."""
    return name.lower().rstrip(" .").endswith(PLAYLIST_ENDINGS) or any(mark in head for mark in PLAYLIST_MARKS)
