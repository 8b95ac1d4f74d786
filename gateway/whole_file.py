"""Files that are written in one step, so that a reader finds the old content or the new one, never a part."""

from __future__ import annotations

import os
import secrets
from functools import partial
from io import FileIO
from pathlib import Path

from gateway.platforms import system

PRIVATE = 0o600  # readable by its owner only; on Windows, by those who may read its folder
PUBLIC = 0o644


def write_whole(path: Path, data: bytes, mode: int = PRIVATE, *, like_before: bool = False) -> None:
    """Replace a file, or create it; `like_before` keeps its permissions. After an `OSError` nothing has changed."""
    fresh = write_beside(path, data, mode)
    try:
        if like_before:
            system.take_after(path, fresh)
        system.replace(fresh, path)
    except OSError:
        fresh.unlink()
        raise


def write_beside(path: Path, data: bytes, mode: int = PRIVATE) -> Path:
    """Write a new file in the same folder, sync it, and return its path."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with open_as(fresh, "x", mode) as file:
            write_all(file, data)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
    return fresh


def open_as(path: Path, how: str, mode: int = PRIVATE) -> FileIO:
    """Open a file for bytes, without a buffer; one that is created has this mode."""
    return FileIO(path, how, opener=partial(os.open, mode=mode))


def write_all(file: FileIO, data: bytes) -> None:
    """Write in one call and sync, so that the data is on disk when this returns."""
    if file.write(data) != len(data):
        raise OSError(0, "the disk is full")
    os.fsync(file.fileno())
