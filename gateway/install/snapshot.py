"""Memory snapshots of the page's Python, in `.mooring/snapshots/`: made by Node, named by what they were made from.

    KEY.raw, KEY.zst, KEY.gz    the memory, and the same in two compressions
    KEY.json                    its size and checksum, and the sizes of those files; or that Node could not make it

A key is a digest of the browser's runtime, the sources in `/app.zip`, the shipped workflows, and the scripts that make
and load snapshots.
So the snapshot with the key of what is served now matches it, and no other one is ever served.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from gateway.install.compression import ENDINGS, QUICK, compress
from gateway.install.exclusion import exclusive
from gateway.install.failures import LOG_HINT, CommandFailed, SnapshotFailed
from gateway.install.node import node_command
from gateway.install.place import Installation, read_record, write_record
from gateway.install.steps import Step
from gateway.page.archive import Archive, digest_sources, make_archive
from gateway.platforms import system

MAKER = "gateway/install/snapshot.mjs"
SCRIPTS = (MAKER, "static/js/boot.mjs", "static/js/memory.mjs", "static/js/snapshot_worker.mjs")
WORKFLOWS = "static/workflows/*.json"
RUNTIME = ("pyodide/", "python/")  # the folders of static/vendor/ whose contents are in a snapshot
SITE = "python/site.zip"
PLAIN = "identity"
FORMS = {**ENDINGS, PLAIN: "raw"}  # a snapshot is stored uncompressed as well
KEPT = 2  # the latest; a page that was sent a moment ago may still request the one before

Run = Callable[
    [list[str | Path]], object
]  # runs a command in the clone's folder to its end; `CommandFailed` if it fails


@dataclass(frozen=True, slots=True)
class MemorySnapshot:
    """One complete snapshot: its key, and its uncompressed size and checksum."""

    key: str
    size: int
    sum: int


class Busy(Exception):
    """Another process is making the same thing."""


@dataclass(frozen=True, slots=True)
class Snapshots:
    """The snapshots of one clone."""

    place: Installation

    @property
    def folder(self) -> Path:
        """The folder that contains them."""
        return self.place.state / "snapshots"

    def key(self, sources: str) -> str | None:
        """Return the key for these sources of `/app.zip` and all else at present; None if there is no runtime."""
        if self.place.is_wheel:
            return str(self.place.read_packed()["snapshot"]["key"])
        record = read_record(self.place.vendor / "mooring.json")
        if record is None or not isinstance(files := record.get("files"), dict):
            return None
        runtime = sorted((name, size) for name, size in files.items() if name.startswith(RUNTIME))
        try:
            workflows = sorted(path.relative_to(self.place.root).as_posix() for path in self.place.root.glob(WORKFLOWS))
            made_from = self.place.digest([*SCRIPTS, *workflows])
            parts = [json.dumps([record.get("from"), runtime, sources]), made_from]
        except OSError:
            return None
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]

    def find(self, key: str) -> MemorySnapshot | None:
        """Return the snapshot of this key; None if there is none, or its files have changed."""
        record = read_record(self._record(key))
        if record is None or not isinstance(files := record.get("files"), dict) or set(files) != set(FORMS):
            return None
        if any(_size(self.file(key, coding)) != size for coding, size in files.items()):
            return None
        return MemorySnapshot(key, record["size"], record["sum"])

    def has_failed(self, key: str) -> bool:
        """Whether making it has failed before: there is no use in a second try."""
        return bool((read_record(self._record(key)) or {}).get("failed"))

    def file(self, key: str, coding: str) -> Path:
        """Return the path of a snapshot in this encoding."""
        return self.folder / f"{key}.{FORMS[coding]}"

    def is_ready(self) -> bool:
        """Whether the snapshot of the present sources exists, or cannot be made."""
        key = self.key(digest_sources(self.place.root))
        return key is None or self.has_failed(key) or self.find(key) is not None

    def make(self, archive: Archive, run: Run) -> MemorySnapshot | None:
        """Make the snapshot of an archive unless it exists; return None if there is no runtime to make it with.

        `SnapshotFailed` if Node fails, `Busy` if another process is doing it.
        """
        key = self.key(archive.sources)
        if key is None or self.place.is_wheel:
            return None if key is None else self.find(key)
        with exclusive(self.folder / "lock", refuse):
            return self.find(key) or self._make(key, archive, run)

    def unpack(self, snapshot: MemorySnapshot, folder: Path) -> None:
        """Store a snapshot that `folder` has in its compressed forms. `Busy` if another process is doing it."""
        with exclusive(self.folder / "lock", refuse):
            out = self._work_folder() / "made"
            for coding, ending in ENDINGS.items():
                shutil.copyfile(folder / self.file(snapshot.key, coding).name, out.with_suffix(f".{ending}"))
            out.with_suffix(f".{FORMS[PLAIN]}").write_bytes(gzip.decompress(out.with_suffix(".gz").read_bytes()))
            self._keep(snapshot, out)

    def _work_folder(self) -> Path:
        for left in self.folder.glob("making-*"):  # of a run that was killed; its Node may still be running
            shutil.rmtree(left, ignore_errors=True)
        return Path(tempfile.mkdtemp(prefix="making-", dir=self.folder))

    def _make(self, key: str, archive: Archive, run: Run) -> MemorySnapshot:
        work = self._work_folder()
        app, out = work / "app.zip", work / "made"
        app.write_bytes(archive.data)
        try:
            run([*node_command(self.place), MAKER, self.place.vendor / SITE, app, out])
            made = json.loads(out.with_suffix(".json").read_text("utf-8"))
            snapshot = MemorySnapshot(key, int(made["size"]), int(made["sum"]))
            plain = out.with_suffix(f".{FORMS[PLAIN]}").read_bytes()
            for coding, ending in ENDINGS.items():
                out.with_suffix(f".{ending}").write_bytes(compress(plain, coding, QUICK))
        except (CommandFailed, OSError, ValueError, KeyError, TypeError) as error:
            write_record(self._record(key), {"failed": True})
            raise SnapshotFailed from error
        self._keep(snapshot, out)
        return snapshot

    def _keep(self, snapshot: MemorySnapshot, out: Path) -> None:
        """Move the forms of a snapshot to their place, and delete the folder in which they were made."""
        for coding, ending in FORMS.items():
            system.replace(out.with_suffix(f".{ending}"), self.file(snapshot.key, coding))
        sizes = {coding: _size(self.file(snapshot.key, coding)) for coding in FORMS}
        write_record(self._record(snapshot.key), {"size": snapshot.size, "sum": snapshot.sum, "files": sizes})
        shutil.rmtree(out.parent, ignore_errors=True)
        self._forget_old()

    def _forget_old(self) -> None:
        records = sorted(self.folder.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
        for record in records[KEPT:]:
            for path in (record, *self.folder.glob(f"{record.stem}.*")):
                system.delete(path)

    def _record(self, key: str) -> Path:
        return self.folder / f"{key}.json"


def snapshot_step(place: Installation, run: Run) -> Step:
    """Return the step that makes it at set-up, which continues without it if that fails."""

    def work() -> str | None:
        try:
            Snapshots(place).make(make_archive(place.root), run)
        except SnapshotFailed:
            return f"left out: Node could not make it, so windows open slower ({LOG_HINT})"
        except Busy:
            return "left to the gateway that is making it"
        return None

    return Step("Memory snapshot", work)


def refuse() -> NoReturn:
    """Refuse to wait: for a caller that need not."""
    raise Busy


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
