"""Actions that close the open dialog, dismiss messages, and reload the page."""

from __future__ import annotations

from dataclasses import replace

from app.ui.kit.actions import action
from app.ui.kit.context import PageContext, set_slices
from app.ui.kit.screen import Screen
from app.ui.notices.state import NoticesState


class MessageActions:
    """Actions on dialogs and messages, whatever they are about."""

    def __init__(self, context: PageContext, screen: Screen) -> None:
        self._context = context
        self._screen = screen

    @action("close-dialog")
    def close_dialog(self) -> None:
        self._close(is_left=False)

    @action("leave-dialog")
    def leave_dialog(self) -> None:
        """Close the dialog by Escape or a click beside it, and keep what was typed into it."""
        self._close(is_left=True)

    def _close(self, *, is_left: bool) -> None:
        ui = self._context.ui
        if ui.dialog is not None:
            self._context.set_ui(ui.dialog.close(ui.without_dialog() if is_left else ui))

    @action("dismiss-errors")
    def dismiss_errors(self) -> None:
        self._context.set_ui(replace(self._context.ui, errors=()))

    @action("dismiss-notice")
    def dismiss_notice(self, key: str, number: str) -> None:
        """Dismiss an error by its number, or a notice by its key."""
        ui = self._context.ui
        if key == "error":
            self._context.set_ui(replace(ui, errors=tuple(item for item in ui.errors if str(item[0]) != number)))
        else:
            notices = ui.of(NoticesState)
            set_slices(self._context, replace(notices, dismissed=notices.dismissed | {key}))

    @action("reload")
    def reload(self) -> None:
        self._screen.reload()
