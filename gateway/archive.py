"""`/app.zip`: the page's Python package as one file, built when it starts and again whenever a source changes.

The same sources give the same bytes: names are sorted, times and permissions fixed.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can say
_PLAIN_FILE = 0o100644 << 16
_UNIX = 3

_Signature = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class Archive:
    """The bytes of an archive and their name for `ETag`."""

    data: bytes
    etag: str


class AppArchive:
    """The archive of the package in `root / "app"`, current as of each call."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._signature: _Signature | None = None
        self._archive = Archive(b"", "")

    def current(self) -> Archive:
        """The archive of the sources as they are now. Reads files: call it in a thread."""
        files = sorted(self._sources(), key=lambda path: path.as_posix())
        signature = tuple((str(path), stat.st_mtime_ns, stat.st_size) for path in files if (stat := path.stat()))
        if signature != self._signature:
            self._archive = self._build(files)
            self._signature = signature
        return self._archive

    def _sources(self) -> list[Path]:
        package = self._root / "app"
        return [path for path in package.rglob("*.py") if path.is_file() and not path.is_symlink()]

    def _build(self, files: list[Path]) -> Archive:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in files:
                entry = zipfile.ZipInfo(path.relative_to(self._root).as_posix(), _EPOCH)
                entry.external_attr = _PLAIN_FILE
                entry.create_system = _UNIX
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes())
        data = buffer.getvalue()
        return Archive(data, hashlib.sha256(data).hexdigest()[:32])
