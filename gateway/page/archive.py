"""`/app.zip`: the page's Python packages as one file.

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


@dataclass(frozen=True, slots=True)
class Archive:
    """The bytes of an archive, their name for `ETag`, and the digest of the sources, which does not depend on zlib."""

    data: bytes
    etag: str
    sources: str


def make_archive(root: Path) -> Archive:
    """Return the archive of the present sources. Reads files: call it in a thread."""
    sources = _read(root)
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


def digest_sources(root: Path) -> str:
    """Return the digest of the present sources, without making the archive."""
    return _digest(_read(root))


def _read(root: Path) -> dict[str, bytes]:
    """Return the sources of the `PACKAGES` below `root`, by their names in the archive."""
    templates.update(root)
    sources = (path for package in PACKAGES for path in (root / package).rglob("*.py"))
    found = [path for path in sources if path.is_file() and not path.is_symlink()]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(found, key=Path.as_posix)}


def _digest(sources: dict[str, bytes]) -> str:
    """Return the same digest for the same names and bytes, whichever zlib is used."""
    whole = hashlib.sha256()
    for name, source in sources.items():
        whole.update(f"{name}\0{len(source)}\0".encode())
        whole.update(source)
    return whole.hexdigest()[:32]
