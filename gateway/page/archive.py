"""`/app.zip`: the page's Python packages as one file, built at the start and whenever a source changes.

Equal sources give equal bytes: names are sorted, times and permissions fixed. Templates are in it as the Python that
they compile to.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

from gateway.page import templates

PACKAGES = ("app", "wire")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can express
_PLAIN_FILE = 0o100644 << 16
_UNIX = 3

_Signature = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class Archive:
    """The bytes of an archive, their name for `ETag`, and the digest of the sources, which does not depend on zlib."""

    data: bytes
    etag: str
    sources: str


class AppArchive:
    """The archive of the `PACKAGES` below `root`, current as of each call."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._signature: _Signature | None = None
        self._archive = Archive(b"", "", "")

    def current(self) -> Archive:
        """Return the archive of the present sources. Reads files: call it in a thread."""
        files = self._files()
        signature = tuple((str(path), stat.st_mtime_ns, stat.st_size) for path in files if (stat := path.stat()))
        if signature != self._signature:
            self._archive = self._build(files)
            self._signature = signature
        return self._archive

    def digest(self) -> str:
        """Return the digest of the present sources, without making the archive."""
        return _digest(self._read(self._files()))

    def _files(self) -> list[Path]:
        templates.update(self._root)
        sources = (path for package in PACKAGES for path in (self._root / package).rglob("*.py"))
        found = [path for path in sources if path.is_file() and not path.is_symlink()]
        return sorted(found, key=lambda path: path.as_posix())

    def _read(self, files: list[Path]) -> dict[str, bytes]:
        return {path.relative_to(self._root).as_posix(): path.read_bytes() for path in files}

    def _build(self, files: list[Path]) -> Archive:
        sources = self._read(files)
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, source in sources.items():
                entry = zipfile.ZipInfo(name, _EPOCH)
                entry.external_attr = _PLAIN_FILE
                entry.create_system = _UNIX
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, source)
        data = buffer.getvalue()
        return Archive(data, hashlib.sha256(data).hexdigest()[:32], _digest(sources))


def _digest(sources: dict[str, bytes]) -> str:
    """Return the same digest for the same names and bytes, whichever zlib is used."""
    whole = hashlib.sha256()
    for name, source in sources.items():
        whole.update(f"{name}\0{len(source)}\0".encode())
        whole.update(source)
    return whole.hexdigest()[:32]
