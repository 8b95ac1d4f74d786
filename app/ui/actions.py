"""What the person does, as calls of the session and changes of the person's own part. Never touches the DOM."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from app.core.balancer import Wish
from app.core.errors import MooringError
from app.core.model import PromptId, ServerId
from app.core.ports import Blob
from app.core.window import Window
from app.core.workflow import ApiWorkflow
from app.session import Picked
from app.ui.arrange_actions import ArrangeActions
from app.ui.cards import SessionFacts
from app.ui.form_actions import FormActions
from app.ui.keep_actions import KeepActions, ResultsVerbs
from app.ui.line_actions import LineActions, LineVerbs
from app.ui.projection import run_view
from app.ui.questions import GiveUpDialog, PictureDialog
from app.ui.recovery_actions import RecoveryActions, RecoveryVerbs
from app.ui.screen import Facts, Screen
from app.ui.state import MOST_COUNT, RESULTS_AT_FIRST, UiState
from app.ui.workflows import OpenWorkflow
from app.workflows.graph import Key

log = logging.getLogger("mooring.ui")


class SessionVerbs(SessionFacts, RecoveryVerbs, Protocol):
    """What the page asks of a session."""

    async def run(
        self,
        workflow: ApiWorkflow,
        *,
        title: str = "",
        inputs: Mapping[tuple[str, str], Picked] | None = None,
        server_id: ServerId | None = None,
    ) -> PromptId: ...
    def dismiss_run(self, prompt_id: PromptId) -> None: ...
    async def cancel(self, prompt_id: PromptId) -> None: ...
    async def give_up(self, prompt_id: PromptId) -> None: ...
    async def look_again(self, prompt_id: PromptId) -> None: ...
    async def delete_task(self, prompt_id: PromptId) -> None: ...
    @property
    def results(self) -> ResultsVerbs: ...
    @property
    def line(self) -> LineVerbs: ...


class Desk(Protocol):
    """Where the person's own part lies."""

    @property
    def ui(self) -> UiState: ...
    @property
    def workflows(self) -> tuple[OpenWorkflow, ...]: ...
    def set_ui(self, ui: UiState) -> None: ...
    def set_workflows(self, workflows: tuple[OpenWorkflow, ...]) -> None: ...
    async def speak(self, language: str) -> None: ...
    def spawn(self, work: Coroutine[Any, Any, None]) -> None: ...


class Actions:
    """The person's hands; those on the form, on what is kept and on what is lost have modules of their own."""

    def __init__(
        self,
        session: SessionVerbs,
        desk: Desk,
        screen: Screen,
        random_seed: Callable[[int], int],
    ) -> None:
        self._session = session
        self._desk = desk
        self._screen = screen
        self._form = FormActions(desk, screen, random_seed)
        self._arranging = ArrangeActions(desk, screen)
        self._keeping = KeepActions(session.results, desk, self._do)
        self._recovery = RecoveryActions(session, desk, screen)
        self._line = LineActions(session.line, self._do)

    # Clicks

    def act(self, name: str, facts: Facts) -> None:
        """A click on `data-action`, or its key."""
        if self._form.act(name, facts) or self._arranging.act(name, facts):
            return
        if self._keeping.act(name) or self._recovery.act(name, facts):
            return
        if self._line.act(name, facts):
            return
        prompt_id = PromptId(str(facts.get("promptId", "")))
        match name:
            case "run":
                self._run()
            case "cancel":
                self._do(self._session.cancel(prompt_id))
            case "look-again":
                self._do(self._session.look_again(prompt_id))
            case "remove":
                self._do(self._session.delete_task(prompt_id))
            case "give-up":
                self._set(dialog=None)
                self._do(self._session.give_up(prompt_id))
            case "dismiss-run":
                self._session.dismiss_run(prompt_id)
            case "reload":
                self._screen.reload()
            case _:
                self._arrange(name, facts, prompt_id)

    def _arrange(self, name: str, facts: Facts, prompt_id: PromptId) -> None:
        """The actions that only change what is shown."""
        match name:
            case "ask-give-up":
                self._set(dialog=GiveUpDialog(prompt_id))
            case "open-picture":
                self._set(dialog=PictureDialog(prompt_id, int(facts["index"])))
            case "close-dialog":
                self._set(dialog=None)
            case "show-more":
                self._set(results_shown=self._desk.ui.results_shown + RESULTS_AT_FIRST)
            case "dismiss-notice":
                self._dismiss(str(facts["key"]), str(facts["number"]))
            case _:
                log.error("no action %s", name)

    def _dismiss(self, key: str, number: str) -> None:
        ui = self._desk.ui
        if key == "error":
            self._set(errors=tuple(item for item in ui.errors if str(item[0]) != number))
        else:
            self._set(dismissed=ui.dismissed | {key})

    def _run(self) -> None:
        chosen, ui = self._form.chosen, self._desk.ui
        if chosen is None or run_view(self._session, chosen, ui.draft).blocker is not None:
            return  # the Run bar says why
        server_id = self._demo_server() if chosen.needs_demo else None
        if ui.run_count > 1:
            self._run_many(chosen, ui.run_count, server_id)
            return
        draft = self._form.draw_seeds(chosen, ui.draft)
        workflow = chosen.form.filled(draft.values)
        inputs = {item.key: draft.pictures[item.key].picked for item in chosen.uploads if item.key in draft.pictures}
        self._desk.set_ui(ui.with_draft(self._form.count_seeds(chosen, draft)))
        self._screen.update({"reveal": "now"})
        self._desk.spawn(self._submit(chosen.title, workflow, inputs, server_id))

    def _run_many(self, chosen: OpenWorkflow, count: int, server_id: ServerId | None) -> None:
        """Let so many runs wait, each with the seeds that a click of its own would have had."""
        ui = self._desk.ui
        workflow, runs, draft = self._form.draw_many(chosen, ui.draft, count)
        inputs = {item.key: draft.pictures[item.key].picked for item in chosen.uploads if item.key in draft.pictures}
        self._desk.set_ui(ui.with_draft(draft))
        self._screen.update({"reveal": "waiting"})
        self._line.add(chosen.title, workflow, runs, inputs, Wish(asked=server_id))

    async def _submit(
        self, title: str, workflow: ApiWorkflow, inputs: Mapping[Key, Picked], server_id: ServerId | None
    ) -> None:
        try:
            await self._session.run(workflow, title=title, inputs=inputs, server_id=server_id)
        except MooringError as error:
            log.info("the run failed and says so itself: %r", error)

    def _demo_server(self) -> ServerId | None:
        """In a mixed fleet, a demo server by name, since no other has the demo's nodes; else nobody is asked for."""
        servers = self._session.fleet.servers
        window = self._session.window
        if all(server.is_demo for server in servers) or not isinstance(window, Window):
            return None
        if window.window_locked_server:
            return None
        demos = [server for server in servers if server.is_demo]
        return min(demos, key=lambda server: server.running + server.pending).server_id if demos else None

    # Choices and typing

    def change(self, name: str, facts: Facts) -> None:
        """A new choice in `data-change`."""
        if any(hands.change(name, facts) for hands in (self._form, self._arranging, self._keeping)):
            return
        value = str(facts.get("value", ""))
        if name == "run-count":
            self._set(run_count=min(MOST_COUNT, max(1, int(value))) if value.isdecimal() else 1)
        if name == "language":
            self._screen.keep_language(value)
            self._desk.spawn(self._desk.speak(value))

    def type(self, name: str, facts: Facts) -> None:
        """Something typed in `data-input`."""
        if not self._keeping.type(name, facts):
            self._form.type(name, facts)

    def take_files(self, key: Key | None, files: Sequence[tuple[Blob, str]]) -> None:
        """Files dropped, pasted or chosen."""
        self._form.take_files(key, files)

    async def recover(self, read_input: Callable[[str], Awaitable[Blob | None]]) -> None:
        """Put the files back that stood in the form before a reload."""
        await self._form.recover(self._session.window, read_input)

    # Doing

    def _set(self, **changes: Any) -> None:
        self._desk.set_ui(replace(self._desk.ui, **changes))

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        self._desk.spawn(self._try(work))

    async def _try(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except MooringError as error:
            log.warning("refused: %r", error)
            self._desk.set_ui(self._desk.ui.with_error(error))
