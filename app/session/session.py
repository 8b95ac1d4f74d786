"""A session: the work of one user over the ports, and the interface for the page and the console.

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
from app.session.submitting.capability import Capabilities
from app.session.submitting.editor_files import EditorCopy
from app.session.submitting.named_files import Origin
from app.session.submitting.remote_choices import read_choices
from app.session.submitting.submit import Inputs, RunOrder, Submitter
from app.session.waiting.clicks import Pressed
from app.session.waiting.waiting_runs import WaitingLine
from app.session.waiting.worker import WindowWorker
from app.session.watching.deafness import DeafnessDetector
from app.session.watching.fleet_follower import FleetFollower
from app.session.watching.forecast import Forecast
from app.session.watching.socket import WindowSocket
from app.session.watching.watch import Watch
from app.session.window import SessionWindow
from app.session.windows import SessionWindows
from app.workflows.catalogue import Catalogue
from app.workflows.graph import Key
from app.workflows.needs import Runnability
from wire.turns import AHEAD

LONGEST_PROJECT = 80  # characters
INPUT_KEPT = 64 * 1024 * 1024  # bytes of a file that is kept for the form alone; all inputs together have 256 MB

log = logging.getLogger("mooring.session")


class Session:
    """The work of one user on this page, from the click to the picture. It has several windows, and sends for all."""

    def __init__(self, ports: Ports) -> None:
        self._state = state = State(ports)
        self.past = Past(state)
        self.results = Results(state)
        self.files = WorkflowFiles(state)
        self.models = Models(state)
        self._salvage = Salvage(state, self.past)
        self._forecast = Forecast(state)
        self._capable = Capabilities(state)
        self._courier = Courier(state, self.results, self.past)
        self._watch = Watch(state, self._forecast, self._courier, self._hearing_of)
        self._last_previews = LastPreviews(state)
        self._restorer = Restorer(state)
        self._windows = SessionWindows(state, self._make_worker, self._restorer, self._refresh)
        self._scripting = Scripting(state, self._windows.own.submitter)
        self.model_downloads = ModelDownloads(state, self._capable.refresh)
        self.line = WaitingLine(state, self._watch, self._salvage, self.past)
        self.line.add_window(self._windows.own)
        self._fleet_follower = FleetFollower(state, self.wake)

    def _hearing_of(self, task: Task) -> DeafnessDetector:
        return self._windows.hearing_of(task)  # which are made later, with the watch

    def _make_worker(self, window: SessionWindow) -> WindowWorker:
        hearing = DeafnessDetector(window)
        socket = WindowSocket(window, self._watch, self._forecast, hearing)
        submitter = Submitter(window, socket, self._watch, self._forecast, self._capable)
        return WindowWorker(window, hearing, socket, submitter)

    # State

    @property
    def window(self) -> Restoring | Window | None:
        """The session's own window; None until it is known."""
        return self._state.records.own

    @property
    def windows(self) -> tuple[Window, ...]:
        """All windows that have read their records, the own one first."""
        return self._state.records.windows

    @property
    def workers(self) -> tuple[WindowWorker, ...]:
        """What sends from each window, the own one first."""
        return self._windows.workers

    @property
    def identity(self) -> Identity | None:
        """The identity of this page, once it is known."""
        return self._state.identity

    @property
    def fleet(self) -> Fleet:
        """The servers, as the gateway last reported them."""
        return self._state.servers.fleet

    @property
    def fleet_error(self) -> MooringError | None:
        """Why the fleet is unknown."""
        return self._state.servers.fleet_error

    @property
    def store_error(self) -> StorageError | None:
        """Why the last access to the store failed."""
        return self._state.records.store_error

    @property
    def progress(self) -> Mapping[PromptId, Progress]:
        """How far each running task is, by the socket's events."""
        return self._state.live.progress

    @property
    def previews(self) -> Mapping[PromptId, Preview]:
        """The latest preview of each running task."""
        return self._state.live.previews

    def outlook(self, task: Task) -> Outlook:
        """When a task is expected to end or, if it waits, to begin; empty if that is unknown."""
        return self._forecast.outlook(task)

    @property
    def runs(self) -> tuple[Run, ...]:
        """Clicks on Run in progress, and failed ones until they are dismissed."""
        return tuple(self._state.live.runs.values())

    @property
    def has_loose_ends(self) -> bool:
        """Whether something would be lost if this page closed now; running tasks alone would not."""
        return self._state.records.loose_ends.any(self.runs, self.store_error) or self.line.files.has_unread

    @property
    def socket(self) -> SocketFacts:
        """The socket of the own window."""
        return self._windows.own.window.socket

    @property
    def stalled(self) -> frozenset[PromptId]:
        """The tasks that have not moved for longer than is normal on their server; a warning, no end."""
        return self._state.live.stalled

    def steady(self) -> float:
        """The present time by the clock that is never set."""
        return self._state.ports.clock.steady()

    def still_for(self, prompt_id: PromptId) -> float:
        """Seconds for which polls of that task have shown no progress."""
        stillness = self._state.live.stillness.get(prompt_id)
        return stillness.still_for if stillness else 0.0

    @property
    def noticed(self) -> Mapping[ServerId, Noticed]:
        """By server: that it was restarted, lost its history, or was replaced."""
        return self._state.live.noticed

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
        state.note("claimed", **asdict(state.identity))
        state.spawn(state.journal_writer.keep(state.identity.window_id), "journal")
        state.spawn(self._fleet_follower.keep(), "fleet")
        await self._windows.claim(state.identity.window_id)
        self._search_orphans()
        await self.line.restore()
        state.spawn(self.line.keep(), "line")
        state.spawn(self.line.files.keep(), "files")
        state.spawn(self._windows.keep(self.line), "windows")

    async def until_fleet(self) -> None:
        """Return once the gateway has reported the servers, or cannot be expected to."""
        await self._windows.own.submitter.places.until_fleet()

    def wake(self, reason: str) -> None:
        """Check everything now, because something woke the page.

        That is one of online, visible, pageshow, first fleet, fleet, gone.
        """
        log.info("wake: %s", reason)
        self._state.note("wake", reason=reason)
        self._state.spawn(self._wake(reason), "wake")
        if reason not in {"first fleet", "fleet", "gone"}:  # the others mean that the user or the network is back
            for worker in self.workers:
                worker.socket.retake()

    async def _wake(self, reason: str) -> None:
        state = self._state
        if state.identity is None:
            return
        await self._windows.restore()
        if not isinstance(self.window, Window):
            return
        if reason == "first fleet":  # what is kept has just been read
            self._ask_servers()
            self._search_orphans()
            self._hurry_sockets()
            return
        await self._restorer.reread()
        self._refresh()
        self._search_orphans()
        self._hurry_sockets()
        await self.line.reread()

    def _hurry_sockets(self) -> None:
        for worker in self.workers:
            worker.socket.hurry()

    def _refresh(self) -> None:
        """Start all polls and deliveries now, and read again what is kept."""
        if isinstance(self.window, Window):
            self._ask_servers()
            self.results.refresh_soon()
            self.past.refresh()
            self._load_estimates()

    def _ask_servers(self) -> None:
        self._watch.poll_soon()
        self._watch.poll_ended()
        self._courier.hurry()

    def _search_orphans(self) -> None:
        if isinstance(self.window, Window):
            self._salvage.search_soon()

    async def stop(self) -> None:
        """End all background work, as a closing page does."""
        await self._state.stop()

    def lean(self, leanings: Mapping[ServerId, Leaning]) -> None:
        """Set which servers new work prefers or avoids."""
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
        (`session/waiting/waiting_runs.py`). With `is_apart`, another window of the session sends it if the own one's
        server is not the one asked for.

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
        return await self._run_or_wait(order, self._windows.own)

    async def knows(self, prompt_id: PromptId) -> bool:
        """Whether a run is recorded: as a task or in a line, whichever window has it."""
        return await self.line.clicks.knows(prompt_id)

    async def _run_or_wait(self, order: RunOrder, worker: WindowWorker) -> PromptId:
        """Record a click, then carry it out in a window, or let it wait for its turn in the line; return the id under
        which it is known."""
        line = self.line
        order = replace(order, wish=replace(order.wish, is_unbounded=line.is_unbounded), is_kept=True)
        try:
            pressed = line.clicks.note(order)
            if pressed.is_noted and self._before(order, worker) is None:
                worker.submitter.begin(order)
            return await self._carry_out(await line.clicks.record(pressed), worker)
        except MooringError as error:
            await self._refuse(order, error)
            raise

    async def _refuse(self, order: RunOrder, error: MooringError) -> None:
        """Show and keep a click that was not sent; one that was has its task."""
        state, run = self._state, self._state.live.runs.get(order.prompt_id)
        if order.prompt_id in state.records.tasks:
            return
        if run is None or run.stage is not RunStage.FAILED:
            state.live.show_refused(order.prompt_id, order.title, state.ports.clock.now(), error)
        await self.line.clicks.refuse(order.prompt_id, error)

    @staticmethod
    def _before(order: RunOrder, worker: WindowWorker) -> MooringError | None:
        """Return why a click waits, if that is known already: its turn has not come, or its server does not answer."""
        locked, ahead = worker.locked, worker.ahead
        if locked is not None and order.is_apart and order.wish.asked != locked:
            return worker.silence or NotYourTurn("run", locked, ahead)
        if order.wish.asked not in {None, locked} or order.wish.avoided == locked:  # it is refused
            return None
        if ahead >= AHEAD and not order.wish.is_unbounded:
            return NotYourTurn("run", locked, ahead)
        is_moved = any(task.progress.contact is Contact.MOVED for task in worker.own_unfinished)
        return None if is_moved else worker.silence

    async def _carry_out(self, pressed: Pressed, worker: WindowWorker) -> PromptId:
        """Send a recorded click, or let it wait for its turn."""
        state, order, tried = self._state, pressed.order, None
        cause: MooringError
        if (before := self._before(order, worker)) is not None:
            return await self._let_wait(pressed, before)
        try:
            prompt_id = await worker.submitter.run(order)
            self.line.clicks.sent(prompt_id)
            tried = state.records.tasks.get(prompt_id)
            failure = tried.end.failure if tried is not None else None
            if tried is None or failure is None or not comfy.may_go_later(failure):
                return prompt_id
            is_early = comfy.waits_for_turn(failure)
            cause = NotYourTurn("run", tried.server_id, AHEAD) if is_early else comfy.refusal_of(tried, failure)
        except MooringError as error:
            if not (isinstance(error, NotYourTurn) or may_pass(error)):
                raise
            cause = error
        if not isinstance(cause, NotYourTurn):
            worker.rest(cause, state.changed)
        return await self._let_wait(pressed, cause, tried)

    async def _let_wait(self, pressed: Pressed, cause: MooringError, tried: Task | None = None) -> PromptId:
        """Let a click wait in the line, which any window of the session may send."""
        prompt_id = pressed.order.prompt_id
        self._state.live.drop_run(prompt_id)
        try:
            return await self.line.clicks.wait(pressed, cause, tried)
        except MooringError:
            if tried is None:  # else its task shows what happened
                await self._windows.own.submitter.places.stop_waiting(prompt_id)
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

        With a `server_id` it goes there, by another window of the session if the task's own has another server.

        With other `values` it is a run of its own, a variation.

        The state of the old task does not matter, so the work may run twice: warn the user first. `elsewhere` gives
        up an unfinished task first, because it holds its window; while other work holds that, another window of
        the session sends the new one. A past task can be repeated as well. BadInput if the bytes of an input or the
        workflow are no longer kept (those of private work are not, after a reload).
        """
        task, worker = await self._find_task("run_again", prompt_id), self._windows.of_task(prompt_id)
        if not task.workflow:
            raise BadInput("words-not-kept", task.title)
        inputs = {(str(item.node_id), item.input_name): await self._kept_input(item) for item in task.inputs}
        new_id, workflow = PromptId(self._state.ports.random.uuid4()), parse_workflow(task.workflow)
        workflow, again_of = workflow.with_values(values), None if values else prompt_id
        copy = await worker.submitter.editors.for_run_again(task)
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
        return await self._run_or_wait(await self._leave(task, order, worker) if elsewhere else order, worker)

    async def _find_task(self, operation: str, prompt_id: PromptId) -> Task:
        """Return a task of this session, or a past one."""
        self._state.records.get_window(operation)
        held = self._state.records.tasks.get(prompt_id)
        return held if held is not None else await self.past.read_task(prompt_id)

    async def _leave(self, task: Task, order: RunOrder, worker: WindowWorker) -> RunOrder:
        """Give up an unfinished task, once another server was found for its work; return the order for another server.

        If other work holds the window to the task's server, the order asks for the one that was found.
        """
        avoiding = replace(order, wish=Wish(avoided=task.server_id))
        if task.state.is_end and worker.locked != task.server_id:
            return avoiding
        found = await worker.submitter.find_elsewhere(task, order)
        if not task.state.is_end:
            await self.give_up(task.prompt_id)
        is_held = worker.locked == task.server_id
        return replace(order, wish=Wish(asked=found), is_apart=True) if is_held else avoiding

    async def visit(self, server_id: ServerId, prompt_id: PromptId) -> Task | None:
        """Return a run that this browser has no record of, from its server's history; None if it is not there."""
        return await visit(self._state, server_id, prompt_id)

    async def uses_credits(self, prompt_id: PromptId) -> bool:
        """Return whether a server of the fleet lists a node of this task, or past task, as one that costs credits."""
        task = await self._find_task("uses_credits", prompt_id)
        return bool(task.workflow) and await self._capable.uses_credits(parse_workflow(task.workflow))

    async def confirm_move(self, prompt_id: PromptId) -> None:
        """Record that the user confirms the fleet's new address as the server that has this task; its work continues.

        It holds for all work of this session with that server and address. ServerMoved if the fleet lost the id.
        """
        task = self._state.records.get_task("confirm_move", prompt_id)
        server = self._state.servers.fleet.get(task.server_id)
        if server is None:
            raise ServerMoved("confirm_move", task.server_id, task.address)
        for item in tuple(self._state.records.tasks.values()):
            if (item.server_id, item.address) == (task.server_id, task.address):
                await self._state.records.amend(item.prompt_id, partial(replace, confirmed_address=server.address))
        self._state.servers.confirmed(self._state.records.tasks.values())
        self._state.changed()
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
        self._state.project = name.strip()[:LONGEST_PROJECT]

    def choose_previews(self, previews: Previews) -> None:
        """Set which previews new runs of this tab ask for; prompts that were sent keep theirs."""
        self._state.previews = previews

    async def retry_run(self, prompt_id: PromptId) -> None:
        """Send a click that was not sent as soon as that is possible."""
        await self.line.clicks.retry(prompt_id)
        self._state.live.drop_run(prompt_id)
        self._state.changed()

    async def dismiss_run(self, prompt_id: PromptId) -> None:
        """Forget a click that was not sent."""
        await self.line.clicks.dismiss(prompt_id)
        self._state.live.drop_run(prompt_id)
        self._state.changed()

    async def cancel(self, prompt_id: PromptId) -> None:
        """Stop that task and no other."""
        await self._watch.cancel(prompt_id)

    async def give_up(self, prompt_id: PromptId) -> None:
        """Stop tracking a task, as the user chose: it ends as given up, and the window may become free.

        One whose record cannot be read is deleted: no end can be written into it.
        """
        self._state.records.get_window("give_up")
        if any(record.prompt_id == prompt_id for window in self.windows for record in window.unreadable):
            await self._state.records.discard(prompt_id)
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
        task = self._state.records.get_task("delete_task", prompt_id)
        if not task.state.is_end:
            raise InvalidTransition("delete_task", "the task has not ended")
        await self._state.ports.store.delete_task(task)
        self._state.records.forget(prompt_id)
        await self._state.records.retry_writes()  # there is room now
        self.results.refresh_soon()

    async def wait_for(self, prompt_id: PromptId) -> Task:
        """Wait until a task has ended and its results are delivered (or known to be missing), and return it."""
        while True:
            prompt_id = self.line.successor(prompt_id)
            waiting = self.line.line
            if prompt_id not in self.line.sending and (waiting is None or not waiting.has(prompt_id)):
                task = self._state.records.get_task("wait_for", prompt_id)
                if task.is_delivered:
                    return task
            await self._state.wait_change()

    async def read_result(self, prompt_id: PromptId, index: int = 0) -> Blob | None:
        """The bytes of one output as kept in this browser, or None."""
        return await self.results.read(prompt_id, index)

    # The scripting interface

    def get_api_base_url(self) -> str | None:
        """Where this window's server is reached from this page; None while the window is free."""
        mooring = self._state.records.get_window("get_api_base_url").mooring
        if not isinstance(mooring, Moored):
            return None
        return get_api_base_url("get_api_base_url", mooring, self._state.servers.fleet)

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
        self._windows.own.window.guard(operation, server_id)

    # The journal

    @property
    def journal(self) -> JournalWriter:
        """What happened in this window lately, and the state of its copy."""
        return self._state.journal_writer

    def note(self, kind: str, **facts: Any) -> None:
        """Add an entry to the journal for what happened outside of the session, such as errors of the page."""
        self._state.note(kind, **facts)

    def violations(self, *windows: Window) -> tuple[str, ...]:
        """What contradicts a promise now: in the records, between memory and store, or at a live socket.

        Of these windows, or of all.
        """
        return tuple(text for window in windows or self.windows for text in violations(self._state, window))

    async def verify(self) -> tuple[str, ...]:
        """Reread the store, drop what is not ours, and return what still contradicts."""
        await self._restorer.reread()
        return self.violations()

    async def catalogue(self, server_id: ServerId, names: frozenset[str]) -> Catalogue | None:
        """A server's description of these node classes; None if it is unknown now."""
        server = self.fleet.get(server_id)
        return None if server is None else await self._capable.catalogue(server, names)

    async def standing(self, workflow: ApiWorkflow, supplied: Collection[Key] = ()) -> Runnability:
        """On which servers a workflow runs, and what the others lack; files for `supplied` come with an upload."""
        return (await self._capable.survey(workflow, supplied)).standing

    async def choices(self, server_id: ServerId, route: str) -> tuple[str, ...]:
        """The choices listed by a server at a node's route; empty if the server is not in the fleet."""
        server = self.fleet.get(server_id)
        return () if server is None else await read_choices(self._state.ports.http, server, route)

    async def refresh_catalogues(self) -> None:
        """Have all reachable servers' catalogues reread; the fleet reports the differences."""
        await self._capable.refresh_all()

    def reset_socket(self) -> None:
        """Reconnect the own window's socket to the same server; the mooring stays."""
        self._windows.own.socket.reset()
