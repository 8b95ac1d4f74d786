"""The node classes of a simulated server: nine of ComfyUI's own, and the small test nodes of the recorded servers.

The test nodes (`object_info/`) work step by step, fail, expand, send text, block, and sample without a model, which
ComfyUI's own nodes do not do.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from demo_comfyui.model.catalogue import Catalogue
from demo_comfyui.model.versions import OLD, VERSIONS, Version
from demo_comfyui.object_info import definitions

_FOLDER = Path(__file__).parent / "object_info"
_REAL = (
    "LoadImage", "SaveImage", "PreviewImage",
    "EmptyImage", "ImageScale", "ImageInvert", "ImageBlur", "ImageSharpen", "ImageBlend",
)  # fmt: skip


def catalogue_of(version: Version) -> Catalogue:
    """Return the catalogue of a version; one that was not recorded has the classes of the older one."""
    return _read(version.number if version.number in VERSIONS else OLD.number)


@cache
def _read(version: str) -> Catalogue:
    real = definitions(version)
    own = json.loads((_FOLDER / f"{version}.json").read_text("utf-8"))
    return Catalogue({name: real[name] for name in _REAL} | own)
