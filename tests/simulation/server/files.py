"""The files of one server, with their uploads, names and views: a dict of (type, subfolder, name).

It is the server's disk: everything but temp/ survives a restart.
"""

from __future__ import annotations

import json
import mimetypes
import posixpath
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from tests.simulation.server.exchange import Answer, file_answer, json_answer
from tests.simulation.server.pictures import read, write

mimetypes.add_type("image/webp", ".webp")  # not in every Python's table

Key = tuple[str, str, str]
FOLDERS = ("input", "output", "temp")
DOWNLOAD_ONLY = {"text/html", "text/html-sandboxed", "application/xhtml+xml", "text/javascript", "text/css"}
LONGEST_NAME = 255  # bytes, of most file systems


class Files(dict[Key, tuple[bytes, float]]):
    """The files as (content, the loop's time of writing); `epoch` is added to that in dates.

    Newer versions are hardened: a file that may carry script is a download.
    """

    def __init__(self, now: Callable[[], float], epoch: float) -> None:
        super().__init__()
        self._now = now
        self._epoch = epoch
        self.is_hardened = False

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
        name = base if is_forced else self._free_name(folder, subfolder, base, data)
        content: bytes | None = data
        if "original_ref" in fields:
            content = self._masked(json.loads(fields["original_ref"]), data)
        if content is not None and (is_forced or (folder, subfolder, name) not in self):
            self[folder, subfolder, name] = (content, self._now())
        name = posixpath.join(posixpath.dirname(filename), name)
        return json_answer({"name": name, "subfolder": given, "type": folder})

    def _free_name(self, folder: str, subfolder: str, name: str, data: bytes) -> str:
        stem, suffix = posixpath.splitext(name)
        free, count = name, 0
        while (folder, subfolder, free) in self and self[folder, subfolder, free][0] != data:
            count += 1
            free = f"{stem} ({count}){suffix}"
        return free

    def _masked(self, original: dict[str, Any], mask: bytes) -> bytes | None:
        """Return the original with the mask's alpha, or None without an original, which is no error."""
        key = self.locate(original["filename"], original.get("type", "output"), original.get("subfolder", ""))
        if isinstance(key, int) or key not in self:
            return None
        picture = read(self[key][0], key[2])
        return write(replace(picture, alpha=read(mask, "mask").alpha))

    # Names

    def annotated(self, name: str, folder: str) -> tuple[str, str]:
        """Parse `name [output]` as (name, output); `folder` is the default."""
        for kind in FOLDERS:
            if name.endswith(f"[{kind}]"):
                return name[: -len(kind) - 3], kind
        return name, folder

    def locate(self, filename: str, folder: str, subfolder: str) -> Key | int:
        """Return the file of a view, or the status that refuses it."""
        bare, kind = self.annotated(filename, folder)
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
        bare, kind = self.annotated(name, "input")
        subfolder, _, base = bare.rpartition("/")
        return (kind, _normal(subfolder), base)

    def input_pictures(self) -> list[str]:
        """Return the choices of LoadImage."""
        names = [name for kind, subfolder, name in self if kind == "input" and not subfolder]
        return sorted(name for name in names if (mimetypes.guess_type(name)[0] or "").startswith("image/"))

    def names(self, folder: str) -> list[str]:
        """Return the files at the top of a folder, newest first."""
        found = [(at, name) for (kind, subfolder, name), (_, at) in self.items() if kind == folder and not subfolder]
        return [name for _, name in sorted(found, reverse=True)]

    def save(self, prefix: str, folder: str, data: bytes) -> dict[str, str]:
        """Write a result under the next number of its prefix, and return its place."""
        subfolder, _, stem = posixpath.normpath(prefix).rpartition("/")
        taken = [name for kind, where, name in self if (kind, where) == (folder, subfolder)]
        digits = [name[len(stem) + 1 :].split("_")[0] for name in taken if name.startswith(f"{stem}_")]
        count = max((int(each) for each in digits if each.isdigit()), default=0) + 1
        filename = f"{stem}_{count:05}_.png"
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
            form, body = _preview(data, query["preview"].split(";")[0], query.get("channel", ""))
            return Answer(200, body, {**headers, "content-type": f"image/{form}"})
        if channel in ("rgb", "a"):
            return Answer(200, _channel(data, channel), {**headers, "content-type": "image/png"})
        kind = mimetypes.guess_type(key[2])[0] or "application/octet-stream"
        is_active = kind in DOWNLOAD_ONLY
        if self.is_hardened:
            is_active |= kind.endswith(("xml", "javascript"))
            headers["x-content-type-options"] = "nosniff"
        if self.is_hardened and is_active:
            headers["content-disposition"] = f'attachment; filename="{key[2]}"'
            headers |= {"vary": "Sec-Fetch-Dest", "cache-control": "no-store"}
        headers["content-type"] = "application/octet-stream" if is_active else kind
        return file_answer(data, self._epoch + at, headers)


def _normal(subfolder: str) -> str:
    return "" if subfolder in ("", ".") else posixpath.normpath(subfolder)


def _leaves(path: str) -> bool:
    """Return whether a path leaves its folder."""
    return path.startswith("/") or posixpath.normpath(path).split("/")[0] == ".."


def _preview(data: bytes, form: str, channel: str) -> tuple[str, bytes]:
    form = "webp" if form not in ("webp", "jpeg") or "a" in channel else form
    picture = read(data, "view")
    is_plain = form == "jpeg" or channel == "rgb"
    return form, write(replace(picture, alpha=None) if is_plain else picture, form)


def _channel(data: bytes, channel: str) -> bytes:
    picture = read(data, "view")
    if channel == "rgb":
        return write(replace(picture, alpha=None))
    return write(replace(picture, colour=(0, 0, 0), alpha=255 if picture.alpha is None else picture.alpha))
