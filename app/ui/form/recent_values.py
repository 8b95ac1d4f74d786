"""Recent values: noted at each run from what the user typed, offered at fields, deleted on request.

They are one document, shared by all windows. If it cannot be read or written, that is logged and the run continues.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from app.core.errors import MooringError
from app.core.ports.documents import DocumentStore
from app.ui.form.changes import know
from app.ui.form.context import opened_on
from app.ui.form.open_workflow import OpenWorkflow, changed_texts
from app.ui.form.state import Draft, FormState
from app.ui.kit.actions import action
from app.ui.kit.context import PageContext, set_slices
from app.ui.kit.deletion_actions import Deletions
from app.ui.kit.deletions import Deletion, What
from app.ui.kit.screen import Screen
from app.workflows.forms.kinds import Seed, SeedMode
from app.workflows.forms.presets import RECENT_KIND, Recent, mode_of, noted
from app.workflows.forms.records import Undecoded, from_text, to_text
from app.workflows.graph import Key

log = logging.getLogger("mooring.ui")

NAME = "values"  # of the one document of its kind


class Recents:
    """Keeps recent values, with the actions on them."""

    def __init__(self, documents: DocumentStore, context: PageContext, screen: Screen, deletions: Deletions) -> None:
        self._documents = documents
        self._context = context
        self._screen = screen
        self._deletions = deletions
        self._writing = asyncio.Lock()  # of two runs, the second adds to what the first has noted

    @action("forget-recent")
    def forget(self) -> None:
        """Delete all of them."""
        deletion = Deletion(What.RECENT, hides=frozenset({RECENT_KIND}))
        self._deletions.put_off(deletion, self._forget, undo=lambda: self._context.spawn(self.load()))
        self._show(Recent())

    async def load(self) -> None:
        """Read the document."""
        found = await self._read()
        self._show(found or Recent())

    def note(self, chosen: OpenWorkflow, draft: Draft) -> None:
        """Note the form's values of a run."""
        self._context.spawn(self._note(chosen, draft))

    async def _note(self, chosen: OpenWorkflow, draft: Draft) -> None:
        async with self._writing:
            before = await self._read()
            if before is None:
                return
            after = noted(before, chosen.form, _typed(chosen, draft))
            if after != before:
                await self._write(to_text(after))
            self._show(after)

    async def _forget(self) -> None:
        async with self._writing:
            await self._documents.write_documents({(RECENT_KIND, NAME): None})

    @action("use-recent")
    def use(self, node: str, name: str, text: str) -> None:
        """Put a recent value into its field."""
        key, form = (node, name), self._context.ui.of(FormState)
        opened = opened_on(self._context)
        if opened is None:
            return
        item = opened.form.by_key.get(key)
        is_seed = item is not None and isinstance(item.kind, Seed)
        modes = {**form.draft.modes, key: SeedMode.FIXED} if is_seed else form.draft.modes
        draft = form.draft.with_typed({**form.draft.values, key: text}, modes)
        set_slices(self._context, form.with_draft(draft))
        self._screen.update({"texts": changed_texts(opened, form.draft.values, draft.values)})

    def _show(self, recent: Recent) -> None:
        ui = self._context.ui
        values = {(item.class_type, item.input_name): item.texts for item in recent.inputs}
        if RECENT_KIND in ui.hidden:
            values = {}
        know(self._context, recent=values)

    async def _read(self) -> Recent | None:
        """Return the stored values; None if the document must not be replaced, or the store cannot be read."""
        try:
            text = await self._documents.read_document(RECENT_KIND, NAME)
            found = from_text(Recent, text) if text else Recent()
        except MooringError as error:
            log.warning("recent values: %r", error)
            return None
        if isinstance(found, Undecoded):
            log.warning("recent values cannot be read: %s", found.detail)
            return None if found.is_newer else Recent()
        return found

    async def _write(self, text: str) -> None:
        try:
            await self._documents.write_documents({(RECENT_KIND, NAME): text})
        except MooringError as error:
            log.warning("recent values are not kept: %r", error)


def _typed(chosen: OpenWorkflow, draft: Draft) -> Mapping[Key, str]:
    """Return the typed values, without seeds that are drawn or counted."""
    drawn = {
        item.key
        for item in chosen.form.by_key.values()
        if isinstance(item.kind, Seed) and mode_of(item, draft.modes) is not SeedMode.FIXED
    }
    return {key: text for key, text in draft.values.items() if key not in drawn}
