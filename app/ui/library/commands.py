"""The commands of the library: open it, open another workflow."""

from __future__ import annotations

from collections.abc import Iterator

from app.ui.form.picker import LibraryEntries
from app.ui.form.state import FormState
from app.ui.kit.commands import Command, Group, Manner
from app.ui.kit.i18n import Translator
from app.ui.kit.projection import PageView, Projection
from app.ui.kit.state import UiState


def library_commands(page: Projection | PageView, ui: UiState, _: Translator) -> Iterator[Command]:
    yield Command("library", _("Library"), Group.WORKFLOWS, "shelf", "open-library", terms="workflows browse")
    yield Command(
        "open-file", _("Open a workflow from a file …"), Group.WORKFLOWS, "folder", "open-file-input",
        manner=Manner.PRESS, terms="import json png",
    )  # fmt: skip
    yield Command(
        "export-library", _("Export the whole library"), Group.WORKFLOWS, "download", "export-library", terms="backup"
    )
    chosen = ui.of(FormState).workflow_id
    for entry in page.of(LibraryEntries).entries:
        if entry.workflow_id != chosen:
            shown = _.known(entry.title) or _("Pasted workflow")
            yield Command(
                f"workflow:{entry.workflow_id}", shown, Group.WORKFLOWS, "flow-own", "workflow",
                (("value", entry.workflow_id),), terms=f"workflow {entry.title}", is_own=shown == entry.title,
            )  # fmt: skip
