"""The messages of a browser that arrive before its server is connected: in order, bounded.

The browser's socket opens before the server's, and ComfyUI accepts the feature flags only as the very first message
of a connection: so no message may be lost or reordered. Pure.
"""

from __future__ import annotations

from collections import deque

MOST_MESSAGES = 64  # our page sends one
MOST_BYTES = 256 * 1024


class EarlyMessages:
    """A queue of texts. `put` returns False when it is full."""

    def __init__(self) -> None:
        self._texts: deque[bytes] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._texts)

    def put(self, text: bytes) -> bool:
        """Add a text; return False if that is too much."""
        if len(self._texts) == MOST_MESSAGES or self._bytes + len(text) > MOST_BYTES:
            return False
        self._texts.append(text)
        self._bytes += len(text)
        return True

    def pop(self) -> bytes:
        """Remove and return the oldest text."""
        text = self._texts.popleft()
        self._bytes -= len(text)
        return text
