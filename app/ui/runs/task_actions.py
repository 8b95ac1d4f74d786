"""Actions on one task: cancel it, stop tracking it, repeat it, confirm that its server is the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from app.core.errors import BadInput, MooringError
from app.core.model import BatchId, PromptId, ServerId
from app.session import Session
from app.ui.form.context import workflows_on
from app.ui.form.state import FormState
from app.ui.kit.actions import action
from app.ui.kit.context import PageContext, set_slices
from app.ui.kit.screen import Screen
from app.ui.runs.state import CreditsDialog, GiveUpDialog, Hold, RunAgainDialog, RunsState, SameServerDialog
from app.ui.runs.variations import vary
from app.workflows.graph import Key

NO_VALUES: Mapping[Key, object] = MappingProxyType({})


def _ids(text: str) -> tuple[PromptId, ...]:
    return tuple(PromptId(item) for item in text.split())


class TaskActions:
    """The actions that a card offers. `random_seed(limit)` draws a whole number from 0 up to and including `limit`."""

    def __init__(
        self, session: Session, context: PageContext, screen: Screen, random_seed: Callable[[int], int]
    ) -> None:
        self._random_seed = random_seed
        self._session = session
        self._context = context
        self._screen = screen

    @action("cancel")
    async def cancel(self, prompt_id: PromptId) -> None:
        await self._session.cancel(prompt_id)

    @action("look-again")
    async def look_again(self, prompt_id: PromptId) -> None:
        """Poll the task's server now."""
        await self._session.look_again(prompt_id)

    @action("ask-give-up")
    def ask_give_up(self, prompt_id: PromptId) -> None:
        self._show(GiveUpDialog(prompt_id))

    @action("give-up")
    async def give_up(self, prompt_id: PromptId) -> None:
        self._show(None)
        await self._session.give_up(prompt_id)

    @action("dismiss-failure")
    def dismiss_failure(self, prompt_id: PromptId) -> None:
        """Remove a failure from the queue; it stays among the results."""
        state = self._context.ui.of(RunsState)
        set_slices(self._context, replace(state, dismissed=state.dismissed | {prompt_id}))

    @action("dismiss-batch")
    def dismiss_batch(self, batch_id: BatchId) -> None:
        """Remove the count of a batch that is over."""
        state = self._context.ui.of(RunsState)
        set_slices(self._context, replace(state, dismissed=state.dismissed | {batch_id}))

    @action("show-queue")
    def show_queue(self) -> None:
        """Show every row of the queue, or only the first ones."""
        state = self._context.ui.of(RunsState)
        set_slices(self._context, replace(state, is_whole=not state.is_whole))

    @action("hold-queue")
    def hold_queue(self, rows: str, large: str, waiting: str) -> None:
        """Keep the rows where they are: the pointer or the focus is on the queue. Each text has ids of tasks."""
        self._keep(Hold(_ids(rows), frozenset(_ids(large)), _ids(waiting)))

    @action("release-queue")
    def release_queue(self) -> None:
        self._keep(None)

    def _keep(self, hold: Hold | None) -> None:
        ui = self._context.ui
        self._context.set_quietly(ui.with_slices(replace(ui.of(RunsState), hold=hold)))  # nothing changes at once

    @action("retry-run")
    async def retry_run(self, prompt_id: PromptId) -> None:
        """Send a run that was not sent."""
        await self._session.retry_run(prompt_id)

    @action("dismiss-run")
    async def dismiss(self, prompt_id: PromptId) -> None:
        """Forget a run that was not sent."""
        await self._session.dismiss_run(prompt_id)

    @action("ask-run-again")
    def ask_run_again(self, prompt_id: PromptId, elsewhere: bool = False) -> None:
        """Ask before a task is run a second time, on its server or on another one."""
        self._show(RunAgainDialog(prompt_id, elsewhere))

    @action("run-again")
    async def run_again(
        self, prompt_id: PromptId, elsewhere: bool = False, confirmed: bool = False, server: str = ""
    ) -> None:
        """Repeat a task, on the `server` that the button names. One that costs credits is confirmed first."""
        if not confirmed and await self._session.uses_credits(prompt_id):
            self._show(CreditsDialog("run-again", prompt_id=prompt_id, elsewhere=elsewhere, server=server))
            return
        await self._repeat(prompt_id, elsewhere=elsewhere, server=server)

    @action("run-variation")
    async def run_variation(self, prompt_id: PromptId, confirmed: bool = False) -> None:
        """Run a task's settings with new seeds. What costs credits is confirmed first."""
        if not confirmed and await self._session.uses_credits(prompt_id):
            self._show(CreditsDialog("run-variation", prompt_id=prompt_id))
            return
        held = (window.tasks.get(prompt_id) for window in self._session.windows)
        task = next(filter(None, held), None) or await self._session.past.read_task(prompt_id)
        if not task.workflow:
            raise BadInput("words-not-kept", task.title)
        values = vary(task, workflows_on(self._context), self._context.ui.of(FormState), self._random_seed)
        await self._repeat(prompt_id, values=values)

    async def _repeat(
        self,
        prompt_id: PromptId,
        *,
        elsewhere: bool = False,
        server: str = "",
        values: Mapping[Key, object] = NO_VALUES,
    ) -> None:
        self._show(None)
        self._screen.update({"reveal": "now"})
        try:
            server_id = ServerId(server) if server else None
            await self._session.run_again(prompt_id, elsewhere=elsewhere, server_id=server_id, values=values)
        except MooringError as error:
            if all(run.error is not error for run in self._session.runs):
                raise  # else its own card shows it

    @action("ask-same-server")
    def ask_same_server(self, prompt_id: PromptId) -> None:
        """Ask whether the server at another address is the same."""
        self._show(SameServerDialog(prompt_id))

    @action("confirm-same-server")
    async def confirm_same_server(self, prompt_id: PromptId) -> None:
        """Confirm that it is the same."""
        self._show(None)
        await self._session.confirm_move(prompt_id)

    def _show(self, dialog: CreditsDialog | GiveUpDialog | RunAgainDialog | SameServerDialog | None) -> None:
        self._context.set_ui(replace(self._context.ui, dialog=dialog))
