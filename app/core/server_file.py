"""A file on a server as a workflow names it: `photo.png`, `sub/photo.png`, `made_00001_.png [output]`.

ServerFile.read("clipspace/mask.png [input]")     # ServerFile("input", "clipspace", "mask.png")

A name alone says nothing about the content: each server has files of its own under the same names. But Mooring uploads
under a hash of the content, and what a task made is known by its server.
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
        """The file that an input's value names, as ComfyUI reads it; None for an empty name."""
        path, folder = text, INPUT
        for kind in _FOLDERS:
            if text.endswith(f"[{kind}]"):
                path, folder = text[: -len(kind) - 3], kind  # the blank before the bracket goes too, whatever it is
                break
        subfolder, _, name = path.rpartition("/")
        return cls(folder, subfolder, name) if name else None

    @property
    def is_made(self) -> bool:
        """Whether a server made it: another one has another file under that name."""
        return self.folder != INPUT

    @property
    def hash_start(self) -> str:
        """The beginning of its content's SHA-256, if Mooring has uploaded it under that; else empty."""
        found = _UPLOADED.fullmatch(self.name) if not self.is_made else None
        return found[1] if found else ""


def is_annotated(text: str) -> bool:
    """Whether a value says in which of the server's folders its file is."""
    return any(text.endswith(f"[{kind}]") for kind in _FOLDERS)


def content_name(sha256: str, filename: str) -> str:
    """A name that the same bytes always get and other bytes never; the extension is kept where it is a plain one."""
    found = _ENDING.search(filename)
    return f"{sha256[:HASHED]}.{found[1].lower() if found else 'bin'}"
