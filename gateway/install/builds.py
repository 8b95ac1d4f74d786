"""The builds of the page in `.mooring/builds/`: the files that windows load, under names made from their content.

    KEY.json                  a build: the digest of each of its paths
    files/HASH                a content, stored once for all builds that have it
    files/HASH-gz, HASH-zst   the same, compressed; with a file extension aiohttp would choose by itself

A window requests the files of the build that it has loaded, so browsers cache them for ever, and a window that was open
before an upgrade still gets what it loads later. The last few builds are kept for that, also over restarts.

The best compression takes some seconds, so nothing waits for it: the gateway compresses while it serves, with gzip
first. Each file is put in its place whole, so after an interruption the next run continues with the missing ones.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gateway.install.compression import ENDINGS, Interrupted, compress
from gateway.install.exclusion import exclusive
from gateway.install.joined import page_tree
from gateway.install.place import Installation, read_record, write_record
from gateway.install.steps import Step
from gateway.page.tree import LENGTH, Build, digest
from gateway.platforms import system

KEPT = 4  # the one that is served, and three for windows that loaded earlier ones
# Archives and pictures are compressed already.
PACKED = (".css", ".js", ".json", ".mjs", ".mo", ".py", ".svg", ".wasm")


@dataclass(frozen=True, slots=True)
class Builds:
    """The builds of one clone."""

    place: Installation

    @property
    def folder(self) -> Path:
        """The folder that contains them."""
        return self.place.state / "builds"

    def read(self, key: str) -> Build | None:
        """Return a stored build; None if none has this key."""
        files = (read_record(self._record(key)) or {}).get("files")
        return Build(key, files) if isinstance(files, dict) else None

    def file(self, content: str) -> Path:
        """Return the path of a content."""
        return self.folder / "files" / content

    def keep(self, build: Build, contents: Mapping[str, Path | bytes]) -> None:
        """Store a build as the latest, with its contents, and delete old ones. OSError if that is impossible."""
        if self._is_latest(build) and all(self.file(content).exists() for content in contents):
            return  # as in a read-only image
        with exclusive(self.folder / "lock", _wait):
            self.file("").mkdir(exist_ok=True)
            there = {path.name for path in self.file("").iterdir()}
            for content in contents.keys() - there:
                source = contents[content]
                data = source if isinstance(source, bytes) else source.read_bytes()
                if digest(data) != content:
                    raise OSError(f"{source!s} was written to in this moment")
                _write(self.file(content), data)
            write_record(self._record(build.key), {"files": dict(build.files)})
            self._forget_old()

    def unpacked(self, build: Build, coding: str) -> list[Path]:
        """Return the contents that should exist in this encoding, and do not."""
        wanted = {self.file(content) for path, content in build.files.items() if path.endswith(PACKED)}
        return sorted(path for path in wanted if not packed(path, coding).exists())

    def pack(self, build: Build, is_over: Callable[[], bool] = lambda: False) -> None:
        """Compress what is not compressed yet, until `is_over` says so."""
        with suppress(Interrupted):
            for coding in reversed(ENDINGS):
                for path in self.unpacked(build, coding):
                    if is_over():
                        return
                    _write(packed(path, coding), compress(path.read_bytes(), coding, is_over=is_over))

    def has_any(self) -> bool:
        """Whether set-up has stored any build."""
        return any(self.folder.glob("*.json"))

    def is_ready(self) -> bool:
        """Whether the build of the present files is stored and compressed."""
        build = page_tree(self.place).current().build
        return self.read(build.key) is not None and not any(self.unpacked(build, coding) for coding in ENDINGS)

    def _is_latest(self, build: Build) -> bool:
        records = self._records()
        return bool(records) and records[0].stem == build.key and self.read(build.key) == build

    def _records(self) -> list[Path]:
        """Return the records, the latest first."""
        return sorted(self.folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns, reverse=True)

    def _forget_old(self) -> None:
        records = self._records()
        for record in records[KEPT:]:
            system.delete(record)
        kept = {content for record in records[:KEPT] for content in self._contents(record.stem)}
        for path in self.file("").iterdir():
            if path.name[:LENGTH] not in kept:
                system.delete(path)  # a running compressor may have written it

    def _contents(self, key: str) -> list[str]:
        build = self.read(key)
        return [] if build is None else list(build.files.values())

    def _record(self, key: str) -> Path:
        return self.folder / f"{key}.json"


def packed(path: Path, coding: str) -> Path:
    """Return the path of a content in this encoding."""
    return path.with_name(f"{path.name}-{ENDINGS[coding]}")


def builds_step(place: Installation, *, packs: bool) -> Step:
    """Return the step that stores the page's files, and compresses them if it `packs`; else the gateway does."""

    def work() -> str | None:
        builds, tree = Builds(place), page_tree(place).current()
        builds.keep(tree.build, tree.contents)
        if not packs:
            return "kept; Mooring packs them while it runs"
        builds.pack(tree.build)
        return None

    return Step("Packed page files" if packs else "Page files", work)


def _write(path: Path, data: bytes) -> None:
    """Write a file atomically."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    fresh.write_bytes(data)
    system.replace(fresh, path)


def _wait() -> None:
    """Wait for a lock that others hold only briefly."""
