"""What the user does to the form itself: pin, hide and rename inputs, undo and redo.

Layouts are in the browser's storage, one for each shape of a workflow, and shared by all windows.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace

from app.ui.form.context import opened_on, set_workflows, workflows_on
from app.ui.form.open_workflow import OpenWorkflow, arranged_as, changed_texts
from app.ui.form.state import Draft, FormState
from app.ui.kit.actions import action
from app.ui.kit.context import PageContext, set_slices
from app.ui.kit.deletion_actions import Deletions
from app.ui.kit.deletions import Deletion, What
from app.ui.kit.screen import Screen
from app.workflows.forms.arrangement import Layout
from app.workflows.forms.records import Undecoded, from_text, to_text
from app.workflows.graph import Key

log = logging.getLogger("mooring.ui")

STORE_KEY = "mooring.layout"


def recall_layout(screen: Screen, opened: OpenWorkflow) -> OpenWorkflow:
    """Return the workflow in the user's own layout, if one is stored and can be read."""
    found = kept_layout(screen, opened.published.key)
    return opened if found is None else arranged_as(opened, found)


def kept_layout(screen: Screen, key: str) -> Layout | None:
    """Return the user's layout for workflows of that shape, if one is stored and can be read."""
    text = screen.kept(f"{STORE_KEY}.{key}")
    if not text:
        return None
    found = from_text(Layout, text)
    if isinstance(found, Undecoded):
        log.warning("a layout cannot be read: %s", found.detail)
        return None
    return found


def keep_layouts(screen: Screen, layouts: Mapping[str, str]) -> None:
    """Store imported layouts by their workflow's shape; existing ones are not replaced."""
    for key, text in layouts.items():
        if not screen.kept(f"{STORE_KEY}.{key}"):
            screen.keep(f"{STORE_KEY}.{key}", text)


class ArrangeActions:
    """Actions on the form's layout, and on its history."""

    def __init__(self, context: PageContext, screen: Screen, deletions: Deletions) -> None:
        self._context = context
        self._screen = screen
        self._deletions = deletions

    @action("arrange")
    def arrange(self) -> None:
        """Begin or end arranging the form."""
        form = self._context.ui.of(FormState)
        set_slices(self._context, replace(form, is_arranging=not form.is_arranging))

    @action("pin")
    def pin(self, node: str, name: str) -> None:
        """Show an input at the top."""
        self._arrange(lambda layout, shown: layout.pin((node, name), shown))

    @action("unpin")
    def unpin(self, node: str, name: str) -> None:
        """Move an input from the top back to its node."""
        self._arrange(lambda layout, shown: layout.unpin((node, name), shown))

    @action("pin-up")
    def move_up(self, node: str, name: str) -> None:
        """Move an input up by one place."""
        self._move((node, name), -1)

    @action("pin-down")
    def move_down(self, node: str, name: str) -> None:
        """Move an input down by one place."""
        self._move((node, name), 1)

    @action("hide")
    def hide(self, node: str, name: str) -> None:
        self._arrange(lambda layout, _shown: layout.hide((node, name)))

    @action("show")
    def show(self, node: str, name: str) -> None:
        """Show a hidden input."""
        self._arrange(lambda layout, _shown: layout.show((node, name)))

    @action("rename")
    def rename(self, node: str, name: str, value: str) -> None:
        self._arrange(lambda layout, _shown: layout.rename((node, name), value))

    @action("undo")
    def undo(self) -> None:
        self._restore(self._context.ui.of(FormState).draft.undo())

    @action("redo")
    def redo(self) -> None:
        self._restore(self._context.ui.of(FormState).draft.redo())

    def _restore(self, draft: Draft) -> None:
        form = self._context.ui.of(FormState)
        set_slices(self._context, form.with_draft(draft))
        opened = opened_on(self._context)
        if opened is not None:
            self._screen.update({"texts": changed_texts(opened, form.draft.values, draft.values)})

    def _move(self, key: Key, by: int) -> None:
        self._arrange(lambda layout, shown: layout.pin(key, shown, _place(key, shown) + by))

    def _arrange(self, change: Callable[[Layout, list[Key]], Layout | None]) -> None:
        """Set the chosen workflow's layout; None restores its author's."""
        opened = opened_on(self._context)
        if opened is None:
            return
        self._keep(opened, change(opened.layout, [item.key for item in opened.arranged.first]))

    @action("arrange-reset")
    def reset(self) -> None:
        """Restore the author's layout; *Undo* brings the user's own back."""
        opened = opened_on(self._context)
        if opened is None:
            return
        before = kept_layout(self._screen, opened.published.key)
        self._keep(opened, None)
        if before is not None:
            self._deletions.put_off(Deletion(What.LAYOUT), undo=lambda: self._keep(opened, before))

    @action("undo-last")
    def undo_last(self) -> None:
        """Undo the last deletion or, if nothing covers the form, its last step: Ctrl+Z outside of a text field."""
        ui = self._context.ui
        if not self._deletions.undo_last() and ui.dialog is None and ui.of(FormState).draft.history.can_undo:
            self.undo()

    def _keep(self, opened: OpenWorkflow, layout: Layout | None) -> None:
        self._screen.keep(_key_of(opened), to_text(layout) if layout else "")
        key, offered = opened.published.key, workflows_on(self._context)
        set_workflows(
            self._context,
            tuple(
                arranged_as(item, layout or item.published.layout) if item.published.key == key else item
                for item in offered
            ),
        )


def _place(key: Key, shown: list[Key]) -> int:
    return shown.index(key) if key in shown else len(shown)


def _key_of(opened: OpenWorkflow) -> str:
    return f"{STORE_KEY}.{opened.published.key}"
