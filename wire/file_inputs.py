"""What shows in a catalogue that an input's value is a file, whatever its class."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

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
