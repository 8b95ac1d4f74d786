"""What actions use of the page: its state, background work, and the language."""

from __future__ import annotations

import logging
from collections.abc import Coroutine
from typing import Any, Protocol

from app.core.errors import MooringError
from app.ui.kit.state import Slice, UiState

log = logging.getLogger("mooring.ui")


class PageContext(Protocol):
    """The context of all actions: the page, or a stand-in in tests."""

    @property
    def ui(self) -> UiState:
        """The page's state that does not come from the session."""

    def set_ui(self, ui: UiState) -> None: ...

    def set_quietly(self, ui: UiState) -> None:
        """Like `set_ui`, but drawn with what is drawn next, or after 150 ms without another.

        A text that is typed is in its field already, and a workflow that is chosen may have no form yet.
        """

    def redraw(self) -> None:
        """Draw within a few frames what has changed without the user."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run in the background; an error is logged."""

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Like `spawn`, but run to the first wait immediately."""

    def hold_drawing(self) -> None:
        """Draw nothing until this click's request has been sent, or 100 ms have passed."""

    def word(self, text: str) -> str:
        """Return the text that the page shows for a label."""

    async def speak(self, language: str) -> None:
        """Change the language of the whole page."""


def attempt(context: PageContext, work: Coroutine[Any, Any, None]) -> None:
    """Run work in the background that may be refused; a refusal is shown."""
    context.spawn(show_refusal(context, work))


async def show_refusal(context: PageContext, work: Coroutine[Any, Any, None]) -> None:
    """Await the work, and show its error if it is refused."""
    try:
        await work
    except MooringError as error:
        log.warning("refused: %r", error)
        context.set_ui(context.ui.with_error(error))


def set_slices(context: PageContext, *slices: Slice) -> None:
    """Replace these slices of the state, each by its type."""
    context.set_ui(context.ui.with_slices(*slices))
