"""The page as a wheel has it: everything made when the wheel was built, so that no start makes anything.

    page/page.json                   what a clone reads from its sources: the build's key, the page's text, …
    page/files/HASH, HASH-gz, …      the build's contents, as `gateway/install/builds.py` stores them
    page/snapshots/KEY.br, KEY.gz    the memory snapshot; it is unpacked from the latter

The first start copies it to the state folder, where builds of earlier versions stay: a window that was opened before an
upgrade still finds its files.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from gateway.install.builds import Builds, packed
from gateway.install.compression import ENDINGS
from gateway.install.failures import SnapshotFailed
from gateway.install.joined import page_tree
from gateway.install.place import PAGE_RECORD, Installation
from gateway.install.snapshot import Busy, MemorySnapshot, Snapshots
from gateway.page.archive import Archive
from gateway.page.index_page import PageText
from gateway.page.tree import ARCHIVE, Build, PageTree, Tree
from gateway.platforms import system

_log = logging.getLogger(__name__)

FILES = "files"
SNAPSHOTS = "snapshots"


class PackedPage:
    """The page of a wheel, which never changes while it is installed."""

    is_fixed = True

    def __init__(self, place: Installation) -> None:
        self._place = place
        self._tree: Tree | None = None

    def current(self) -> Tree:
        """Return the page's files, copied to where they are served from. Call it in one thread at a time."""
        if self._tree is None:
            self._tree = self._read()
            try:
                self.unpack()
            except OSError as error:
                _log.warning("windows open more slowly, since the page could not be unpacked: %s", error)
        return self._tree

    def unpack(self) -> None:
        """Copy the page to the state folder, unless it is there. OSError."""
        tree, builds, snapshots = self._read(), Builds(self._place), Snapshots(self._place)
        if any(not builds.file(content).exists() for content in tree.contents):
            _copy_missing(self._place.packed / FILES, builds.file(""))
        builds.keep(tree.build, tree.contents)
        snapshot = MemorySnapshot(**self._place.read_packed()["snapshot"])
        if snapshots.find(snapshot.key) is None:
            with suppress(Busy):  # another gateway of this user is doing it
                snapshots.unpack(snapshot, self._place.packed / SNAPSHOTS)

    def _read(self) -> Tree:
        record = self._place.read_packed()
        build, page = Build(**record["build"]), PageText(**record["page"])
        contents: dict[str, Path | bytes] = {content: self._find(content) for content in build.files.values()}
        archive = Archive(self._find(build.files[ARCHIVE]).read_bytes(), **record["archive"])
        return Tree(build, contents, page, archive)

    def _find(self, content: str) -> Path:
        """Return a content's path: an image has it in the state folder only."""
        kept = Builds(self._place).file(content)
        return kept if kept.exists() else self._place.packed / FILES / content


def page_of(place: Installation) -> PageTree | PackedPage:
    """Return the page's files of a clone or of a wheel."""
    return PackedPage(place) if place.is_wheel else page_tree(place)


def write_page(place: Installation, folder: Path) -> None:
    """Write the page of a clone that is set up into a new folder. `SnapshotFailed` if Node could not make one."""
    tree = page_tree(place).current()
    builds, snapshots = Builds(place), Snapshots(place)
    key = snapshots.key(tree.archive.sources)
    snapshot = None if key is None else snapshots.find(key)
    if snapshot is None:
        raise SnapshotFailed
    files = folder / FILES
    files.mkdir(parents=True)
    for content in sorted(set(tree.build.files.values())):
        source = builds.file(content)
        for path in (source, *(packed(source, coding) for coding in ENDINGS)):
            if path.exists():
                shutil.copyfile(path, files / path.name)
    (folder / SNAPSHOTS).mkdir()
    for coding in ENDINGS:
        source = snapshots.file(snapshot.key, coding)
        shutil.copyfile(source, folder / SNAPSHOTS / source.name)
    record = {
        "build": {"key": tree.build.key, "files": dict(tree.build.files)},
        "page": asdict(tree.page),
        "archive": {"etag": tree.archive.etag, "sources": tree.archive.sources},
        "snapshot": asdict(snapshot),
    }
    (folder / PAGE_RECORD).write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", "utf-8", newline="\n")


def _copy_missing(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    there = {path.name for path in target.iterdir()}
    for path in source.iterdir():
        if path.name not in there:
            fresh = target / f"{path.name}.{os.getpid()}.new"
            shutil.copyfile(path, fresh)
            system.replace(fresh, target / path.name)
