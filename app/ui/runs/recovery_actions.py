"""What the person does after something broke: run again, say that a moved server is the same, adopt what was left."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Protocol

from app.core.errors import MooringError
from app.core.model import PromptId, Task
from app.session import Orphan, Run
from app.ui.kit.screen import Facts, Screen
from app.ui.page.context import PageContext
from app.ui.page.state import TaskDialog
from app.ui.runs.state import RunAgainDialog, SameServerDialog

log = logging.getLogger("mooring.ui")


class RecoveryVerbs(Protocol):
    """What the page asks of a session when something broke."""

    @property
    def runs(self) -> tuple[Run, ...]: ...
    @property
    def orphans(self) -> tuple[Orphan, ...]: ...
    async def run_again(self, prompt_id: PromptId, *, elsewhere: bool = False) -> PromptId: ...
    async def confirm_move(self, prompt_id: PromptId) -> None: ...
    async def find_orphans(self) -> tuple[Orphan, ...]: ...
    async def adopt(self, prompt_id: PromptId) -> Task: ...


class RecoveryActions:
    """The hands on the offers of a card, and in the panel of what closed windows have left."""

    def __init__(self, session: RecoveryVerbs, desk: PageContext, screen: Screen) -> None:
        self._session = session
        self._desk = desk
        self._screen = screen

    def act(self, name: str, facts: Facts) -> bool:
        """A click; False if it is none of these."""
        prompt_id = PromptId(str(facts.get("promptId", "")))
        match name:
            case "ask-run-again":
                self._show(RunAgainDialog(prompt_id, facts.get("elsewhere") == "true"))
            case "run-again":
                self._show(None)
                self._screen.update({"reveal": "now"})
                self._desk.spawn(self._run_again(prompt_id, elsewhere=facts.get("elsewhere") == "true"))
            case "ask-same-server":
                self._show(SameServerDialog(prompt_id))
            case "confirm-same-server":
                self._show(None)
                self._desk.spawn(self._confirm_move(prompt_id))
            case "adopt":
                self._desk.spawn(self._adopt(prompt_id))
            case "adopt-all":
                self._desk.spawn(self._adopt(*(item.task.prompt_id for item in self._session.orphans)))
            case "search-orphans":
                self._desk.spawn(self._search())
            case _:
                return False
        return True

    async def _run_again(self, prompt_id: PromptId, *, elsewhere: bool) -> None:
        try:
            await self._session.run_again(prompt_id, elsewhere=elsewhere)
        except MooringError as error:
            if all(run.error is not error for run in self._session.runs):  # else its own card says so
                self._tell(error)

    async def _confirm_move(self, prompt_id: PromptId) -> None:
        try:
            await self._session.confirm_move(prompt_id)
        except MooringError as error:
            self._tell(error)

    async def _adopt(self, *prompt_ids: PromptId) -> None:
        """Each for itself: that another window was faster with one is no reason to leave the rest."""
        for prompt_id in prompt_ids:
            try:
                await self._session.adopt(prompt_id)
            except MooringError as error:
                self._tell(error)

    async def _search(self) -> None:
        self._desk.set_ui(replace(self._desk.ui, is_searching=True))
        try:
            await self._session.find_orphans()
        except MooringError as error:
            self._tell(error)
        finally:
            self._desk.set_ui(replace(self._desk.ui, is_searching=False))

    def _show(self, dialog: TaskDialog | None) -> None:
        self._desk.set_ui(replace(self._desk.ui, dialog=dialog))

    def _tell(self, error: MooringError) -> None:
        log.warning("refused: %r", error)
        self._desk.set_ui(self._desk.ui.with_error(error))
