"""The state of a window: slices by type, and dialogs that keep typed text when they are left by Escape."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.core.model import PromptId
from app.core.ports.blobs import Keep
from app.ui.form.presets import Ask, PresetsDialog
from app.ui.form.state import FormState
from app.ui.kit.state import Dialog, UiState
from app.ui.library.state import LibraryDialog
from app.ui.results.state import ResultsState
from app.ui.results.storage import KeepingDialog
from app.ui.runs.edit import EditDialog
from tests.kit.page.rig import PageRig

TYPED = EditDialog(PromptId("p-1")).with_text(("1", "text"), "dunes")
HELD = [
    (KeepingDialog(cap="3"), KeepingDialog()),
    (KeepingDialog(keep=Keep.THUMBNAILS), KeepingDialog()),
    (PresetsDialog(name="Night"), PresetsDialog()),
    (PresetsDialog(ask=Ask.RENAME, asked_id="a", new_name="Day"), PresetsDialog()),
    (TYPED, EditDialog(PromptId("p-1"))),
]


def test_slice_has_defaults_until_it_is_set() -> None:
    assert UiState().of(FormState) == FormState()
    ui = UiState().with_slices(FormState(query="seed"), ResultsState(project="harbour"))
    assert (ui.of(FormState).query, ui.of(ResultsState).project) == ("seed", "harbour")


def test_replaced_slice_leaves_the_others() -> None:
    ui = UiState(dialog=TYPED).with_slices(FormState(query="seed"), ResultsState(project="harbour"))
    changed = ui.with_slices(FormState(query="steps"))
    assert changed.of(FormState).query == "steps"
    assert (changed.dialog, changed.of(ResultsState)) == (TYPED, ResultsState(project="harbour"))
    assert ui.of(FormState).query == "seed"


@pytest.mark.parametrize(("dialog", "fresh"), HELD)
def test_left_dialog_is_restored_once(dialog: Dialog, fresh: Dialog) -> None:
    ui = UiState(dialog=dialog).without_dialog()
    assert ui.dialog is None
    ui = ui.with_dialog(fresh)
    assert ui.dialog == dialog
    assert replace(ui, dialog=None).with_dialog(fresh).dialog == fresh


@pytest.mark.parametrize("dialog", [KeepingDialog(), PresetsDialog(name=" "), LibraryDialog(query="night"), None])
def test_dialog_without_anything_typed_is_only_closed(dialog: Dialog | None) -> None:
    ui = UiState(dialog=dialog).without_dialog()
    assert (ui.dialog, ui.unsaved) == (None, {})


def test_change_of_another_run_is_not_shown() -> None:
    other = EditDialog(PromptId("p-2"))
    assert UiState(dialog=TYPED).without_dialog().with_dialog(other).dialog == other


def test_preset_of_another_workflow_is_not_shown() -> None:
    ui = _in_workflow(UiState(dialog=PresetsDialog(name="Night")), "a").without_dialog()
    ui = _in_workflow(ui, "b").with_dialog(PresetsDialog())
    assert ui.dialog == PresetsDialog()
    assert _in_workflow(ui.without_dialog(), "a").with_dialog(PresetsDialog()).dialog == PresetsDialog(name="Night")


async def test_escape_keeps_typed_text_and_close_button_drops_it() -> None:
    rig = PageRig()
    await rig.act("open-keeping")
    rig.actions.act("cap", {"value": "7"})
    await rig.act("leave-dialog")
    assert rig.ui.dialog is None
    await rig.act("open-keeping")
    assert rig.ui.dialog == KeepingDialog(cap="7")
    await rig.act("close-dialog")
    await rig.act("open-keeping")
    assert rig.ui.dialog == KeepingDialog()


def _in_workflow(ui: UiState, workflow_id: str) -> UiState:
    return ui.with_slices(FormState(workflow_id=workflow_id))
