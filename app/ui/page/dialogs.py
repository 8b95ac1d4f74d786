"""The open dialog: a question, a result in full size, a graph, a mask, the camera, or the settings of storage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from markupsafe import Markup

from app.ui.commands.palette import PaletteView, ShortcutsView
from app.ui.commands.palette_html import palette, shortcuts
from app.ui.fleet.panel import FleetView
from app.ui.fleet.panel_html import fleet
from app.ui.form.camera_html import camera
from app.ui.form.mask import CameraView, MaskView
from app.ui.form.mask_html import masking
from app.ui.form.presets import PresetsView
from app.ui.form.presets_html import presets
from app.ui.graph.graph_html import graph
from app.ui.graph.graphs import GraphView
from app.ui.kit.i18n import Translator
from app.ui.library.library_html import library
from app.ui.library.state import LibraryView
from app.ui.links.share_html import share
from app.ui.links.sharing import ShareView
from app.ui.page.state import DialogView
from app.ui.results.album_html import ask_workflow, delete_question
from app.ui.results.compare_html import comparing
from app.ui.results.large_html import large
from app.ui.results.saving_html import saving
from app.ui.results.sheets import SheetView
from app.ui.results.sheets_html import sheet
from app.ui.results.state import CompareDialog, DeleteDialog, InputDialog, PictureDialog, SavingView
from app.ui.results.storage import KeepingView
from app.ui.results.storage_html import keeping
from app.ui.runs.downloads import DownloadDialog
from app.ui.runs.edit import EditView
from app.ui.runs.edit_html import cancel_mine, edit
from app.ui.runs.files import FilesView
from app.ui.runs.files_html import files_dialog
from app.ui.runs.many import ManyView
from app.ui.runs.many_html import many
from app.ui.runs.questions_html import (
    credits_question,
    download_question,
    give_up,
    give_up_record,
    run_again,
    same_server,
)
from app.ui.runs.state import CreditsDialog, GiveUpDialog, RunAgainDialog, SameServerDialog
from app.ui.runs.waiting import CancelView
from app.ui.scripting.actions import ScriptingDialog
from app.ui.scripting.panel_html import scripting
from app.ui.settings.account import LogOutView, SettingsView
from app.ui.settings.account_html import log_out
from app.ui.settings.settings_html import settings
from app.ui.windows.panel import WindowsView
from app.ui.windows.panel_html import windows

# What a dialog is made from, where it needs nothing else.
_OF_ITS_OWN: Mapping[type, Callable[[Any, Translator], Markup]] = {
    CreditsDialog: credits_question,
    DownloadDialog: download_question,
    KeepingView: keeping,
    LogOutView: log_out,
    LibraryView: library,
    MaskView: masking,
    CameraView: camera,
    PresetsView: presets,
    EditView: edit,
    ShareView: share,
    CancelView: cancel_mine,
    DeleteDialog: delete_question,
    InputDialog: ask_workflow,
    SavingView: saving,
    SheetView: sheet,
    FleetView: fleet,
    WindowsView: windows,
    SettingsView: settings,
    PaletteView: palette,
    ShortcutsView: shortcuts,
    ScriptingDialog: scripting,
}


def dialogs(view: DialogView, _: Translator) -> Markup:
    """Return the content of `#dialogs`: the open dialog, if any."""
    if (drawn := _OF_ITS_OWN.get(type(view.dialog))) is not None:
        return drawn(view.dialog, _)
    if isinstance(view.dialog, ManyView):
        return many(view.dialog, view.blocker, _)
    if isinstance(view.dialog, FilesView):
        return files_dialog(view.dialog, view.blocker, _)
    if isinstance(view.dialog, GraphView):
        return graph(view.dialog, view.tag, _)
    if isinstance(view.dialog, CompareDialog):
        return comparing(view.dialog, view.strip, _)
    if view.card is None:
        return give_up_record(view.record, _) if view.record is not None else Markup()
    match view.dialog:
        case GiveUpDialog():
            return give_up(view.card, _)
        case RunAgainDialog(is_elsewhere=is_elsewhere):
            return run_again(view.card, _, is_elsewhere=is_elsewhere)
        case SameServerDialog():
            return same_server(view.card, view.present_address, _)
        case PictureDialog(index=index, was_compared=was_compared) if index < len(view.card.results):
            return large(view.card, index, view.strip, _, was_compared=was_compared)
    return Markup()
