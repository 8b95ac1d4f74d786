"""A file on a server as a workflow names it: `photo.png`, `sub/photo.png`, `made_00001_.png [output]`.

ServerFile.read("clipspace/mask.png [input]")     # ServerFile("input", "clipspace", "mask.png")

A name alone does not identify the content: servers have different files under the same name. But Mooring uploads files
under a hash of their content, and a file made by a task is identified by its server and name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

INPUT = "input"
HASHED = 40  # characters of an upload's SHA-256 that are its name
_FOLDERS = (INPUT, "output", "temp")
_UPLOADED = re.compile(rf"([0-9a-f]{{{HASHED}}})\.[a-z0-9]{{1,8}}")
_ENDING = re.compile(r"\.([A-Za-z0-9]{1,8})$")


@dataclass(frozen=True, slots=True)
class ServerFile:
    """One file: input | output | temp, the folder below that, and its name."""

    folder: str
    subfolder: str
    name: str

    @classmethod
    def read(cls, text: str) -> ServerFile | None:
        """Return the file that an input's value names, as ComfyUI reads it; None for an empty name."""
        path, folder = text, INPUT
        for kind in _FOLDERS:
            if text.endswith(f"[{kind}]"):
                path, folder = text[: -len(kind) - 3], kind  # ComfyUI also cuts whatever precedes the bracket
                break
        subfolder, _, name = path.rpartition("/")
        return cls(folder, subfolder, name) if name else None

    @property
    def is_made(self) -> bool:
        """Whether a server made the file, so that another server has a different file under this name."""
        return self.folder != INPUT

    @property
    def hash_start(self) -> str:
        """The start of the content's SHA-256 if Mooring uploaded the file under that name; otherwise empty."""
        found = _UPLOADED.fullmatch(self.name) if not self.is_made else None
        return found[1] if found else ""


def is_annotated(text: str) -> bool:
    """Return whether a value names its folder in brackets, as `a.png [output]` does."""
    return any(text.endswith(f"[{kind}]") for kind in _FOLDERS)


def content_name(sha256: str, filename: str) -> str:
    """Return the name of an upload, derived from the hash of its content; a plain extension is kept."""
    found = _ENDING.search(filename)
    return f"{sha256[:HASHED]}.{found[1].lower() if found else 'bin'}"
