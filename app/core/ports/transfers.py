"""The port for the places of bulk transfers: uploads and results.

A browser opens six connections to an address, which all of its windows share. Few of them may carry bulk transfers, so
that a prompt, a poll or a Stop never waits for one to end.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol

MOST_TRANSFERS = 3  # at a time, of all windows together; of one window where windows cannot count together, one


class Transfers(Protocol):
    """The places of this browser. A window that closes gives its places back."""

    def place(self, path: str) -> AbstractAsyncContextManager[None]:
        """Hold a place for one transfer at that path; the windows that wait for one get it in their order."""
