"""Actions after something broke: run again, and confirm that a moved server is the same."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Protocol

from app.core.errors import MooringError
from app.core.model import PromptId
from app.session import Run
from app.ui.kit.context import PageContext
from app.ui.kit.screen import Facts, Screen
from app.ui.runs.state import RunAgainDialog, SameServerDialog

log = logging.getLogger("mooring.ui")


class RecoveryVerbs(Protocol):
    """What the page asks of a session when something broke."""

    @property
    def runs(self) -> tuple[Run, ...]: ...
    async def run_again(self, prompt_id: PromptId, *, elsewhere: bool = False) -> PromptId: ...
    async def confirm_move(self, prompt_id: PromptId) -> None: ...


class RecoveryActions:
    """The actions that a card offers."""

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

    def _show(self, dialog: RunAgainDialog | SameServerDialog | None) -> None:
        self._desk.set_ui(replace(self._desk.ui, dialog=dialog))

    def _tell(self, error: MooringError) -> None:
        log.warning("refused: %r", error)
        self._desk.set_ui(self._desk.ui.with_error(error))
