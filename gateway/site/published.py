"""The published files of this installation: workflows, wildcards and lists of tags in one folder, read-only.

    published = Published(Path("workflows"))
    published.listing().as_json()      # {"v": 1, "files": [{"path": "portraits/enlarge.json", "size": …, "tag": …}], …}
    published.read("portraits/enlarge.json")

The page reads what is in a file; the gateway only serves it. A path is looked up among the files found, never built
from a client's text. Everything here blocks: call it in a thread.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from gateway.http.json_reader import Bounds, JsonError, read_json
from wire.media import CARRIER_ENDINGS
from wire.word_lists import LARGEST as LARGEST_WORDS
from wire.word_lists import ending_of, is_published

VERSION = 1
LARGEST = 50_000_000  # bytes of one file
MOST_WORD_FILES = 3000  # wildcards and lists of tags, beside workflows
LARGEST_TITLED = 5_000_000  # bytes of a file that is searched for its title
MOST_FILES = 1000
DEEPEST = 6  # folders below the published one
_UNFIT = frozenset("/\\%;?#")  # in a name: another decoder could read these as a path

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PublishedEntry:
    """One published file. `tag` changes with its content, as far as size and time of change show.

    `title` and `about` come from its author, if it is a workflow with a form.
    """

    size: int
    tag: str
    real: Path
    title: str = ""
    about: str = ""

    def as_json(self, path: str) -> dict[str, object]:
        """Return it as an entry of the list."""
        title = {"title": self.title, "about": self.about} if self.title else {}
        return {"path": path, "size": self.size, "tag": self.tag, **title}


@dataclass(frozen=True, slots=True)
class Listing:
    """The published files, by path with `/`, in order; and the files that are left out, with the reason."""

    files: Mapping[str, PublishedEntry] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def tag(self) -> str:
        """A tag that changes with the list and with each file; empty if the folder is empty."""
        if not self.files and not self.left_out:
            return ""
        text = repr([(path, file.tag) for path, file in self.files.items()]) + repr(sorted(self.left_out.items()))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def as_json(self) -> dict[str, object]:
        """Return the answer to `GET /workflows`."""
        return {
            "v": VERSION,
            "tag": self.tag,
            "files": [file.as_json(path) for path, file in self.files.items()],
            "left_out": [{"path": path, "reason": reason} for path, reason in self.left_out.items()],
        }


class Published:
    """The published folder, or none."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder.resolve() if folder is not None else None
        self._listing = Listing()

    @property
    def is_there(self) -> bool:
        """Whether a folder was configured."""
        return self._folder is not None

    def listing(self) -> Listing:
        """List the folder."""
        before = self._listing
        known = {(file.real, file.tag): file for file in before.files.values()}
        self._listing = _list(self._folder, known) if self._folder is not None else Listing()
        for path, reason in self._listing.left_out.items():
            if before.left_out.get(path) != reason:
                _log.warning("not published: %s (%s)", path, reason)
        return self._listing

    def read(self, path: str) -> bytes | None:
        """Return one file's bytes; None if no such file is published (any more)."""
        file = self._listing.files.get(path) or self.listing().files.get(path)
        if file is None:
            return None
        try:
            with file.real.open("rb") as opened:
                data = opened.read(LARGEST + 1)
        except OSError:
            return None
        return data if len(data) <= LARGEST else None


def _list(folder: Path, known: Mapping[tuple[Path, str], PublishedEntry]) -> Listing:
    files: dict[str, PublishedEntry] = {}
    left_out: dict[str, str] = {}
    counts = {True: 0, False: 0}  # of files of words, and of others
    for path in _walk(folder):
        name = path.relative_to(folder).as_posix()
        is_words = is_published(name)
        is_full = counts[is_words] >= (MOST_WORD_FILES if is_words else MOST_FILES)
        reason = _unfit(name) or ("too many files" if is_full else "")
        found = None if reason else _file(folder, path)
        if isinstance(found, PublishedEntry):
            files[name] = known.get((found.real, found.tag)) or _titled(found)
            counts[is_words] += 1
        else:
            left_out[name] = reason or found or ""
    return Listing(files, left_out)


def _titled(file: PublishedEntry) -> PublishedEntry:
    """Return the file with its author's title. A file without one is listed without a title."""
    if file.real.suffix.lower() != ".json" or file.size > LARGEST_TITLED:
        return file
    try:
        value = read_json(file.real.read_bytes(), Bounds(LARGEST_TITLED))
    except (OSError, JsonError):
        return file
    if not isinstance(value, dict) or not isinstance(value.get("workflow"), dict):
        return file
    title, about = value.get("title"), value.get("about")
    if not isinstance(title, str):
        return file
    return replace(file, title=title[:200], about=about[:1000] if isinstance(about, str) else "")


def _walk(folder: Path) -> Iterator[Path]:
    """Yield every file that may be a workflow or has words, in order.

    An unreadable folder is logged and hides no other.
    """
    for place, folders, names in os.walk(folder, onerror=lambda error: _log.warning("not published: %s", error)):
        here = Path(place)
        is_deepest = len(here.relative_to(folder).parts) >= DEEPEST
        folders[:] = [] if is_deepest else sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = here / name
            if name.startswith("."):
                continue
            if path.suffix.lower() in CARRIER_ENDINGS or is_published(path.relative_to(folder).as_posix()):
                yield path


def _unfit(name: str) -> str:
    parts = name.split("/")
    is_fit = name.isprintable() and not any(set(part) & _UNFIT for part in parts)
    return "" if is_fit and all(len(part) <= 200 for part in parts) else "its name cannot be part of an address"


def _file(folder: Path, path: Path) -> PublishedEntry | str:
    """Return the file, or why it is not published."""
    try:
        real = path.resolve(strict=True)
        facts = real.stat()
    except (OSError, RuntimeError) as error:
        return f"it cannot be read: {error}"
    if folder not in real.parents or not real.is_file():
        return "it is no file of this folder"
    largest = LARGEST_WORDS.get(ending_of(path.name), LARGEST)
    if facts.st_size > largest:
        return f"it has more than {largest // 1_000_000} MB"
    text = f"{facts.st_size} {facts.st_mtime_ns} {facts.st_ino}"
    return PublishedEntry(facts.st_size, hashlib.sha256(text.encode()).hexdigest()[:16], real)
