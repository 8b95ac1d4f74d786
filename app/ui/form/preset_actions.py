"""What the person does with presets: apply one, keep what stands in the form as one, rename, replace, delete.

They lie among the papers, for all windows, and are read when the dialog is opened.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from app.core.errors import MooringError
from app.core.ports.documents import DocumentStore, PaperKey
from app.ui.form.context import FormContext, opened_on
from app.ui.form.open_workflow import OpenWorkflow, changed_texts, shaped
from app.ui.form.presets import Ask, PresetsDialog, PresetsView, presets_view
from app.ui.form.state import FormState
from app.ui.kit.context import set_slices
from app.ui.kit.deletion_actions import Deletions
from app.ui.kit.deletions import Deletion, What
from app.ui.kit.screen import Facts, Screen
from app.workflows.forms.fields import Seed, SeedMode
from app.workflows.forms.presets import PRESET_KIND, Preset, preset_of
from app.workflows.forms.records import Undecoded, from_text, to_text

log = logging.getLogger("mooring.ui")


class PresetActions:
    """The hands in the dialog of presets. `mint` gives a name for a new one that no other has."""

    def __init__(
        self, papers: DocumentStore, desk: FormContext, screen: Screen, mint: Callable[[], str], deletions: Deletions
    ) -> None:
        self._papers = papers
        self._desk = desk
        self._screen = screen
        self._mint = mint
        self._deletions = deletions

    def act(self, name: str, facts: Facts) -> bool:
        """A click; False if it is none of these."""
        preset_id = str(facts.get("preset", ""))
        match name:
            case "open-presets":
                self._desk.set_ui(self._desk.ui.with_dialog(PresetsDialog()))
                self._desk.spawn(self._do({}))
            case "apply-preset":
                self._apply(preset_id)
            case "ask-preset":
                self._ask(Ask(str(facts["ask"])), preset_id)
            case "leave-preset":
                self._change(ask=None)
            case "save-preset" | "replace-preset" | "rename-preset" | "delete-preset":
                self._write(name)
            case _:
                return False
        return True

    def type(self, name: str, facts: Facts) -> bool:
        """Something typed; False if it is none of these."""
        match name:
            case "preset-name":
                self._change(name=str(facts.get("value", "")))
            case "preset-new-name":
                self._change(new_name=str(facts.get("value", "")))
            case _:
                return False
        return True

    # Looking

    @property
    def _opened(self) -> OpenWorkflow | None:
        return opened_on(self._desk)

    @property
    def _view(self) -> PresetsView | None:
        ui, opened = self._desk.ui, self._opened
        if opened is None or not isinstance(ui.dialog, PresetsDialog):
            return None
        form = ui.of(FormState)
        return presets_view(ui.dialog, form.known, opened, form.draft, ui.hidden)

    def _ask(self, ask: Ask, preset_id: str) -> None:
        view = self._view
        preset = next((item for item in view.mine if item.preset_id == preset_id), None) if view else None
        if preset is not None:
            self._change(ask=ask, asked_id=preset_id, new_name=preset.name, error=None)

    # Doing

    def _apply(self, preset_id: str) -> None:
        ui, view, opened = self._desk.ui, self._view, self._opened
        form = ui.of(FormState)
        if view is None or opened is None:
            return
        preset = next((item for item in (*view.authors, *view.mine) if item.preset_id == preset_id), None)
        if preset is None:
            return
        values, modes = preset.over(form.draft.values, form.draft.modes)
        fields = shaped(opened, values).form.by_key
        told = {(node_id, name) for node_id, name, _mode in preset.modes}
        for node_id, name, _text in preset.texts:  # who names a seed wants that one
            item = fields.get((node_id, name))
            if item is not None and isinstance(item.kind, Seed) and item.key not in told:
                modes[item.key] = SeedMode.FIXED
        filled = form.with_draft(form.draft.with_typed(values, modes))
        self._desk.set_ui(replace(ui.with_slices(filled), dialog=None))
        self._screen.update({"texts": changed_texts(opened, form.draft.values, values)})

    def _write(self, name: str) -> None:
        view = self._view
        if view is None:
            return
        dialog = view.dialog
        asked = next((item for item in view.mine if item.preset_id == dialog.asked_id), None)
        change: Preset | None = None
        match name:
            case "save-preset" if dialog.name.strip():
                asked = view.named(dialog.name)
                change = self._standing(asked.preset_id if asked else self._mint(), dialog.name)
            case "replace-preset" if asked is not None:
                change = self._standing(asked.preset_id, asked.name)
            case "rename-preset" if asked is not None and dialog.new_name.strip():
                if view.named(dialog.new_name) in (None, asked):
                    change = replace(asked, name=dialog.new_name.strip())
            case "delete-preset" if asked is not None:
                self._delete(asked)
        if change is not None:
            self._desk.spawn(self._do({(PRESET_KIND, change.preset_id): to_text(change)}))

    def _delete(self, preset: Preset) -> None:
        self._change(ask=None, error=None)
        deletion = Deletion(What.PRESET, preset.name, hides=frozenset({preset.preset_id}))
        self._deletions.put_off(deletion, lambda: self._do({(PRESET_KIND, preset.preset_id): None}, is_quiet=True))

    def _standing(self, preset_id: str, name: str) -> Preset | None:
        """What stands in the form now, as a preset."""
        draft, opened = self._desk.ui.of(FormState).draft, self._opened
        if opened is None:
            return None
        form = shaped(opened, draft.values).form
        key = opened.published.key
        return preset_of(form, draft.values, draft.modes, preset_id=preset_id, name=name, workflow_key=key)

    async def _do(self, changes: dict[PaperKey, str | None], *, is_quiet: bool = False) -> None:
        """Write these changes, if any, and reload the presets; a refusal is shown in the dialog.

        With `is_quiet`, the dialog keeps what the user is doing there.
        """
        try:
            if changes:
                await self._papers.write_papers(changes)
            texts = await self._papers.read_kind(PRESET_KIND)
        except MooringError as error:
            log.warning("presets: %r", error)
            self._fail(error)
            return
        form = self._desk.ui.of(FormState)
        presets = tuple(sorted(_read(texts.values()), key=lambda item: (item.name.casefold(), item.preset_id)))
        set_slices(self._desk, replace(form, known=replace(form.known, presets=presets)))
        if changes and not is_quiet:
            self._change(name="", ask=None, error=None)
            self._screen.update({"texts": [{"node": "", "name": "preset-name", "text": ""}]})

    def _fail(self, error: MooringError) -> None:
        if isinstance(self._desk.ui.dialog, PresetsDialog):
            self._change(error=error)
        else:
            self._desk.set_ui(self._desk.ui.with_error(error))

    def _change(self, **changes: Any) -> None:
        dialog = self._desk.ui.dialog
        if isinstance(dialog, PresetsDialog):
            self._show(replace(dialog, **changes))

    def _show(self, dialog: PresetsDialog | None) -> None:
        self._desk.set_ui(replace(self._desk.ui, dialog=dialog))


def _read(texts: Any) -> list[Preset]:
    """Those that can be read; another one is left where it is."""
    found = []
    for text in texts:
        preset = from_text(Preset, text)
        if isinstance(preset, Undecoded):
            log.warning("a preset cannot be read: %s", preset.detail)
        else:
            found.append(preset)
    return found
