"""What the person does to the form itself: inputs on top, out of sight, called otherwise; and steps back and forth.

Layouts lie in the browser, one for each workflow's shape, for all windows.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace

from app.ui.form.context import FormContext, opened_on
from app.ui.form.open_workflow import OpenWorkflow, arranged_as, changed_texts
from app.ui.form.state import FormState
from app.ui.kit.context import set_slices
from app.ui.kit.deletion_actions import Deletions
from app.ui.kit.deletions import Deletion, What
from app.ui.kit.screen import Facts, Screen
from app.workflows.forms.arrangement import Layout
from app.workflows.forms.records import Undecoded, from_text, to_text
from app.workflows.graph import Key

log = logging.getLogger("mooring.ui")

STORE_KEY = "mooring.layout"


def recall_layout(screen: Screen, opened: OpenWorkflow) -> OpenWorkflow:
    """The workflow as the person has arranged it, if that was kept and can be read."""
    found = kept_layout(screen, opened.published.key)
    return opened if found is None else arranged_as(opened, found)


def kept_layout(screen: Screen, key: str) -> Layout | None:
    """How the person has arranged workflows of that shape, if that was kept and can be read."""
    text = screen.kept(f"{STORE_KEY}.{key}")
    if not text:
        return None
    found = from_text(Layout, text)
    if isinstance(found, Undecoded):
        log.warning("a layout cannot be read: %s", found.detail)
        return None
    return found


def keep_layouts(screen: Screen, layouts: Mapping[str, str]) -> None:
    """Keep layouts that come from elsewhere, by their workflow's shape; those that are here stay."""
    for key, text in layouts.items():
        if not screen.kept(f"{STORE_KEY}.{key}"):
            screen.keep(f"{STORE_KEY}.{key}", text)


class ArrangeActions:
    """The person's hands on the form's layout, and on its history."""

    def __init__(self, desk: FormContext, screen: Screen, deletions: Deletions) -> None:
        self._desk = desk
        self._screen = screen
        self._deletions = deletions

    def act(self, name: str, facts: Facts) -> bool:
        """A click on `data-action`; False if it is not about this."""
        match name:
            case "arrange":
                set_slices(
                    self._desk,
                    replace(self._desk.ui.of(FormState), is_arranging=not self._desk.ui.of(FormState).is_arranging),
                )
            case "undo" | "redo":
                self._step(is_back=name == "undo")
            case "pin" | "unpin" | "pin-up" | "pin-down" | "hide" | "show":
                key = str(facts["node"]), str(facts["name"])
                self._arrange(lambda layout, shown: _arranged(layout, name, key, shown))
            case "arrange-anew":
                self._arrange_anew()
            case _:
                return False
        return True

    def change(self, name: str, facts: Facts) -> bool:
        """A new choice in `data-change`; False if it is not about this."""
        if name != "rename":
            return False
        key, label = (str(facts["node"]), str(facts["name"])), str(facts.get("value", ""))
        self._arrange(lambda layout, _shown: layout.rename(key, label))
        return True

    def _step(self, *, is_back: bool) -> None:
        form = self._desk.ui.of(FormState)
        draft = form.draft.undo() if is_back else form.draft.redo()
        set_slices(self._desk, form.with_draft(draft))
        opened = opened_on(self._desk)
        if opened is not None:
            self._screen.update({"texts": changed_texts(opened, form.draft.values, draft.values)})

    def _arrange(self, change: Callable[[Layout, list[Key]], Layout | None]) -> None:
        """Another layout for the chosen workflow; None gives its author's back."""
        opened = opened_on(self._desk)
        if opened is None:
            return
        self._keep(opened, change(opened.layout, [item.key for item in opened.arranged.first]))

    def _arrange_anew(self) -> None:
        """Restore the author's layout; *Undo* brings the user's own back."""
        opened = opened_on(self._desk)
        if opened is None:
            return
        before = kept_layout(self._screen, opened.published.key)
        self._keep(opened, None)
        if before is not None:
            self._deletions.put_off(Deletion(What.LAYOUT), undo=lambda: self._keep(opened, before))

    def _keep(self, opened: OpenWorkflow, layout: Layout | None) -> None:
        self._screen.keep(_key_of(opened), to_text(layout) if layout else "")
        key, offered = opened.published.key, self._desk.workflows
        self._desk.set_workflows(
            tuple(
                arranged_as(item, layout or item.published.layout) if item.published.key == key else item
                for item in offered
            )
        )


def _arranged(layout: Layout, name: str, key: Key, shown: list[Key]) -> Layout:
    place = shown.index(key) if key in shown else len(shown)
    match name:
        case "pin":
            return layout.pin(key, shown)
        case "unpin":
            return layout.unpin(key, shown)
        case "pin-up":
            return layout.pin(key, shown, place - 1)
        case "pin-down":
            return layout.pin(key, shown, place + 1)
        case "hide":
            return layout.hide(key)
    return layout.show(key)


def _key_of(opened: OpenWorkflow) -> str:
    return f"{STORE_KEY}.{opened.published.key}"
