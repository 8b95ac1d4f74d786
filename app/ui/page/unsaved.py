"""Dialogs that were left with unsaved text, which is restored when they are opened again.

ui = left(ui)                           # the dialog is closed, by Escape or a click beside it
ui = reopened(ui, KeepingDialog())      # it is open as it was left, or this one
"""

from __future__ import annotations

from dataclasses import replace

from app.ui.form.presets import Ask, PresetsDialog
from app.ui.page.state import OpenDialog, UiState
from app.ui.results.storage import KeepingDialog
from app.ui.runs.edit import EditDialog


def left(ui: UiState) -> UiState:
    """Return the state with the dialog closed, and remembered if unsaved text would be lost."""
    dialog = ui.dialog
    if dialog is None:
        return ui
    place = _place(ui, dialog)
    unsaved = {key: value for key, value in ui.unsaved.items() if key != place}
    if _holds_something(dialog):
        unsaved[place] = dialog
    return replace(ui, dialog=None, unsaved=unsaved)


def reopened(ui: UiState, fresh: OpenDialog) -> UiState:
    """Return the state with the dialog open: as it was left if it has the same subject, otherwise fresh."""
    place = _place(ui, fresh)
    unsaved = {key: value for key, value in ui.unsaved.items() if key != place}
    return replace(ui, dialog=ui.unsaved.get(place, fresh), unsaved=unsaved)


def _place(ui: UiState, dialog: OpenDialog) -> tuple[type, str]:
    """Return the kind of a dialog and its subject."""
    match dialog:
        case EditDialog(prompt_id):
            return EditDialog, prompt_id
        case PresetsDialog():
            return PresetsDialog, ui.workflow_id
        case _:
            return type(dialog), ""


def _holds_something(dialog: OpenDialog) -> bool:
    match dialog:
        case KeepingDialog(cap, keep):
            return cap is not None or keep is not None
        case PresetsDialog(name, ask):
            return bool(name.strip()) or ask is Ask.RENAME
        case EditDialog(is_touched=is_touched):
            return is_touched
    return False
