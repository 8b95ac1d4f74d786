"""What the person does, as calls of the session and changes of the person's own part. Never touches the DOM."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from app.core.errors import BadInput, MooringError
from app.core.model import PromptId, ServerId
from app.core.ports import Blob
from app.core.window import Window
from app.core.workflow import ApiWorkflow
from app.session import Picked
from app.ui import drafts
from app.ui.cards import SessionFacts
from app.ui.keep_actions import KeepActions, ResultsVerbs
from app.ui.projection import run_view
from app.ui.questions import GiveUpDialog, PictureDialog
from app.ui.recovery_actions import RecoveryActions, RecoveryVerbs
from app.ui.samples import FieldKind, Key, Sample
from app.ui.screen import Facts, Screen
from app.ui.state import RESULTS_AT_FIRST, Picture, UiState

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


class Desk(Protocol):
    """Where the person's own part lies."""

    @property
    def ui(self) -> UiState: ...
    def set_ui(self, ui: UiState) -> None: ...
    async def speak(self, language: str) -> None: ...
    def spawn(self, work: Coroutine[Any, Any, None]) -> None: ...


class Actions:
    """The person's hands. `random_seed(limit)` draws a whole number from 0 up to and including `limit`."""

    def __init__(
        self,
        session: SessionVerbs,
        desk: Desk,
        screen: Screen,
        samples: tuple[Sample, ...],
        random_seed: Callable[[int], int],
    ) -> None:
        self._session = session
        self._desk = desk
        self._screen = screen
        self._samples = samples
        self._random_seed = random_seed
        self._keeping = KeepActions(session.results, desk, self._do)
        self._recovery = RecoveryActions(session, desk, screen)

    # Clicks

    def act(self, name: str, facts: Facts) -> None:
        """A click on `data-action`, or its key."""
        if self._keeping.act(name) or self._recovery.act(name, facts):
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
            case "clear-picture":
                self._put(self._desk.ui.sample_id, _key(facts), None)
            case _:
                log.error("no action %s", name)

    def _dismiss(self, key: str, number: str) -> None:
        ui = self._desk.ui
        if key == "error":
            self._set(errors=tuple(item for item in ui.errors if str(item[0]) != number))
        else:
            self._set(dismissed=ui.dismissed | {key})

    def _run(self) -> None:
        sample, ui = self._chosen(), self._desk.ui
        if sample is None or run_view(self._session, sample, ui.draft).blocker is not None:
            return  # the Run bar says why
        draft = ui.draft
        for item in sample.fields:
            if item.kind is FieldKind.SEED and item.key not in draft.fixed:
                draft = draft.with_value(item.key, str(self._random_seed(int(item.maximum or 0))))
        self._desk.set_ui(ui.with_draft(draft))
        inputs = {
            item.key: draft.pictures[item.key].picked for item in sample.picture_fields() if item.key in draft.pictures
        }
        server_id = self._demo_server() if sample.needs_demo else None
        self._screen.update({"reveal": "now"})
        self._desk.spawn(self._submit(sample, sample.filled(draft.values), inputs, server_id))

    async def _submit(
        self, sample: Sample, workflow: ApiWorkflow, inputs: Mapping[Key, Picked], server_id: ServerId | None
    ) -> None:
        try:
            await self._session.run(workflow, title=sample.title, inputs=inputs, server_id=server_id)
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
        if self._keeping.change(name, facts):
            return
        ui, value = self._desk.ui, str(facts.get("value", ""))
        match name:
            case "sample":
                self._set(sample_id=value)
            case "language":
                self._screen.keep_language(value)
                self._desk.spawn(self._desk.speak(value))
            case "seed-mode":
                key = _key(facts)
                fixed = ui.draft.fixed - {key} if facts.get("checked") else ui.draft.fixed | {key}
                self._desk.set_ui(ui.with_draft(replace(ui.draft, fixed=fixed)))

    def type(self, name: str, facts: Facts) -> None:
        """Something typed in `data-input`."""
        if self._keeping.type(name, facts) or name != "field":
            return
        ui, key = self._desk.ui, _key(facts)
        draft = ui.draft.with_value(key, str(facts.get("value", "")))
        sample = self._chosen()
        field = next((item for item in sample.fields if item.key == key), None) if sample else None
        if field is not None and field.kind is FieldKind.SEED:  # who types a seed wants that one
            draft = replace(draft, fixed=draft.fixed | {key})
        self._desk.set_ui(ui.with_draft(draft))

    # Pictures

    def take_files(self, key: Key | None, files: Sequence[tuple[Blob, str]]) -> None:
        """Files dropped, pasted or chosen: into the field aimed at, then into the empty ones, then into the first."""
        ui, sample = self._desk.ui, self._chosen()
        keys = [item.key for item in sample.picture_fields()] if sample else []
        if not keys:
            self._desk.set_ui(ui.with_error(BadInput("no-picture-field", files[0][1])))
            return
        aimed = [key] if key in keys else []
        empty = [item for item in keys if item not in ui.draft.pictures and item not in aimed]
        places = (aimed + empty) or keys[:1]
        for place, (blob, name) in zip(places, files, strict=False):
            draft = self._desk.ui.draft
            self._desk.set_ui(self._desk.ui.with_draft(replace(draft, checking=draft.checking | {place})))
            self._desk.spawn(self._check(ui.sample_id, place, blob, name))

    async def recover(self, read_input: Callable[[str], Awaitable[Blob | None]]) -> None:
        """Put the pictures back that stood in the form before a reload, as far as the store has kept them."""
        for sample_id, key, item in tuple(drafts.find_again(self._desk.ui, self._session.window)):
            try:
                blob = await read_input(item.sha256)
            except MooringError as error:
                log.info("a picture is not found again: %r", error)
                continue
            if blob is not None and key in self._desk.ui.drafts[sample_id].awaited:
                await self._check(sample_id, key, blob, item.original_name)

    async def _check(self, sample_id: str, key: Key, blob: Blob, name: str) -> None:
        """Look at the file before anything is sent: a picture goes into its field, anything else is told there."""
        width, height = await self._screen.measure(blob) if blob.size else (0, 0)
        if not width or not height:
            fault = BadInput("not-a-picture" if blob.size else "empty", name)
            self._put(sample_id, key, None)
            draft = self._desk.ui.drafts[sample_id].with_fault(key, fault)
            self._desk.set_ui(self._desk.ui.with_draft(draft, sample_id))
            return
        self._put(sample_id, key, Picture(Picked(blob, name), self._screen.object_url(blob), width, height))

    def _put(self, sample_id: str, key: Key, picture: Picture | None) -> None:
        ui = self._desk.ui
        draft = ui.drafts.get(sample_id) or ui.draft
        before = draft.pictures.get(key)
        if before is not None:
            self._screen.revoke_url(before.url)
        self._desk.set_ui(ui.with_draft(draft.with_picture(key, picture), sample_id))

    # Doing

    def _chosen(self) -> Sample | None:
        return next((item for item in self._samples if item.sample_id == self._desk.ui.sample_id), None)

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


def _key(facts: Facts) -> Key:
    return str(facts["node"]), str(facts["name"])
