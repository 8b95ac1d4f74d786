"""Recorded exchanges of real ComfyUI servers, by version, cut to what the tests read.

    read("04_prompt_post")                  # a recording of OLDEST
    read("01_get", version=NEWEST)
    catalogue(NEWEST)                       # its /object_info, without descriptions

`python -m tests.recordings --help` shows how to renew them from a running server.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from wire.versions import NEWEST, OLDEST, VERSIONS

__all__ = ["NEWEST", "OLDEST", "VERSIONS", "catalogue", "catalogue_text", "names", "read", "without_prose"]

FOLDER = Path(__file__).parent

CATALOGUE = "object_info"
PROSE = ("description", "tooltip")
"""Keys of a catalogue that hold sentences; no test needs them, and they are ComfyUI's own text."""


def names(version: str = OLDEST) -> list[str]:
    """Return the names of the recordings of a version, without its catalogue."""
    return sorted(path.stem for path in (FOLDER / version).glob("*.json") if path.stem != CATALOGUE)


def read(name: str, version: str = OLDEST) -> Any:
    """Return a fresh copy of one recording."""
    return json.loads((FOLDER / version / f"{name}.json").read_text("utf-8"))


@cache
def catalogue_text(version: str = OLDEST) -> str:
    """Return a server's /object_info as JSON."""
    return (FOLDER / version / f"{CATALOGUE}.json").read_text("utf-8")


def catalogue(version: str = OLDEST) -> dict[str, Any]:
    """Return a fresh copy of a server's /object_info."""
    found: dict[str, Any] = json.loads(catalogue_text(version))
    return found


def without_prose(value: Any) -> Any:
    """Return the value without descriptions and tooltips, at any depth."""
    if isinstance(value, dict):
        return {
            key: without_prose(each)
            for key, each in value.items()
            if not (key in PROSE and isinstance(each, str | list | tuple))
        }
    return [without_prose(each) for each in value] if isinstance(value, list | tuple) else value
