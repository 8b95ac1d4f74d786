"""What an HTTP client does with a compressed body."""

from __future__ import annotations

import gzip
import sys

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


def decompressed(data: bytes, coding: str) -> bytes:
    """Return the bytes that were encoded with gzip or zstd."""
    return {"gzip": gzip.decompress, "zstd": zstd.decompress}[coding](data)
