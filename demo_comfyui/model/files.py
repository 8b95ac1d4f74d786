"""Names and headers of files: annotated names, names that are free, counters, and what is downloaded only."""

from __future__ import annotations

import mimetypes
import posixpath
from collections.abc import Callable, Iterable

from demo_comfyui.model.versions import Version

mimetypes.add_type("image/webp", ".webp")  # not in every Python's table

FOLDERS = ("input", "output", "temp")
DOWNLOAD_ONLY = {"text/html", "text/html-sandboxed", "application/xhtml+xml", "text/javascript", "text/css"}
ACTIVE = {*DOWNLOAD_ONLY, "application/javascript", "message/rfc822"}  # and XML of any kind
BINARY = "application/octet-stream"


def annotated(name: str) -> tuple[str, str | None]:
    """Split `name.png [output]` into name.png and output; None if the name has no folder."""
    for folder in FOLDERS:
        suffix = f"[{folder}]"
        if name.endswith(suffix):
            return name[: -len(suffix) - 1], folder
    return name, None


def free_name(name: str, is_equal: Callable[[str], bool | None]) -> tuple[str, bool]:
    """Return the first of `name`, `name (1)`, … that is free or has the same bytes, and whether it has them.

    `is_equal` compares the file of a name with the upload; None if there is none.
    """
    stem, suffix = posixpath.splitext(name)
    free, count = name, 0
    while (equal := is_equal(free)) is not None:
        if equal:
            return free, True
        count += 1
        free = f"{stem} ({count}){suffix}"
    return free, False


def next_counter(names: Iterable[str], stem: str) -> int:
    """Return the number of the next result of a prefix: `stem_00001_.png`, …; `names` are those of its folder."""
    digits = [name[len(stem) + 1 :].split("_")[0] for name in names if name.startswith(f"{stem}_")]
    return max((int(each) for each in digits if each.isdigit()), default=0) + 1


def is_picture(name: str) -> bool:
    """Whether LoadImage offers a file of this name."""
    return (mimetypes.guess_type(name)[0] or "").startswith("image/")


def preview_format(wish: str, channel: str) -> str:
    """Return the format of a re-encoded picture, for the value of `preview=`."""
    form = wish.split(";", maxsplit=1)[0]
    return "webp" if form not in ("webp", "jpeg") or "a" in channel else form


def view_headers(name: str, version: Version, destination: str | None) -> dict[str, str]:
    """Return the headers of a file.

    Newer versions make one that may carry script an attachment, but for an SVG in an `<img>` (`Sec-Fetch-Dest`).
    """
    kind = mimetypes.guess_type(name)[0] or BINARY
    if not version.hardens_answers:
        kind = BINARY if kind in DOWNLOAD_ONLY else kind
        return {"content-disposition": f'filename="{name}"', "content-type": kind}
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    headers = {"x-content-type-options": "nosniff", "content-disposition": f'filename="{escaped}"'}
    if kind in ACTIVE or kind.endswith(("+xml", "/xml")):
        headers |= {"vary": "Sec-Fetch-Dest", "cache-control": "no-store"}
        if destination != "image" or kind != "image/svg+xml":
            kind = BINARY
            headers["content-disposition"] = f'attachment; filename="{escaped}"'
    return headers | {"content-type": kind}
