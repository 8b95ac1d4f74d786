"""The port for what a tab remembers of presses of Run, until the store has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from app.core.presses import Press


class PressMemory(Protocol):
    """The presses of this tab that a reload may meet. Nothing is awaited: a click writes them in its own turn."""

    @property
    def outlives_line(self) -> bool:
        """Whether the line ends with the page, so that a press is remembered until it is sent (a private window)."""

    def read(self) -> Sequence[Press]:
        """Return those that were written last, also by a page before a reload, or in the tab that this is a copy of."""

    def write(self, presses: Sequence[Press]) -> bool:
        """Replace them; False if there is no room or no storage."""
