"""The files of one server, with their uploads, names and views: a dict of (type, subfolder, name).

It is the server's disk: everything but temp/ survives a restart.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from demo_comfyui.model.files import (
    FOLDERS,
    annotated,
    free_name,
    is_picture,
    next_counter,
    preview_format,
    view_headers,
)
from demo_comfyui.model.versions import NEW, Version
from tests.simulation.server.exchange import Answer, file_answer, json_answer
from tests.simulation.server.pictures import read, write

Key = tuple[str, str, str]
LONGEST_NAME = 255  # bytes, of most file systems


class Files(dict[Key, tuple[bytes, float]]):
    """The files as (content, the loop's time of writing); `epoch` is added to that in dates."""

    def __init__(self, now: Callable[[], float], epoch: float) -> None:
        super().__init__()
        self._now = now
        self._epoch = epoch
        self.version: Version = NEW

    def wipe_temp(self) -> None:
        """Delete temp/, as a start does."""
        for key in [key for key in self if key[0] == "temp"]:
            del self[key]

    # Uploads

    def upload(self, filename: str, data: bytes, folder: str, fields: Mapping[str, str]) -> Answer:
        """Store an upload under a name that is free or has the same bytes. Raises where ComfyUI does."""
        if not filename or folder not in FOLDERS:
            raise ValueError("no file, or a folder that there is not")
        given = fields.get("subfolder", "")
        if _leaves(given) or _leaves(posixpath.join(given, filename)):
            return Answer(400)
        subfolder, _, base = posixpath.normpath(posixpath.join(given, filename)).rpartition("/")
        if "/" in filename and not any(key[:2] == (folder, subfolder) for key in self):
            raise FileNotFoundError(filename)
        if len(base.encode()) > LONGEST_NAME:
            raise OSError("File name too long")
        is_forced = fields.get("overwrite") in ("true", "1")
        name = base
        if not is_forced:
            name, _ = free_name(base, lambda each: self._is_equal((folder, subfolder, each), data))
        content: bytes | None = data
        if "original_ref" in fields:
            content = self._masked(json.loads(fields["original_ref"]), data)
        if content is not None and (is_forced or (folder, subfolder, name) not in self):
            self[folder, subfolder, name] = (content, self._now())
        name = posixpath.join(posixpath.dirname(filename), name)
        return json_answer({"name": name, "subfolder": given, "type": folder})

    def _is_equal(self, key: Key, data: bytes) -> bool | None:
        return self[key][0] == data if key in self else None

    def _masked(self, original: dict[str, Any], mask: bytes) -> bytes | None:
        """Return the original with the mask's alpha, or None without an original, which is no error."""
        key = self.locate(original["filename"], original.get("type", "output"), original.get("subfolder", ""))
        if isinstance(key, int) or key not in self:
            return None
        picture = read(self[key][0], key[2])
        return write(replace(picture, alpha=read(mask, "mask").alpha))

    # Names

    def locate(self, filename: str, folder: str, subfolder: str) -> Key | int:
        """Return the file of a view, or the status that refuses it."""
        bare, kind = annotated(filename)
        kind = kind or folder
        if not bare or bare[0] == "/" or ".." in bare or kind not in FOLDERS:
            return 400
        if _leaves(subfolder):
            return 403
        return (kind, _normal(subfolder), posixpath.basename(bare))

    def is_input(self, name: Any) -> bool:
        """Return whether LoadImage finds it."""
        return self._input_key(name) in self

    def content(self, name: Any) -> bytes:
        """Return what LoadImage reads."""
        return self[self._input_key(name)][0]

    def _input_key(self, name: Any) -> Key:
        bare, kind = annotated(name)
        subfolder, _, base = bare.rpartition("/")
        return (kind or "input", _normal(subfolder), base)

    def input_pictures(self) -> list[str]:
        """Return the choices of LoadImage."""
        names = [name for kind, subfolder, name in self if kind == "input" and not subfolder]
        return sorted(filter(is_picture, names))

    def names(self, folder: str) -> list[str]:
        """Return the files at the top of a folder, newest first."""
        found = [(at, name) for (kind, subfolder, name), (_, at) in self.items() if kind == folder and not subfolder]
        return [name for _, name in sorted(found, reverse=True)]

    def save(self, prefix: str, folder: str, data: bytes) -> dict[str, str]:
        """Write a result under the next number of its prefix, and return its place."""
        subfolder, _, stem = posixpath.normpath(prefix).rpartition("/")
        taken = [name for kind, where, name in self if (kind, where) == (folder, subfolder)]
        filename = f"{stem}_{next_counter(taken, stem):05}_.png"
        self[folder, subfolder, filename] = (data, self._now())
        return {"filename": filename, "subfolder": subfolder, "type": folder}

    # Views

    def view(self, query: Mapping[str, str]) -> Answer:
        """Return a file unchanged, or re-encoded for `preview=` and `channel=rgb|a`."""
        if "filename" not in query:
            return Answer(404)
        key = self.locate(query["filename"], query.get("type", "output"), query.get("subfolder", ""))
        if isinstance(key, int):
            return Answer(key)
        if key not in self:
            return Answer(404)
        data, at = self[key]
        headers = {"content-disposition": f'filename="{key[2]}"'}
        channel = query.get("channel", "rgba")
        if "preview" in query:
            form, body = _preview(data, query["preview"], query.get("channel", ""))
            return Answer(200, body, {**headers, "content-type": f"image/{form}"})
        if channel in ("rgb", "a"):
            return Answer(200, _channel(data, channel), {**headers, "content-type": "image/png"})
        return file_answer(data, self._epoch + at, view_headers(key[2], self.version, None))


def _normal(subfolder: str) -> str:
    return "" if subfolder in ("", ".") else posixpath.normpath(subfolder)


def _leaves(path: str) -> bool:
    """Return whether a path leaves its folder."""
    return path.startswith("/") or posixpath.normpath(path).split("/")[0] == ".."


def _preview(data: bytes, wish: str, channel: str) -> tuple[str, bytes]:
    form = preview_format(wish, channel)
    picture = read(data, "view")
    is_plain = form == "jpeg" or channel == "rgb"
    return form, write(replace(picture, alpha=None) if is_plain else picture, form)


def _channel(data: bytes, channel: str) -> bytes:
    picture = read(data, "view")
    if channel == "rgb":
        return write(replace(picture, alpha=None))
    return write(replace(picture, colour=(0, 0, 0), alpha=255 if picture.alpha is None else picture.alpha))
