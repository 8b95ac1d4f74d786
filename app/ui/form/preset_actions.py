"""What the user does with presets: apply, save, rename, replace, delete.

Presets are documents, shared by all windows, and are read when the dialog opens.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from app.core.errors import MooringError
from app.core.ports.documents import DocumentKey, DocumentStore
from app.ui.form.changes import know
from app.ui.form.context import opened_on
from app.ui.form.open_workflow import OpenWorkflow, changed_texts, shaped
from app.ui.form.presets import Ask, PresetsDialog, PresetsView, presets_view
from app.ui.form.state import FormState
from app.ui.kit.actions import action
from app.ui.kit.context import PageContext
from app.ui.kit.deletion_actions import Deletions
from app.ui.kit.deletions import Deletion, What
from app.ui.kit.screen import Screen
from app.workflows.forms.kinds import Seed, SeedMode
from app.workflows.forms.presets import PRESET_KIND, Preset, preset_of
from app.workflows.forms.records import Undecoded, from_text, to_text

log = logging.getLogger("mooring.ui")


class PresetActions:
    """Actions in the dialog of presets. `mint` returns a new id."""

    def __init__(
        self,
        documents: DocumentStore,
        context: PageContext,
        screen: Screen,
        mint: Callable[[], str],
        deletions: Deletions,
    ) -> None:
        self._documents = documents
        self._context = context
        self._screen = screen
        self._mint = mint
        self._deletions = deletions

    @action("open-presets")
    def open_dialog(self) -> None:
        self._context.set_ui(self._context.ui.with_dialog(PresetsDialog()))
        self._context.spawn(self._do({}))

    @action("preset-name")
    def type_name(self, value: str) -> None:
        self._change(name=value)

    @action("preset-new-name")
    def type_new_name(self, value: str) -> None:
        self._change(new_name=value)

    @property
    def _opened(self) -> OpenWorkflow | None:
        return opened_on(self._context)

    @property
    def _view(self) -> PresetsView | None:
        ui, opened = self._context.ui, self._opened
        if opened is None or not isinstance(ui.dialog, PresetsDialog):
            return None
        form = ui.of(FormState)
        return presets_view(ui.dialog, form.known, opened, form.draft, ui.hidden)

    @property
    def _asked(self) -> Preset | None:
        """The preset that the dialog asks about."""
        view = self._view
        return next((item for item in view.mine if item.preset_id == view.dialog.asked_id), None) if view else None

    @action("ask-preset")
    def ask(self, ask: Ask, preset: str) -> None:
        """Ask before a preset is renamed, replaced or deleted."""
        view = self._view
        found = next((item for item in view.mine if item.preset_id == preset), None) if view else None
        if found is not None:
            self._change(ask=ask, asked_id=preset, new_name=found.name, error=None)

    @action("leave-preset")
    def leave(self) -> None:
        self._change(ask=None)

    @action("apply-preset")
    def apply(self, preset: str) -> None:
        ui, view, opened = self._context.ui, self._view, self._opened
        form = ui.of(FormState)
        if view is None or opened is None:
            return
        found = next((item for item in (*view.authors, *view.mine) if item.preset_id == preset), None)
        if found is None:
            return
        values, modes = found.over(form.draft.values, form.draft.modes)
        fields = shaped(opened, values).form.by_key
        known = {(node_id, name) for node_id, name, _mode in found.modes}
        for node_id, name, _text in found.texts:  # a preset's seed stays as it is
            item = fields.get((node_id, name))
            if item is not None and isinstance(item.kind, Seed) and item.key not in known:
                modes[item.key] = SeedMode.FIXED
        filled = form.with_draft(form.draft.with_typed(values, modes))
        self._context.set_ui(replace(ui.with_slices(filled), dialog=None))
        self._screen.update({"texts": changed_texts(opened, form.draft.values, values)})

    @action("save-preset")
    def save(self) -> None:
        """Save the form's values under the name that was typed."""
        view = self._view
        if view is not None and view.dialog.name.strip():
            known = view.named(view.dialog.name)
            self._write(self._standing(known.preset_id if known else self._mint(), view.dialog.name))

    @action("replace-preset")
    def replace_values(self) -> None:
        """Replace a preset's values by the form's."""
        if (asked := self._asked) is not None:
            self._write(self._standing(asked.preset_id, asked.name))

    @action("rename-preset")
    def rename(self) -> None:
        """Rename a preset, unless another one has that name."""
        view, asked = self._view, self._asked
        if view is None or asked is None:
            return
        new_name = view.dialog.new_name.strip()
        if new_name and view.named(new_name) in (None, asked):
            self._write(replace(asked, name=new_name))

    @action("delete-preset")
    def delete(self) -> None:
        if (asked := self._asked) is None:
            return
        self._change(ask=None, error=None)
        deletion = Deletion(What.PRESET, asked.name, hides=frozenset({asked.preset_id}))
        self._deletions.put_off(deletion, lambda: self._do({(PRESET_KIND, asked.preset_id): None}, is_quiet=True))

    def _write(self, preset: Preset | None) -> None:
        if preset is not None:
            self._context.spawn(self._do({(PRESET_KIND, preset.preset_id): to_text(preset)}))

    def _standing(self, preset_id: str, name: str) -> Preset | None:
        """Return the form's values as a preset."""
        draft, opened = self._context.ui.of(FormState).draft, self._opened
        if opened is None:
            return None
        form = shaped(opened, draft.values).form
        key = opened.published.key
        return preset_of(form, draft.values, draft.modes, preset_id=preset_id, name=name, workflow_key=key)

    async def _do(self, changes: dict[DocumentKey, str | None], *, is_quiet: bool = False) -> None:
        """Write these changes, if any, and reload the presets; a refusal is shown in the dialog.

        With `is_quiet`, the dialog keeps what the user is doing there.
        """
        try:
            if changes:
                await self._documents.write_documents(changes)
            texts = await self._documents.read_kind(PRESET_KIND)
        except MooringError as error:
            log.warning("presets: %r", error)
            self._fail(error)
            return
        presets = tuple(sorted(_read(texts.values()), key=lambda item: (item.name.casefold(), item.preset_id)))
        know(self._context, presets=presets)
        if changes and not is_quiet:
            self._change(name="", ask=None, error=None)
            self._screen.update({"texts": [{"node": "", "name": "preset-name", "text": ""}]})

    def _fail(self, error: MooringError) -> None:
        if isinstance(self._context.ui.dialog, PresetsDialog):
            self._change(error=error)
        else:
            self._context.set_ui(self._context.ui.with_error(error))

    def _change(self, **changes: Any) -> None:
        dialog = self._context.ui.dialog
        if isinstance(dialog, PresetsDialog):
            self._show(replace(dialog, **changes))

    def _show(self, dialog: PresetsDialog | None) -> None:
        self._context.set_ui(replace(self._context.ui, dialog=dialog))


def _read(texts: Any) -> list[Preset]:
    """Return the readable presets; an unreadable document is left as it is."""
    found = []
    for text in texts:
        preset = from_text(Preset, text)
        if isinstance(preset, Undecoded):
            log.warning("a preset cannot be read: %s", preset.detail)
        else:
            found.append(preset)
    return found
