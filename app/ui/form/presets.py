"""The dialog of presets: the author's, the user's own, and the question about one of these."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from app.core.errors import MooringError
from app.ui.form.open_workflow import OpenWorkflow, shaped
from app.ui.form.state import Draft, FormState, Loaded
from app.ui.kit.state import Dialog, UiState
from app.workflows.forms.presets import Preset, mode_of

LONGEST_NAME = 80


class Ask(Enum):
    """The question that the dialog asks about a preset."""

    REPLACE = "replace"
    RENAME = "rename"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class PresetsDialog(Dialog):
    """The open dialog: the name typed for a new preset, and the question about another."""

    name: str = ""
    ask: Ask | None = None
    asked_id: str = ""
    new_name: str = ""  # while renaming
    error: MooringError | None = None

    @property
    def has_unsaved_text(self) -> bool:
        """Whether a name was typed, or one is being changed."""
        return bool(self.name.strip()) or self.ask is Ask.RENAME

    def subject(self, ui: UiState, /) -> str:
        """Return the workflow whose presets these are."""
        return ui.of(FormState).workflow_id


@dataclass(frozen=True, slots=True)
class PresetsView:
    """The dialog with the presets of the chosen workflow; the form has the values of those in `standing`."""

    dialog: PresetsDialog
    title: str
    authors: tuple[Preset, ...] = ()
    mine: tuple[Preset, ...] = ()
    standing: frozenset[str] = frozenset()

    def named(self, name: str) -> Preset | None:
        """Return the user's preset of that name."""
        return next((item for item in self.mine if item.name == name.strip()), None)


def presets_view(
    dialog: PresetsDialog, known: Loaded, opened: OpenWorkflow, draft: Draft, hidden: frozenset[str] = frozenset()
) -> PresetsView:
    """Return the dialog for this workflow, without the `hidden` presets."""
    authors = opened.published.presets
    mine = tuple(
        item for item in known.presets if item.workflow_key == opened.published.key and item.preset_id not in hidden
    )
    standing = frozenset(item.preset_id for item in (*authors, *mine) if _stands(item, opened, draft))
    return PresetsView(dialog, opened.title, authors, mine, standing)


def _stands(preset: Preset, opened: OpenWorkflow, draft: Draft) -> bool:
    fields = shaped(opened, draft.values).form.by_key
    values = ((fields.get((node_id, name)), text) for node_id, name, text in preset.texts)
    modes = ((fields.get((node_id, name)), mode) for node_id, name, mode in preset.modes)
    return all(item is None or item.text_in(draft.values) == item.spelled(text) for item, text in values) and all(
        item is None or mode_of(item, draft.modes).value == mode for item, mode in modes
    )
