"""What actions need of the page: its state, work in the background, and the language."""

from __future__ import annotations

import logging
from collections.abc import Coroutine
from typing import Any, Protocol

from app.core.errors import MooringError
from app.ui.kit.state import Slice, UiState

log = logging.getLogger("mooring.ui")


class PageContext(Protocol):
    """What every module of actions is given; the page itself, or a stand-in in tests."""

    @property
    def ui(self) -> UiState:
        """The person's own part."""

    def set_ui(self, ui: UiState) -> None:
        """Change the person's own part."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run in the background; an error is logged, never lost."""

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Like `spawn`, but run to the first wait immediately."""

    def hold_drawing(self) -> None:
        """Draw nothing until the request of this click has left, for a moment at most."""

    def word(self, text: str) -> str:
        """What the page shows for a label."""

    async def speak(self, language: str) -> None:
        """Change the language of the whole page."""


def attempt(context: PageContext, work: Coroutine[Any, Any, None]) -> None:
    """Do in the background what may be refused; a refusal is shown."""
    context.spawn(show_refusal(context, work))


async def show_refusal(context: PageContext, work: Coroutine[Any, Any, None]) -> None:
    """Do this; show the error if it is refused."""
    try:
        await work
    except MooringError as error:
        log.warning("refused: %r", error)
        context.set_ui(context.ui.with_error(error))


def set_slices(context: PageContext, *slices: Slice) -> None:
    """Replace these slices of the state, each by its type."""
    context.set_ui(context.ui.with_slices(*slices))
