"""What the person does about what is kept in this browser."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, Protocol

from app.core.ports.blobs import Keep, KeepSettings, Usage
from app.ui.kit.context import PageContext
from app.ui.kit.deletion_actions import Deletions
from app.ui.kit.deletions import Deletion, What
from app.ui.kit.screen import Facts
from app.ui.results.storage import KeepingDialog, KeepingView


class ResultsVerbs(Protocol):
    """What the page asks of the kept results."""

    @property
    def usage(self) -> Usage | None: ...
    def refresh_soon(self) -> None: ...
    async def configure(self, settings: KeepSettings) -> None: ...
    async def delete_all(self) -> None: ...
    async def ask_promise(self) -> None: ...


class KeepActions:
    """The hands in the dialog about what is kept. `do` runs a call of the session and shows its error, if any."""

    def __init__(
        self,
        results: ResultsVerbs,
        desk: PageContext,
        do: Callable[[Coroutine[Any, Any, None]], None],
        deletions: Deletions,
    ) -> None:
        self._results = results
        self._desk = desk
        self._do = do
        self._deletions = deletions

    def act(self, name: str) -> bool:
        """A click; False if it is none of these."""
        match name:
            case "open-keeping":
                self._results.refresh_soon()
                self._desk.set_ui(self._desk.ui.with_dialog(KeepingDialog()))
                self._change(is_deleting=False)
            case "save-keeping":
                self._save()
            case "ask-delete-kept":
                self._change(is_deleting=True)
            case "keep-kept":
                self._change(is_deleting=False)
            case "delete-kept":
                self._show(None)
                self._deletions.put_off(Deletion(What.KEPT), self._results.delete_all)
            case "ask-promise":
                self._do(self._results.ask_promise())
            case _:
                return False
        return True

    def change(self, name: str, facts: Facts) -> bool:
        """A new choice; False if it is none of these."""
        if name != "keep":
            return False
        self._change(keep=Keep(str(facts["value"])))
        return True

    def type(self, name: str, facts: Facts) -> bool:
        """Something typed; False if it is none of these."""
        if name != "cap":
            return False
        self._change(cap=str(facts.get("value", "")))
        return True

    def _save(self) -> None:
        dialog = self._desk.ui.dialog
        if not isinstance(dialog, KeepingDialog):
            return
        view = KeepingView(dialog, self._results.usage)
        if (wanted := view.wanted) is None:
            return  # the field says what is wrong
        self._show(None)
        if view.excess:
            deletion = Deletion(What.OLDEST, count=view.excess)
            self._deletions.put_off(deletion, lambda: self._results.configure(wanted))
        else:
            self._do(self._results.configure(wanted))

    def _change(self, **changes: Any) -> None:
        dialog = self._desk.ui.dialog
        if isinstance(dialog, KeepingDialog):
            self._show(replace(dialog, **changes))

    def _show(self, dialog: KeepingDialog | None) -> None:
        self._desk.set_ui(replace(self._desk.ui, dialog=dialog))
