"""The static site: all that the page loads as files, for a web server in front of gateways. The page itself is theirs,
since it has the first screen of their fleet.

    b/KEY/…, with .zst and .gz    a build of the page; KEY is a digest of it, so browsers may cache it for ever
    snapshots/KEY, .zst, .gz      the memory that the page's Python starts from; the same. KEY.raw is never compressed

    site = write_site(Path("."), Path("/srv/www/mooring"))

Writing it while windows are open is safe: the builds that they use stay beside the new one. Blocks, and takes some
seconds to compress what no gateway has compressed before.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gateway.install.builds import KEPT, Builds, packed
from gateway.install.compression import ENDINGS
from gateway.install.failures import SnapshotFailed
from gateway.install.packed import page_of
from gateway.install.place import Installation
from gateway.install.snapshot import PLAIN, Busy, MemorySnapshot, Run, Snapshots
from gateway.page.tree import Build, Tree
from gateway.platforms import system
from gateway.whole_file import PUBLIC, write_whole

BUILDS = "b"
SNAPSHOTS = "snapshots"


@dataclass(frozen=True, slots=True)
class StaticSite:
    """What was written: the build's key, the memory snapshot if there is one, and warnings."""

    build: str
    snapshot: str | None
    warnings: tuple[str, ...] = ()


def write_site(root: Path, folder: Path, *, run: Run | None = None) -> StaticSite:
    """Write the site of the clone at `root` into `folder`, which is created if it is missing.

    `run` runs Node, for the best compression and for a missing snapshot; without it both are left out if they do not
    exist yet.
    """
    place = Installation(root)
    tree = page_of(place).current()
    warnings = _prepare(place, tree, run)
    snapshot = _find_snapshot(place, tree)
    folder.mkdir(parents=True, exist_ok=True)
    _copy_build(Builds(place), tree.build, folder / BUILDS)
    if snapshot is not None:
        _copy_snapshot(Snapshots(place), snapshot, folder / SNAPSHOTS)
    forget_old(folder / BUILDS, KEPT)
    forget_old(folder / SNAPSHOTS, KEPT * (2 + len(ENDINGS)))
    return StaticSite(tree.build.key, None if snapshot is None else snapshot.key, tuple(warnings))


def _prepare(place: Installation, tree: Tree, run: Run | None) -> list[str]:
    """Compress and make what is missing; return a warning for each failure."""
    warnings: list[str] = []
    builds = Builds(place)
    builds.keep(tree.build, tree.contents)
    builds.pack(tree.build)
    if run is None:
        return warnings
    try:
        Snapshots(place).make(tree.archive, run)
    except (SnapshotFailed, Busy):
        warnings.append("Node could not make the page's memory snapshot, so windows open slower.")
    return warnings


def _find_snapshot(place: Installation, tree: Tree) -> MemorySnapshot | None:
    snapshots = Snapshots(place)
    key = snapshots.key(tree.archive.sources)
    return None if key is None else snapshots.find(key)


def _copy_build(builds: Builds, build: Build, folder: Path) -> None:
    """Copy a build into its folder in one step; an earlier copy is replaced, and counts as the latest."""
    fresh = folder / ".new"
    shutil.rmtree(fresh, ignore_errors=True)
    for path, content in build.files.items():
        source, target = builds.file(content), fresh / path
        target.parent.mkdir(parents=True, exist_ok=True)
        _copy(source, target)
        for coding, ending in ENDINGS.items():
            if (small := packed(source, coding)).exists():
                _copy(small, target.with_name(f"{target.name}.{ending}"))
    old = folder / ".old"
    shutil.rmtree(old, ignore_errors=True)
    place = folder / build.key
    if place.exists():
        system.replace(place, old)
    system.replace(fresh, place)
    os.utime(place)
    shutil.rmtree(old, ignore_errors=True)


def _copy_snapshot(snapshots: Snapshots, snapshot: MemorySnapshot, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for coding, ending in ENDINGS.items():
        write_whole(folder / f"{snapshot.key}.{ending}", snapshots.file(snapshot.key, coding).read_bytes(), PUBLIC)
    plain = snapshots.file(snapshot.key, PLAIN).read_bytes()
    for name in (snapshot.key, f"{snapshot.key}.raw"):  # the latter is sent uncompressed to all browsers
        write_whole(folder / name, plain, PUBLIC)


def forget_old(folder: Path, kept: int) -> None:
    """Delete all but the latest `kept`."""
    if not folder.is_dir():
        return
    for path in _latest_first(folder.iterdir())[kept:]:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            system.delete(path)


def _latest_first(paths: Iterable[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: path.stat().st_mtime_ns, reverse=True)


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    target.chmod(PUBLIC)
