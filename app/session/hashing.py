"""The hash under which an input is kept, read a part at a time so that a large file does not block the page."""

from __future__ import annotations

import hashlib

from app.core.ports.blobs import Blob, Sliceable

PART = 1024 * 1024  # bytes that are in memory at a time


async def sha256_of(blob: Blob) -> str:
    """The SHA-256 of a file's content. BadInput if it cannot be read any more."""
    if not isinstance(blob, Sliceable):
        return hashlib.sha256(await blob.read()).hexdigest()
    found = hashlib.sha256()
    for start in range(0, blob.size, PART):
        found.update(await blob.slice(start, min(start + PART, blob.size)).read())
    return found.hexdigest()
