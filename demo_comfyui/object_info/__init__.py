"""The answers of real ComfyUI servers to /object_info for their own classes, by version and without descriptions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def definitions(version: str) -> dict[str, dict[str, Any]]:
    """Return the definitions of the node classes that real servers of this version have."""
    found: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / f"{version}.json").read_text("utf-8"))
    return found
