"""The compressed forms of the page's files: Zstandard, and gzip for browsers that do not take it.

Browsers unpack Zstandard in a third of the time that brotli takes (docs/decisions/0142-zstandard.md). They offer
neither on plain http under a host name.
"""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable

ENDINGS = {"zstd": "zst", "gzip": "gz"}  # file extensions by HTTP's name of the encoding; the smallest first
BEST = 19  # of Zstandard: 3 s for Python's WebAssembly
QUICK = 12  # 1 s for a memory snapshot, where the best takes 14 s and saves 9 %
_WINDOW_LOG = 23  # 8 MB, the largest that browsers accept (RFC 9659)
_PART = 1 << 20  # bytes between two questions whether to stop
_GZIP_LEVEL = 9


class Interrupted(Exception):
    """The caller wants no result any more."""


def compress(data: bytes, coding: str, level: int = BEST, is_over: Callable[[], bool] = lambda: False) -> bytes:
    """Return the bytes in an encoding; `Interrupted` as soon as `is_over` says so."""
    if coding == "gzip":
        return gzip.compress(data, _GZIP_LEVEL, mtime=0)
    if sys.version_info >= (3, 14):  # imported here: set-up runs before there are packages
        from compression import zstd
    else:
        from backports import zstd
    names = zstd.CompressionParameter
    options: dict[int, int] = {names.compression_level: level, names.window_log: _WINDOW_LOG}
    compressor = zstd.ZstdCompressor(options=options)
    parts = []
    for start in range(0, len(data), _PART):
        if is_over():
            raise Interrupted
        parts.append(compressor.compress(data[start : start + _PART]))
    return b"".join([*parts, compressor.flush()])
