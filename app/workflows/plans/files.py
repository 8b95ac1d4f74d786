"""Many files for one input: which of them it takes, why others are left out, and the runs that they make.

found = sort_files(chosen.files, Media.PICTURE)
found.taken, found.left        # indexes in the order of their paths; the others by the reason
cross(["a.jpg", "b.jpg"], tuple(plan_runs(workflow, plan)))    # each file with each run of a plan
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from app.core.model import Cell
from app.core.ports.files import ChosenFile
from app.workflows.forms.kinds import Media
from app.workflows.plans.runs import LABEL, PlannedRun
from wire.media import FORMATS, Medium, medium_of

MOST_CELLS = 200  # of a contact sheet of files; a window holds the tasks of a sheet whole
LARGEST = 256 * 1024 * 1024  # bytes that the store takes as one input
_MEDIA: Mapping[Media, Medium] = {
    Media.PICTURE: "image", Media.MASK: "image", Media.VIDEO: "video", Media.AUDIO: "audio",
}  # fmt: skip
# Pictures that the browser cannot decode, or ComfyUI's nodes cannot.
_UNREAD = frozenset({
    *(ending for item in FORMATS if item.medium == "image" and not item.is_shown for ending in item.endings),
    "svgz", "heic", "heif", "psd", "dng", "cr2", "cr3", "nef", "arw", "orf", "rw2", "raf", "srw", "pef", "raw", "xcf",
    "ai", "eps",
})  # fmt: skip
_SYSTEM = frozenset({"thumbs.db", "desktop.ini", "__macosx"})
_DIGITS = re.compile(r"(\d+)")


class LeftOut(Enum):
    """Why a file is left out."""

    OTHER_KIND = "other-kind"
    UNREAD_KIND = "unread-kind"  # a picture in a format that is not read
    EMPTY = "empty"
    TOO_LARGE = "too-large"
    HIDDEN = "hidden"  # the system's own files
    TWICE = "twice"


@dataclass(frozen=True, slots=True)
class SortedFiles:
    """The indexes of the files that are taken, in the order of their runs, and of the others by the reason."""

    taken: tuple[int, ...] = ()
    left: Mapping[LeftOut, tuple[int, ...]] = field(default_factory=dict)


def sort_files(files: Sequence[ChosenFile], media: Media) -> SortedFiles:
    """Sort files by whether an input of this medium takes them; numbers in names count as numbers."""
    order = sorted(range(len(files)), key=lambda index: _order(files[index].path))
    taken: list[int] = []
    left: dict[LeftOut, list[int]] = {}
    known: set[tuple[str, int, int]] = set()
    for index in order:
        file = files[index]
        mark = (file.path, file.size, file.changed)
        reason = LeftOut.TWICE if mark in known else _reason(file, media)
        known.add(mark)
        if reason is None:
            taken.append(index)
        else:
            left.setdefault(reason, []).append(index)
    return SortedFiles(tuple(taken), {reason: tuple(left[reason]) for reason in LeftOut if reason in left})


def takes(media: Media, file: ChosenFile) -> bool:
    """Whether an input of this medium is meant for such a file."""
    return media is Media.FILE or medium_of(file.media_type, file.name) == _MEDIA[media]


def folder_of(files: Sequence[ChosenFile]) -> str:
    """The folder that all files are in, if one was chosen; empty if they were chosen one by one."""
    roots = {file.path.partition("/")[0] if "/" in file.path else "" for file in files}
    return next(iter(roots)) if len(roots) == 1 else ""


def cross(labels: Sequence[str], variants: Sequence[PlannedRun]) -> Iterator[PlannedRun]:
    """Each file with each variant; the runs of a file follow each other. If they are few, they make a contact sheet."""
    has_cells = len(variants) > 1 and len(labels) * len(variants) <= MOST_CELLS
    for row, label in enumerate(labels):
        name = shortened(label)
        for column, variant in enumerate(variants):
            cell = Cell(column=column, row=row, column_label=variant.label, row_label=name) if has_cells else None
            shown = f"{name} · {variant.label}" if variant.label else name
            yield replace(variant, index=row * len(variants) + column, label=shown, cell=cell)


def shortened(path: str) -> str:
    """A path as a label: of a long one, the end."""
    return path if len(path) <= LABEL else f"…{path[1 - LABEL :]}"


def _reason(file: ChosenFile, media: Media) -> LeftOut | None:
    parts = file.path.split("/")
    if any(part.startswith(".") or part.casefold() in _SYSTEM for part in parts):
        return LeftOut.HIDDEN
    ending = file.name.rpartition(".")[2].casefold()
    if media in (Media.PICTURE, Media.MASK) and ending in _UNREAD:
        return LeftOut.UNREAD_KIND
    if not takes(media, file):
        return LeftOut.OTHER_KIND
    if not file.size:
        return LeftOut.EMPTY
    return LeftOut.TOO_LARGE if file.size > LARGEST else None


def _order(path: str) -> list[tuple[int, int, str]]:
    """Sort `2.png` before `10.png`, and the files of a folder before those of the folders in it."""
    *folders, name = path.split("/")
    found: list[tuple[int, int, str]] = []
    for part in folders:
        found += [(1, 0, ""), *_pieces(part)]
    return [*found, (0, 0, ""), *_pieces(name)]


def _pieces(text: str) -> list[tuple[int, int, str]]:
    pieces = _DIGITS.split(text.casefold())
    return [(2, int(piece[:18]), piece) if piece.isdecimal() else (3, 0, piece) for piece in pieces if piece]
