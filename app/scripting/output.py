"""The output of a script: sent line by line as long as there is little, and collected when there is much.

Each message and each character costs the page time: a loop that prints without end must not freeze it. Both are
limited, in a burst and per second. What exceeds the limits is left out, with a notice.
"""

from __future__ import annotations

import io
from collections.abc import Callable

Send = Callable[[str, str], None]  # a kind of message, and its text

MESSAGES, MESSAGES_PER_SECOND = 40.0, 10.0
CHARACTERS, CHARACTERS_PER_SECOND = 60_000.0, 40_000.0  # the console shows no more
LEFT_OUT = "\n… {count} characters left out …\n"


class Outlet:
    """Sends the output of both streams, in order. `clock` returns seconds."""

    def __init__(self, send: Send, clock: Callable[[], float]) -> None:
        self._send, self._clock = send, clock
        self._messages, self._characters = MESSAGES, CHARACTERS
        self._at = clock()
        self._kind = ""
        self._kept: list[str] = []
        self._lost = 0

    @property
    def is_holding(self) -> bool:
        """Whether output waits to be sent."""
        return bool(self._kept or self._lost)

    def write(self, kind: str, text: str) -> None:
        """Add output of a stream."""
        if kind != self._kind:
            self.flush()  # the streams are not mixed, and the extra message counts too
            self._kind = kind
        self._refill()
        room = int(self._characters)
        if kept := text[:room]:
            self._kept.append(kept)
            self._characters -= len(kept)
        self._lost += len(text) - len(kept)
        if text.endswith("\n"):
            self.offer()

    def offer(self) -> None:
        """Send what waits, unless it exceeds the limits."""
        self._refill()
        if self._messages >= 1:
            self.flush()

    def flush(self) -> None:
        """Send what waits, even beyond the limits."""
        if not self.is_holding:
            return
        text = "".join(self._kept) + (LEFT_OUT.format(count=self._lost) if self._lost else "")
        self._kept, self._lost = [], 0
        self._messages -= 1
        self._send(self._kind, text)

    def _refill(self) -> None:
        now = self._clock()
        passed, self._at = now - self._at, now
        self._messages = min(MESSAGES, self._messages + passed * MESSAGES_PER_SECOND)
        self._characters = min(CHARACTERS, self._characters + passed * CHARACTERS_PER_SECOND)


class Stream(io.TextIOBase):
    """`sys.stdout` or `sys.stderr` of a script."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, outlet: Outlet, kind: str) -> None:
        self._outlet, self._kind = outlet, kind

    def writable(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        """Pass the text on to the outlet."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if text:
            self._outlet.write(self._kind, text)
        return len(text)

    def flush(self) -> None:
        """Send the output now."""
        self._outlet.offer()
