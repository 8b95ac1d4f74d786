"""What a script prints, on its way out: line by line as long as it is little, and gathered when it is a flood.

A message to the page costs the page something, and so does each character: a loop that prints without end may not
freeze it. Both are counted: there may be many at once, and then so many per second. What does not fit is left out, with
a word about it.
"""

from __future__ import annotations

import io
from collections.abc import Callable

Tell = Callable[[str, str], None]  # a kind of message, and its text

MESSAGES, MESSAGES_PER_SECOND = 40.0, 10.0
CHARACTERS, CHARACTERS_PER_SECOND = 60_000.0, 40_000.0  # the drawer keeps no more anyway
LEFT_OUT = "\n… {count} characters left out …\n"


class Outlet:
    """The way out of both streams, in the order of writing. `clock` tells seconds."""

    def __init__(self, tell: Tell, clock: Callable[[], float]) -> None:
        self._tell, self._clock = tell, clock
        self._messages, self._characters = MESSAGES, CHARACTERS
        self._at = clock()
        self._kind = ""
        self._kept: list[str] = []
        self._lost = 0

    @property
    def is_holding(self) -> bool:
        """Whether something waits to be told."""
        return bool(self._kept or self._lost)

    def write(self, kind: str, text: str) -> None:
        """Something was printed."""
        if kind != self._kind:
            self.flush()  # streams are not mixed; that one more message is no flood: it costs too
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
        """Tell what waits, unless it is a flood."""
        self._refill()
        if self._messages >= 1:
            self.flush()

    def flush(self) -> None:
        """Tell what waits, whatever it costs."""
        if not self.is_holding:
            return
        text = "".join(self._kept) + (LEFT_OUT.format(count=self._lost) if self._lost else "")
        self._kept, self._lost = [], 0
        self._messages -= 1
        self._tell(self._kind, text)

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
        """It is for nothing else."""
        return True

    def write(self, text: str, /) -> int:
        """Hand it on."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if text:
            self._outlet.write(self._kind, text)
        return len(text)

    def flush(self) -> None:
        """A script wants it to be seen now."""
        self._outlet.offer()
