"""Actions of the dialog about what is kept in this browser."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from app.core.ports.blobs import Keep
from app.session.delivery.results import Results
from app.ui.kit.actions import action
from app.ui.kit.context import PageContext
from app.ui.kit.deletion_actions import Deletions
from app.ui.kit.deletions import Deletion, What
from app.ui.results.storage import KeepingDialog, KeepingView


class KeepActions:
    def __init__(
        self,
        results: Results,
        context: PageContext,
        deletions: Deletions,
    ) -> None:
        self._results = results
        self._context = context
        self._deletions = deletions

    @action("open-keeping")
    def open_dialog(self) -> None:
        self._results.refresh_soon()
        self._context.set_ui(self._context.ui.with_dialog(KeepingDialog()))
        self._change(is_deleting=False)

    @action("keep")
    def choose_kind(self, value: Keep) -> None:
        self._change(keep=value)

    @action("cap")
    def type_limit(self, value: str) -> None:
        self._change(cap=value)

    @action("ask-delete-kept")
    def ask_delete(self) -> None:
        self._change(is_deleting=True)

    @action("keep-kept")
    def keep(self) -> None:
        """Leave the question about deleting."""
        self._change(is_deleting=False)

    @action("delete-kept")
    def delete(self) -> None:
        self._show(None)
        self._deletions.put_off(Deletion(What.KEPT), self._results.delete_all)

    @action("ask-promise")
    async def ask_promise(self) -> None:
        """Ask the browser for persistent storage."""
        await self._results.ask_promise()

    @action("save-keeping")
    async def save(self) -> None:
        """Apply the dialog's settings."""
        dialog = self._context.ui.dialog
        if not isinstance(dialog, KeepingDialog):
            return
        view = KeepingView(dialog, self._results.usage)
        if (wanted := view.wanted) is None:
            return  # the field shows what is wrong
        self._show(None)
        if view.excess:
            deletion = Deletion(What.OLDEST, count=view.excess)
            self._deletions.put_off(deletion, lambda: self._results.configure(wanted))
        else:
            await self._results.configure(wanted)

    def _change(self, **changes: Any) -> None:
        dialog = self._context.ui.dialog
        if isinstance(dialog, KeepingDialog):
            self._show(replace(dialog, **changes))

    def _show(self, dialog: KeepingDialog | None) -> None:
        self._context.set_ui(replace(self._context.ui, dialog=dialog))
