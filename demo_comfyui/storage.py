"""The folders of one server, as the real server resolves them: annotated names, safe paths, counters."""

from __future__ import annotations

import hashlib
import mimetypes
import os
import shutil
import time
import uuid
from pathlib import Path
from typing import Any

from demo_comfyui.model.files import FOLDERS, annotated, is_picture, next_counter


class Storage:
    """input/, output/ and temp/ below one data folder. temp/ is wiped at the start and at the end.

    With a backslash as separator, paths are as on Windows: both slashes lead into a folder.
    """

    def __init__(self, data: Path, separator: str = "/") -> None:
        self.data = data.resolve()
        self._separator = separator
        self.clean_temp()
        for name in FOLDERS:
            (self.data / name).mkdir(parents=True, exist_ok=True)

    def clean_temp(self) -> None:
        """Wipe the previews, as the real server does at both ends of its life."""
        shutil.rmtree(self.data / "temp", ignore_errors=True)

    def folder(self, kind: str) -> Path:
        """The folder of type input, output or temp; KeyError for any other."""
        if kind not in FOLDERS:
            raise KeyError(kind)
        return self.data / kind

    def path(self, name: str) -> str:
        """Return a path as it is on this machine."""
        return name.replace(self._separator, "/")

    def input_path(self, name: str) -> str:
        """Return where LoadImage finds `name`: its annotation, else input/. May be anywhere, as in the real server."""
        bare, kind = annotated(name)
        return os.path.join(self.folder(kind or "input"), self.path(bare))  # noqa: PTH118 - an absolute name takes precedence

    def input_images(self) -> list[str]:
        """The names that LoadImage offers: image files at the top of input/, sorted."""
        return sorted(path.name for path in self.folder("input").iterdir() if is_picture(path.name) and path.is_file())

    def contains(self, folder: Path, path: str) -> bool:
        """Whether `path` is in `folder`, after `..` is resolved (links are not followed)."""
        return Path(os.path.abspath(path)).is_relative_to(folder)  # noqa: PTH100

    def save_place(self, prefix: str, kind: str, size: tuple[int, int]) -> SavePlace:
        """Return where pictures of this prefix go next: the counter continues from the files in the folder."""
        prefix = _fill(prefix, size) if "%" in prefix else prefix
        normal = os.path.normpath(self.path(prefix))
        subfolder, stem = os.path.dirname(normal), os.path.basename(normal)  # noqa: PTH119, PTH120 - prefixes, not paths
        root = self.folder(kind)
        target = os.path.join(root, subfolder)  # noqa: PTH118 - an absolute subfolder must be refused
        if not self.contains(root, target):
            raise ValueError(f"Saving image outside the output folder is not allowed: {subfolder}")
        folder = Path(target)
        folder.mkdir(parents=True, exist_ok=True)
        counter = next_counter((path.name for path in folder.iterdir()), stem)
        return SavePlace(folder, subfolder.replace(os.sep, self._separator), stem, counter)


def asset_of(path: Path) -> dict[str, Any]:
    """Return what a server with assets says about a file. Its hash is SHA-256, since Python has no BLAKE3."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{path.as_uri()}#{digest}")),
        "name": path.name,
        "asset_hash": f"blake3:{digest}",
        "size": path.stat().st_size,
        "mime_type": mimetypes.guess_type(path.name)[0],
    }


class SavePlace:
    """A folder, a stem and the number that the next file gets: `stem_00001_.png`."""

    def __init__(self, folder: Path, subfolder: str, stem: str, counter: int) -> None:
        self.folder = folder
        self.subfolder = subfolder
        self._stem = stem
        self._counter = counter

    def next_name(self, index: int, ending: str = "png") -> str:
        """Return the name for the file at `index` in its batch, and advance the counter."""
        name = f"{self._stem.replace('%batch_num%', str(index))}_{self._counter:05}_.{ending}"
        self._counter += 1
        return name


def _fill(prefix: str, size: tuple[int, int]) -> str:
    now = time.localtime()
    values = {
        "width": str(size[0]),
        "height": str(size[1]),
        "year": str(now.tm_year),
        "month": f"{now.tm_mon:02}",
        "day": f"{now.tm_mday:02}",
        "hour": f"{now.tm_hour:02}",
        "minute": f"{now.tm_min:02}",
        "second": f"{now.tm_sec:02}",
    }
    for name, value in values.items():
        prefix = prefix.replace(f"%{name}%", value)
    return prefix
