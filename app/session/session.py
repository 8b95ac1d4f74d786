"""A window's session: the orchestration over the ports, and the interface for the page and the console.

    session = Session(ports)
    await session.start()                      # claims the id, reads the records, watches what is unfinished
    prompt_id = await session.run(workflow, title="Sharpen", inputs={("1", "image"): picked})
    task = await session.wait_for(prompt_id)   # ended, with its results delivered

It holds no rules: those are `core/window.py` (what may go where), `core/truth.py` (what the evidence says) and
`core/balancer.py` (which server).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, replace
from functools import partial
from types import MappingProxyType
from typing import Any

from app.core import comfy
from app.core.aim import may_pass
from app.core.balancer import Leaning, Wish
from app.core.errors import (
    BadInput,
    InvalidTransition,
    MooringError,
    NotYourTurn,
    ServerMoved,
    StorageError,
)
from app.core.eta import Outlook
from app.core.model import Contact, Fleet, InputFile, PromptId, ServerId, Task, Template
from app.core.ports import Ports
from app.core.ports.blobs import Blob
from app.core.ports.windows import Identity
from app.core.previews import Previews
from app.core.progress import Progress
from app.core.window import Moored, Restoring, Window, get_api_base_url
from app.core.workflow import ApiWorkflow, parse_workflow
from app.session.checks import violations
from app.session.delivery.deliver import Courier
from app.session.delivery.last_previews import LastPreviews
from app.session.delivery.past import Past
from app.session.delivery.results import Results
from app.session.delivery.visits import visit
from app.session.facts import Noticed, Picked, Preview, Run, RunStage, SocketFacts
from app.session.files import WorkflowFiles
from app.session.hashing import sha256_of
from app.session.journal_writer import JournalWriter
from app.session.model_downloads import ModelDownloads
from app.session.models import Models
from app.session.restore import Restorer
from app.session.salvage import Orphan, OrphanRecord, Salvage
from app.session.scripting import Scripting
from app.session.state import State
from app.session.submitting.editor_files import EditorCopy
from app.session.submitting.named_files import Origin
from app.session.submitting.remote_choices import read_choices
from app.session.submitting.submit import Inputs, RunOrder, Submitter
from app.session.waiting.clicks import Pressed
from app.session.waiting.waiting_runs import WaitingLine
from app.session.waiting.worker import LineWorker
from app.session.watching.deafness import DeafnessDetector
from app.session.watching.fleet_follower import FleetFollower
from app.session.watching.forecast import Forecast
from app.session.watching.socket import WindowSocket
from app.session.watching.watch import Watch
from app.workflows.catalogue import Catalogue
from app.workflows.graph import Key
from app.workflows.needs import Runnability
from wire.turns import AHEAD

LONGEST_PROJECT = 80  # characters
INPUT_KEPT = 64 * 1024 * 1024  # bytes of a file that is kept for the form alone; all inputs together have 256 MB

log = logging.getLogger("mooring.session")


class Session:
    """One window's work, from the click to the picture. With a `captain` it is a crew session of the captain's tab."""

    def __init__(self, ports: Ports, captain: Session | None = None) -> None:
        self._state: State = State(ports, captain._state if captain else None)
        self._captain = captain or self
        self.past = Past(self._state)
        self._salvage = Salvage(self._state, self.past)
        self._results = Results(self._state)
        self._forecast = Forecast(self._state)
        self._is_crew = captain is not None
        self._courier = Courier(self._state, self._results, self.past)
        self._hearing = DeafnessDetector(self._state)
        self._watch = Watch(self._state, self._forecast, self._hearing, self._courier)
        self._socket = WindowSocket(self._state, self._watch, self._forecast, self._hearing)
        self._last_previews = LastPreviews(self._state)
        self._files = WorkflowFiles(self._state)
        self._submitter = Submitter(self._state, self._socket, self._watch, self._forecast)
        self._scripting = Scripting(self._state, self._submitter)
        self.models = Models(self._state)
        self.model_downloads = ModelDownloads(self._state, self._submitter.capable.refresh)
        self._restorer = Restorer(self._state)
        self.worker = LineWorker(self._state, self._submitter, self._watch)
        self.line = WaitingLine(self._state, self.worker, self._salvage, self.past)
        self._fleet_follower = FleetFollower(self._state, self.wake)

    # State

    @property
    def window(self) -> Restoring | Window | None:
        """The aggregate; None until the window knows who it is."""
        return self._state.window

    @property
    def identity(self) -> Identity | None:
        """This window's identity, once it is known."""
        return self._state.identity

    @property
    def fleet(self) -> Fleet:
        """The servers, as the gateway last reported them."""
        return self._state.fleet

    @property
    def fleet_error(self) -> MooringError | None:
        """Why the fleet is unknown."""
        return self._state.fleet_error

    @property
    def store_error(self) -> StorageError | None:
        """Why the last access to the store failed."""
        return self._state.store_error

    @property
    def progress(self) -> Mapping[PromptId, Progress]:
        """How far each running task is, by the socket's events."""
        return self._state.progress

    @property
    def previews(self) -> Mapping[PromptId, Preview]:
        """The latest preview of each running task."""
        return self._state.previews

    def outlook(self, task: Task) -> Outlook:
        """When one of this window's tasks is expected to end or, if it waits, to begin; empty if that is unknown."""
        return self._forecast.outlook(task)

    @property
    def runs(self) -> tuple[Run, ...]:
        """Clicks on Run in progress, and failed ones until they are dismissed."""
        return tuple(self._state.runs.values())

    @property
    def has_loose_ends(self) -> bool:
        """Whether something would be lost if this page closed now; running tasks alone would not."""
        return self._state.loose_ends.any(self.runs, self.store_error) or self.line.files.has_unread

    @property
    def results(self) -> Results:
        """The results kept in this browser, and how much."""
        return self._results

    @property
    def socket(self) -> SocketFacts:
        """The window's socket."""
        return self._state.socket

    @property
    def stalled(self) -> frozenset[PromptId]:
        """The tasks that have not moved for longer than is normal on their server; a warning, no end."""
        return self._state.stalled

    def steady(self) -> float:
        """The present time by the clock that is never set."""
        return self._state.ports.clock.steady()

    def still_for(self, prompt_id: PromptId) -> float:
        """Seconds for which polls of that task have shown no progress."""
        stillness = self._state.stillness.get(prompt_id)
        return stillness.still_for if stillness else 0.0

    @property
    def noticed(self) -> Mapping[ServerId, Noticed]:
        """By server: that it was restarted, lost its history, or was replaced."""
        return self._state.noticed

    @property
    def orphans(self) -> tuple[Orphan, ...]:
        """Work of closed windows, as last found; `adopt` takes one over."""
        return self._salvage.orphans

    @property
    def orphan_records(self) -> tuple[OrphanRecord, ...]:
        """Unreadable records of closed windows; `give_up` deletes one."""
        return self._salvage.records

    def subscribe(self, listener: Callable[[], None], on_move: Callable[[], None] | None = None) -> Callable[[], None]:
        """Call `listener` after every change, `on_move` after every step of progress; the returned function ends it."""
        return self._state.subscribe(listener, on_move)

    # Lifecycle

    async def start(self) -> None:
        """Claim the id, read the records, watch unfinished tasks. If the store cannot be read, `store_error` is set."""
        state = self._state
        state.identity = await state.ports.windows.claim()
        state.window = Restoring(state.identity.window_id)
        state.note("claimed", **asdict(state.identity))
        state.spawn(state.journal_writer.keep(state.identity.window_id), "journal")
        state.spawn(self._fleet_follower.keep(), "fleet")
        await self._restorer.restore()
        self._refresh()
        state.spawn(self._socket.keep(), "socket")
        if not self._is_crew:  # a crew sends from its captain's line
            await self.line.restore()
            state.spawn(self.line.keep(), "line")
            state.spawn(self.line.files.keep(), "files")

    async def until_fleet(self) -> None:
        """Return once the gateway has reported the servers, or cannot be expected to."""
        await self._submitter.places.until_fleet()

    def wake(self, reason: str) -> None:
        """Check everything now, because something woke the window.

        That is one of online, visible, pageshow, first fleet, fleet, gone.
        """
        log.info("wake: %s", reason)
        self._state.note("wake", reason=reason)
        self._state.spawn(self._wake(reason), "wake")
        if reason not in {"first fleet", "fleet", "gone"}:  # the others mean that the user or the network is back
            self._socket.retake()

    async def _wake(self, reason: str) -> None:
        state = self._state
        if state.identity is None:
            return
        if isinstance(state.window, Restoring):
            await self._restorer.restore()
        if not isinstance(state.window, Window):
            return
        if reason == "first fleet":  # what is kept has just been read
            self._ask_servers()
            self._socket.hurry()
            return
        await self._restorer.reread()
        self._refresh()
        self._socket.hurry()
        if not self._is_crew:
            await self.line.reread()

    def _refresh(self) -> None:
        """Start all polls, deliveries and searches of the window now, and read again what is kept."""
        if isinstance(self._state.window, Window):
            self._ask_servers()
            self._results.refresh_soon()
            self.past.refresh()
            self._load_estimates()

    def _ask_servers(self) -> None:
        self._watch.poll_soon()
        self._watch.poll_ended()
        self._courier.hurry()
        if not self._is_crew:
            self._salvage.search_soon()

    async def stop(self) -> None:
        """End all background work, as a closing page does."""
        await self._state.stop()

    def lean(self, leanings: Mapping[ServerId, Leaning]) -> None:
        """Set which servers this tab's sessions prefer or avoid."""
        self._state.leanings.clear()
        self._state.leanings.update(leanings)
        self._state.changed()

    # Running work

    async def run(
        self,
        workflow: ApiWorkflow,
        *,
        title: str = "",
        inputs: Inputs | None = None,
        server_id: ServerId | None = None,
        unable: Mapping[ServerId, str] | None = None,
        editor: str = "",
        templates: tuple[Template, ...] = (),
        prompt_id: PromptId | None = None,
        is_apart: bool = False,
    ) -> PromptId:
        """Submit a workflow: reserve, connect, upload, register, submit. Raises the error of the step that failed.

        If two of the user's runs are ahead already, or what it needs does not answer, it waits in the tab's line
        (`session/waiting/waiting_runs.py`). With `is_apart`, another session of the tab sends it if this one's server
        is not the one asked for.

        `inputs` are files by (node id, input name). `server_id` allows no other server. `unable` are the servers
        that cannot run it, each with its cause (lacks). `editor` is the copy of the editor's file that is sent
        along (`workflows/editor/copy.py`), `templates` those of prompts that were drawn for this run. `prompt_id` is
        that of a click from before there was a session: the store registers it once.
        """
        prompt_id = prompt_id or PromptId(self._state.ports.random.uuid4())
        wish, copy = Wish(asked=server_id), EditorCopy(editor)
        order = RunOrder(
            prompt_id,
            workflow,
            title,
            inputs or {},
            wish,
            unable=unable or {},
            editor=copy,
            templates=templates,
            is_apart=is_apart,
        )
        return await self._run_or_wait(order)

    async def knows(self, prompt_id: PromptId) -> bool:
        """Whether a run is recorded: as a task or in a line, whichever window has it."""
        return await self.line.clicks.knows(prompt_id)

    async def _run_or_wait(self, order: RunOrder) -> PromptId:
        """Record a click, then carry it out, or let it wait for its turn in the tab's line; return the id under which
        it is known."""
        line = self._captain.line
        order = replace(order, wish=replace(order.wish, is_unbounded=line.is_unbounded), is_kept=True)
        try:
            pressed = line.clicks.note(order)
            if pressed.is_noted and self._before(order) is None:
                self._submitter.begin(order)
            return await self._carry_out(await line.clicks.record(pressed))
        except MooringError as error:
            await self._refuse(order, error)
            raise

    async def _refuse(self, order: RunOrder, error: MooringError) -> None:
        """Show and keep a click that was not sent; one that was has its task."""
        state, run = self._state, self._state.runs.get(order.prompt_id)
        if isinstance(state.window, Window) and order.prompt_id in state.window.tasks:
            return
        if run is None or run.stage is not RunStage.FAILED:
            state.show_refused(order.prompt_id, order.title, state.ports.clock.now(), error)
        await self._captain.line.clicks.refuse(order.prompt_id, error)

    def _before(self, order: RunOrder) -> MooringError | None:
        """Return why a click waits, if that is known already: its turn has not come, or its server does not answer."""
        locked, ahead = self.worker.locked, self.worker.ahead
        if locked is not None and order.is_apart and order.wish.asked != locked:
            return self.worker.silence or NotYourTurn("run", locked, ahead)
        if order.wish.asked not in {None, locked} or order.wish.avoided == locked:  # it is refused
            return None
        if ahead >= AHEAD and not order.wish.is_unbounded:
            return NotYourTurn("run", locked, ahead)
        is_moved = any(task.contact is Contact.MOVED for task in self.worker.own_unfinished)
        return None if is_moved else self.worker.silence

    async def _carry_out(self, pressed: Pressed) -> PromptId:
        """Send a recorded click, or let it wait for its turn."""
        state, order, tried = self._state, pressed.order, None
        cause: MooringError
        if (before := self._before(order)) is not None:
            return await self._let_wait(pressed, before)
        try:
            prompt_id = await self._submitter.run(order)
            self._captain.line.clicks.sent(prompt_id)
            tried = state.get_window("run").tasks.get(prompt_id)
            failure = tried.failure if tried is not None else None
            if tried is None or failure is None or not comfy.may_go_later(failure):
                return prompt_id
            is_early = comfy.waits_for_turn(failure)
            cause = NotYourTurn("run", tried.server_id, AHEAD) if is_early else comfy.refusal_of(tried, failure)
        except MooringError as error:
            if not (isinstance(error, NotYourTurn) or may_pass(error)):
                raise
            cause = error
        if not isinstance(cause, NotYourTurn):
            self.worker.rest(cause, state.changed)
        return await self._let_wait(pressed, cause, tried)

    async def _let_wait(self, pressed: Pressed, cause: MooringError, tried: Task | None = None) -> PromptId:
        """Let a click wait in the line, which any session of the tab may send: this one shows it no longer."""
        prompt_id = pressed.order.prompt_id
        self._state.runs.pop(prompt_id, None)
        try:
            return await self._captain.line.clicks.wait(pressed, cause, tried)
        except MooringError:
            if tried is None:  # else its task shows what happened
                await self._submitter.places.stop_waiting(prompt_id)
            raise

    async def run_again(
        self,
        prompt_id: PromptId,
        *,
        elsewhere: bool = False,
        server_id: ServerId | None = None,
        values: Mapping[tuple[str, str], object] = MappingProxyType({}),
    ) -> PromptId:
        """Repeat a task as a new one, with its kept inputs, here or (`elsewhere`) on any other server.

        With a `server_id` it goes there, by another session of the tab if this one's server is another.

        With other `values` it is a run of its own, a variation.

        The state of the old task does not matter, so the work may run twice: warn the user first. `elsewhere` gives
        up an unfinished task first, because it holds the window; while other work holds that, another session of the
        tab sends the new one. A past task can be repeated as well. BadInput if the bytes of an input or the workflow
        are no longer kept (those of private work are not, after a reload).
        """
        held = self._state.get_window("run_again").tasks.get(prompt_id)
        task = held if held is not None else await self.past.read_task(prompt_id)
        if not task.workflow:
            raise BadInput("words-not-kept", task.title)
        inputs = {(str(item.node_id), item.input_name): await self._kept_input(item) for item in task.inputs}
        new_id, workflow = PromptId(self._state.ports.random.uuid4()), parse_workflow(task.workflow)
        workflow, again_of = workflow.with_values(values), None if values else prompt_id
        copy = await self._submitter.editors.for_run_again(task)
        origin = Origin(task.server_id, task.created_at)
        order = RunOrder(
            new_id,
            workflow,
            task.title,
            inputs,
            Wish(asked=server_id),
            again_of,
            editor=copy,
            origin=origin,
            templates=task.templates,
            is_apart=server_id is not None,
        )
        return await self._run_or_wait(await self._leave(task, order) if elsewhere else order)

    async def _leave(self, task: Task, order: RunOrder) -> RunOrder:
        """Give up an unfinished task, once another server was found for its work; return the order for another server.

        If other work holds the window to the task's server, the order asks for the one that was found.
        """
        avoiding = replace(order, wish=Wish(avoided=task.server_id))
        if task.state.is_end and self.worker.locked != task.server_id:
            return avoiding
        found = await self._submitter.find_elsewhere(task, order)
        if not task.state.is_end:
            await self.give_up(task.prompt_id)
        is_held = self.worker.locked == task.server_id
        return replace(order, wish=Wish(asked=found), is_apart=True) if is_held else avoiding

    async def visit(self, server_id: ServerId, prompt_id: PromptId) -> Task | None:
        """Return a run that this browser has no record of, from its server's history; None if it is not there."""
        return await visit(self._state, server_id, prompt_id)

    async def uses_credits(self, prompt_id: PromptId) -> bool:
        """Return whether a server of the fleet lists a node of this task, or past task, as one that costs credits."""
        held = self._state.get_window("uses_credits").tasks.get(prompt_id)
        task = held if held is not None else await self.past.read_task(prompt_id)
        return bool(task.workflow) and await self._submitter.capable.uses_credits(parse_workflow(task.workflow))

    async def confirm_move(self, prompt_id: PromptId) -> None:
        """Record that the user confirms the fleet's new address as the server that has this task; its work continues.

        It holds for all of this window's work with that server and address. ServerMoved if the fleet lost the id.
        """
        task = self._state.get_task("confirm_move", prompt_id)
        server = self._state.fleet.get(task.server_id)
        if server is None:
            raise ServerMoved("confirm_move", task.server_id, task.address)
        for item in tuple(self._state.get_window("confirm_move").tasks.values()):
            if (item.server_id, item.address) == (task.server_id, task.address):
                await self._state.amend(item.prompt_id, partial(replace, confirmed_address=server.address))
        self._state.set_fleet(self._state.fleet)
        self._follow_new_tasks()

    async def _kept_input(self, item: InputFile) -> Picked:
        blob = await self._state.ports.store.read_input(item.sha256)
        if blob is None:
            raise BadInput("input-not-kept", item.original_name or item.name)
        return Picked(blob, item.original_name or item.name)

    async def keep_input(self, blob: Blob) -> str:
        """Keep a file picked in a form, as a run would; return its hash, or nothing if it is too large."""
        if blob.size > INPUT_KEPT:
            return ""
        sha256 = await sha256_of(blob)
        await self._state.ports.store.keep_input(sha256, blob, self._state.ports.clock.now())
        return sha256

    async def find_orphans(self) -> tuple[Orphan, ...]:
        """Search for work of closed windows now."""
        return await self._salvage.search()

    async def adopt(self, prompt_id: PromptId) -> Task:
        """Take over an orphan as a ward: watched and delivered here, never holding this window.

        NotOwner if another window was faster.
        """
        task = await self._salvage.adopt(prompt_id)
        self._follow_new_tasks()
        return task

    def _follow_new_tasks(self) -> None:
        self._watch.poll_soon()
        self._courier.hurry()
        self._load_estimates()

    def _load_estimates(self) -> None:
        """Load what the display of unfinished work needs: learned times and last previews."""
        self._forecast.refresh_soon()
        self._state.spawn(self._last_previews.restore(), "previews")

    def name_project(self, name: str) -> None:
        """Set the project's name for new work of this tab; existing tasks keep theirs."""
        self._state.tab.project = name.strip()[:LONGEST_PROJECT]

    def choose_previews(self, previews: Previews) -> None:
        """Set which previews new runs of this tab ask for; prompts that were sent keep theirs."""
        self._state.tab.previews = previews

    async def retry_run(self, prompt_id: PromptId) -> None:
        """Send a click that was not sent as soon as that is possible."""
        await self._captain.line.clicks.retry(prompt_id)
        self._state.runs.pop(prompt_id, None)
        self._state.changed()

    async def dismiss_run(self, prompt_id: PromptId) -> None:
        """Forget a click that was not sent."""
        await self._captain.line.clicks.dismiss(prompt_id)
        self._state.runs.pop(prompt_id, None)
        self._state.changed()

    async def cancel(self, prompt_id: PromptId) -> None:
        """Stop that task and no other."""
        await self._watch.cancel(prompt_id)

    async def give_up(self, prompt_id: PromptId) -> None:
        """Stop tracking a task, as the user chose: it ends as given up, and the window may become free.

        One whose record cannot be read is deleted: no end can be written into it.
        """
        if any(record.prompt_id == prompt_id for record in self._state.get_window("give_up").unreadable):
            await self._state.discard(prompt_id)
        elif self._salvage.has_record(prompt_id):
            await self._salvage.give_up(prompt_id)
        else:
            await self._watch.give_up(prompt_id)

    async def look_again(self, prompt_id: PromptId) -> None:
        """Poll that task's server and fetch its results now."""
        await self._watch.look_again(prompt_id)
        self._courier.hurry()

    async def delete_task(self, prompt_id: PromptId) -> None:
        """Delete an ended task and its kept results from this browser."""
        task = self._state.get_task("delete_task", prompt_id)
        if not task.state.is_end:
            raise InvalidTransition("delete_task", "the task has not ended")
        await self._state.ports.store.delete_task(task)
        self._state.forget(prompt_id)
        await self._state.retry_writes()  # there is room now
        self._results.refresh_soon()

    async def wait_for(self, prompt_id: PromptId) -> Task:
        """Wait until a task has ended and its results are delivered (or known to be missing), and return it."""
        while True:
            prompt_id = self.line.successor(prompt_id)
            waiting = self.line.line
            if prompt_id not in self.line.sending and (waiting is None or not waiting.has(prompt_id)):
                task = self._state.get_task("wait_for", prompt_id)
                if task.is_delivered:
                    return task
            await self._state.wait_change()

    async def read_result(self, prompt_id: PromptId, index: int = 0) -> Blob | None:
        """The bytes of one output as kept in this browser, or None."""
        return await self._results.read(prompt_id, index)

    # The scripting interface

    def get_api_base_url(self) -> str | None:
        """Where this window's server is reached from this page; None while the window is free."""
        mooring = self._state.get_window("get_api_base_url").mooring
        if not isinstance(mooring, Moored):
            return None
        return get_api_base_url("get_api_base_url", mooring, self._state.fleet)

    async def upload_image(self, blob: Blob, filename: str) -> comfy.Uploaded:
        """Upload, holding a reservation until a submit uses it or `release_uploads` gives it up."""
        return await self._scripting.upload_image(blob, filename)

    async def release_uploads(self) -> None:
        """Give up the reservation that uploads hold."""
        await self._scripting.release_uploads()

    async def submit_workflow(
        self, workflow: ApiWorkflow, *, title: str = "", inputs: Inputs | None = None, editor: str = ""
    ) -> PromptId:
        """Like `run`, on the server that holds this interface's uploads; raises what the server refused."""
        return await self._scripting.submit_workflow(workflow, title, inputs or {}, editor)

    async def get_task_history(self, prompt_id: PromptId) -> dict[str, Any]:
        """The history answer of the task's own server, as JSON text: `{}` if it has none."""
        return await self._scripting.get_task_history(prompt_id)

    def get_task_bound_image_url(self, prompt_id: PromptId, index: int = 0) -> str:
        """The address of one output, on the server that made it, wherever the window is moored now."""
        return self._scripting.get_task_bound_image_url(prompt_id, index)

    def validate_server_consistency(self, operation: str, server_id: ServerId) -> None:
        """Raise if the operation would go to an unknown server, or to another one than the window's own."""
        self._state.guard(operation, server_id)

    # The journal

    @property
    def journal(self) -> JournalWriter:
        """What happened in this window lately, and the state of its copy."""
        return self._state.journal_writer

    def note(self, kind: str, **facts: Any) -> None:
        """Add an entry to the journal for what happened outside of the session, such as errors of the page."""
        self._state.note(kind, **facts)

    def violations(self) -> tuple[str, ...]:
        """What contradicts a promise now: in the records, between memory and store, or at the live socket."""
        return violations(self._state)

    async def verify(self) -> tuple[str, ...]:
        """Reread the store, drop what is not ours, and return what still contradicts."""
        await self._restorer.reread()
        return self.violations()

    async def catalogue(self, server_id: ServerId, names: frozenset[str]) -> Catalogue | None:
        """A server's description of these node classes; None if it is unknown now."""
        server = self.fleet.get(server_id)
        return None if server is None else await self._submitter.capable.catalogue(server, names)

    @property
    def files(self) -> WorkflowFiles:
        """Workflows that are published, or saved on a server."""
        return self._files

    async def standing(self, workflow: ApiWorkflow, supplied: Collection[Key] = ()) -> Runnability:
        """On which servers a workflow runs, and what the others lack; files for `supplied` come with an upload."""
        return (await self._submitter.capable.survey(workflow, supplied)).standing

    async def choices(self, server_id: ServerId, route: str) -> tuple[str, ...]:
        """The choices listed by a server at a node's route; empty if the server is not in the fleet."""
        server = self.fleet.get(server_id)
        return () if server is None else await read_choices(self._state.ports.http, server, route)

    async def refresh_catalogues(self) -> None:
        """Have all reachable servers' catalogues reread; the fleet reports the differences."""
        await self._submitter.capable.refresh_all()

    def reset_socket(self) -> None:
        """Reconnect the socket to the same server; the mooring stays."""
        self._socket.reset()
