"""What a browser has said before its server was there: in order, bounded.

The browser's socket is open before the server's is, and ComfyUI takes the feature flags only as the very first message
of a connection: so nothing may be lost or overtaken. Pure.
"""

from __future__ import annotations

from collections import deque

MOST_MESSAGES = 64  # our page sends one
MOST_BYTES = 256 * 1024


class EarlyMessages:
    """A queue of texts. `put` says False once more was said than is kept."""

    def __init__(self) -> None:
        self._texts: deque[bytes] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._texts)

    def put(self, text: bytes) -> bool:
        """Keep a text; False if that is too much."""
        if len(self._texts) == MOST_MESSAGES or self._bytes + len(text) > MOST_BYTES:
            return False
        self._texts.append(text)
        self._bytes += len(text)
        return True

    def pop(self) -> bytes:
        """The oldest text."""
        text = self._texts.popleft()
        self._bytes -= len(text)
        return text
