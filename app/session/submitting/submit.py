"""One click on Run: reserve, connect, upload, register, submit.

Before the task is registered, nothing is on the server's queue, so a failure releases the place. Afterwards only
evidence ends the task: an unclear answer is settled by polling, never by a second POST.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

from app.core import comfy
from app.core.aim import may_pass
from app.core.balancer import ANY, Wish
from app.core.busy import BUSY, busy_in_front, is_looked_up
from app.core.errors import (
    AffinityError,
    BadInput,
    ConnectError,
    MooringError,
    NoServerAvailable,
    NotOwner,
    NotYourTurn,
    RequestTimeout,
    ServerBusy,
    ServerUnable,
    StorageError,
    TaskNotFound,
    TransportError,
)
from app.core.evidence import Accepted, Evidence, Refused, Unclear
from app.core.job import job_of
from app.core.model import (
    InputFile,
    NodeId,
    Part,
    PromptId,
    Reservation,
    ServerId,
    Task,
    TaskState,
    Template,
)
from app.core.ports.blobs import Blob
from app.core.ports.http import Request, Response
from app.core.previews import preview_method
from app.core.server_file import content_name
from app.core.window import get_api_base_url
from app.core.workflow import ApiWorkflow
from app.session.facts import Picked, Run, RunStage
from app.session.hashing import sha256_of
from app.session.submitting.capability import Capabilities
from app.session.submitting.editor_files import NO_EDITOR, EditorCopy, EditorFiles, Graph
from app.session.submitting.named_files import FoundFiles, Origin
from app.session.submitting.reservations import Reservations
from app.session.timing import begin, first_of
from app.session.watching.forecast import Forecast
from app.session.watching.socket import WindowSocket
from app.session.watching.watch import Watch
from app.session.window import SessionWindow

log = logging.getLogger("mooring.session")

Inputs = Mapping[tuple[str, str], Picked]
Uploads = Sequence[tuple[InputFile, comfy.Uploaded]]
WRITE_RETRY = 2.0  # seconds
CONTACT_DEADLINE = 3.0  # seconds
SLEPT_OVER = 5.0  # seconds; a slower answer of the store may be from before the page was asleep


@dataclass(frozen=True, slots=True)
class RunOrder:
    """What the user asked for with one click."""

    prompt_id: PromptId
    workflow: ApiWorkflow
    title: str
    inputs: Inputs
    wish: Wish = ANY
    again_of: PromptId | None = None  # the task that it repeats
    part: Part | None = None  # set if it comes out of the waiting line
    unable: Mapping[ServerId, str] = field(default_factory=dict)  # the servers that cannot run it, each with its cause
    editor: EditorCopy = NO_EDITOR
    uploaded: tuple[InputFile, ...] = ()  # inputs that the reserved server already has
    origin: Origin | None = None  # the run that is repeated, if any
    templates: tuple[Template, ...] = ()  # of its prompts
    is_quiet: bool = False  # it has waited for its turn already, and shows only once that has come
    is_kept: bool = False  # it is recorded in the line, with its files
    is_apart: bool = False  # another session of the tab sends it if a server that it does not ask for holds this one


@dataclass(frozen=True, slots=True)
class Ready:
    """What the submit of a registered task needs: the editor's graph, and since when the task surely is ours.

    `proven_at` is of the clock that is never set.
    """

    graph: Graph | None
    proven_at: float
    is_unbounded: bool


class Submitter:
    """Takes the orders of one window to their servers."""

    def __init__(
        self, window: SessionWindow, socket: WindowSocket, watch: Watch, forecast: Forecast, capable: Capabilities
    ) -> None:
        self._window = window
        self._state = state = window.state
        self._socket = socket
        self._watch = watch
        self._forecast = forecast
        self.capable = capable
        self.editors = EditorFiles(state)
        self.places = Reservations(window)

    async def run(self, order: RunOrder) -> PromptId:
        """Carry out an order up to the answer of the submit. Raises errors from before there was a task."""
        state = self._state
        if not order.is_quiet:
            self.begin(order)
        try:
            ready = await self._prepare(order)
        except NotYourTurn:
            self.places.forget(order.prompt_id)
            state.live.drop_run(order.prompt_id)
            state.changed()
            raise
        except MooringError as failed:
            error = _without_task(failed)
            await self.places.release(order.prompt_id)
            if isinstance(error, ServerBusy) or (order.is_kept and may_pass(error)):  # it is tried again
                state.live.drop_run(order.prompt_id)
                state.changed()
            else:
                self._show(order.prompt_id, stage=RunStage.FAILED, error=error)
            state.note("run_failed", prompt_id=order.prompt_id, error=error)
            raise error from failed
        except BaseException:  # our own bug, or the page is closing: release the place all the same
            state.live.drop_run(order.prompt_id)
            await self.places.release(order.prompt_id)
            raise
        self._show(order.prompt_id, stage=RunStage.SUBMITTING)
        try:
            await self._submit(order.prompt_id, ready)
        except TaskNotFound as error:  # adopted by another window, which shows its end
            lost = NotOwner("submit_workflow", order.prompt_id)
            self._show(order.prompt_id, stage=RunStage.FAILED, error=lost)
            raise lost from error
        state.live.drop_run(order.prompt_id)
        state.changed()
        self._forecast.refresh_soon()  # not earlier: it reads what the choice of a server locks
        await self._until_looked_up(order.prompt_id)
        return order.prompt_id

    async def _until_looked_up(self, prompt_id: PromptId) -> None:
        """Wait until it is known whether a prompt that met a busy answer was queued: only then it may be sent again."""
        while (task := self._state.records.tasks.get(prompt_id)) is not None and is_looked_up(task):
            await self._state.wait_change()

    def begin(self, order: RunOrder) -> None:
        """Show a run, if it is not shown yet."""
        if order.prompt_id not in self._state.live.runs:
            now, is_kept = self._state.ports.clock.now(), order.is_kept
            self._state.live.set_run(Run(prompt_id=order.prompt_id, title=order.title, started_at=now, is_kept=is_kept))

    async def _prepare(self, order: RunOrder) -> Ready:
        """Find the servers that can run it, and register its task on one; return what its submit needs."""
        self._window.get("run").expect_readable("run")
        await self.places.until_fleet()
        only = self._window.get("reserve").window_locked_server or order.wish.asked
        survey = await self.capable.survey(order.workflow, order.inputs, only=only, origin=order.origin, is_now=True)
        lacks = {server_id: item.names for server_id, item in survey.standing.lacks.items()}
        if survey.has_replaced:
            order = replace(order, workflow=order.workflow.with_meta())
        order = replace(order, unable={**dict.fromkeys(lacks, "lacks"), **order.unable})
        try:
            return await self._prepare_on_server(order, survey.found)
        except NoServerAvailable as error:
            raise _with_lacking(error, lacks) from error
        except ServerUnable as error:
            raise replace(error, lacking=lacks.get(error.server_id or ServerId(""), ())) from error

    async def find_elsewhere(self, task: Task, order: RunOrder) -> ServerId:
        """Return another server that can run a task's work; NoServerAvailable if there is none now."""
        survey = await self.capable.survey(order.workflow, order.inputs, origin=order.origin, is_now=True)
        lacks = {server_id: item.names for server_id, item in survey.standing.lacks.items()}
        try:
            return await self.places.find_elsewhere(task, dict.fromkeys(lacks, "lacks"))
        except NoServerAvailable as error:
            raise _with_lacking(error, lacks) from error

    async def _prepare_on_server(self, order: RunOrder, found: FoundFiles) -> Ready:
        unable = order.unable
        held = self._window.get("run").reservations.get(order.prompt_id)
        if held is not None and (cause := unable.get(held.server_id)):
            raise ServerUnable("submit_workflow", held.server_id, cause)
        if (locked := held.server_id if held else self._window.locked) is not None:
            order = await self._with_copies(order, found, locked)
        is_bare = locked is not None and not order.inputs and not order.is_quiet
        job = job_of(order.workflow)
        place = held or await self.places.reserve(order.prompt_id, order.wish, job, unable, is_bare=is_bare)
        if order.is_quiet:
            self.begin(order)
        self._show(order.prompt_id, stage=RunStage.CONNECTING, server_id=place.server_id)
        order = await self._with_copies(order, found, place.server_id)
        if order.inputs:
            await self._socket.connect_briefly()
            return await self._register(order, place, await self._upload_all(order, place))
        connecting = begin(self._socket.connect_briefly())  # nothing has to be sent before the prompt itself
        try:
            ready = await self._register(order, place)
            await connecting
        finally:
            connecting.cancel()
        return ready

    async def _with_copies(self, order: RunOrder, found: FoundFiles, server_id: ServerId) -> RunOrder:
        """Return the order with our copies of the files that this server lacks, to be uploaded to it."""
        copies = {key: copy for key, copy in found.to_upload(server_id).items() if key not in order.inputs}
        if not copies:
            return order
        read = {key: await self.capable.holdings.read(copy) for key, copy in copies.items()}
        return replace(order, inputs={**order.inputs, **read})

    # Upload

    async def upload(
        self, reservation: Reservation, blob: Blob, filename: str, where: tuple[str, str] = ("", ""), kept: str = ""
    ) -> tuple[InputFile, comfy.Uploaded]:
        """Upload a file to the reserved server, named by its content's hash, for an input (node id, input name).

        `kept` is the hash of one that was kept with its run.
        """
        state = self._state
        if blob.size == 0:
            raise BadInput("empty", filename)
        sha256 = kept or await sha256_of(blob)
        self._window.guard("upload_image", reservation.server_id)
        if not kept:
            await self._keep_input(sha256, blob)
        request = comfy.upload_request(
            get_api_base_url("upload_image", reservation, state.servers.fleet), blob, content_name(sha256, filename)
        )
        run = state.live.runs.get(reservation.prompt_id)
        before = run.sent if run is not None else 0
        async with state.servers.bulk(reservation.server_id, request):
            response = await state.ports.http.upload(
                request, lambda part: self._show_sent(reservation.prompt_id, before + round(part * blob.size))
            )
        state.servers.noticed_busy(reservation.server_id, response)
        self._show_sent(reservation.prompt_id, before + blob.size)
        uploaded = comfy.read_upload(response, reservation.server_id)
        state.note("uploaded", prompt_id=reservation.prompt_id, size=blob.size, sha256=sha256, **asdict(uploaded))
        item = InputFile(
            node_id=NodeId(where[0]),
            input_name=where[1],
            name=uploaded.name,
            subfolder=uploaded.subfolder,
            folder=uploaded.folder,
            sha256=sha256,
            original_name=filename,
        )
        return item, uploaded

    async def _keep_input(self, sha256: str, blob: Blob) -> None:
        """Keep the bytes for a repeated run; a full store does not keep this one from running."""
        try:
            await self._state.ports.store.keep_input(sha256, blob, self._state.ports.clock.now())
        except StorageError as error:
            log.warning("input not kept: %r", error)

    async def _upload_all(self, order: RunOrder, place: Reservation) -> Uploads:
        size = sum(picked.blob.size for picked in order.inputs.values())
        self._show(order.prompt_id, stage=RunStage.UPLOADING, size=size)
        return [
            await self.upload(place, picked.blob, picked.name, where, picked.sha256 if order.is_kept else "")
            for where, picked in order.inputs.items()
        ]

    # Register and submit

    async def _register(self, order: RunOrder, place: Reservation, uploads: Uploads = ()) -> Ready:
        """Make a task of a reserved place."""
        state = self._state
        self._show(order.prompt_id, stage=RunStage.REGISTERING)
        workflow = order.workflow.with_uploads(
            {(item.node_id, item.input_name): uploaded.input_value for item, uploaded in uploads}
        )
        editor, graph = await self.editors.along(order.prompt_id, order.editor, workflow)
        window = self._window.get("register_window_task")
        ready = Ready(graph, state.ports.clock.steady(), order.wish.is_unbounded)
        await self.places.register(
            Task(
                prompt_id=order.prompt_id,
                server_id=place.server_id,
                address=place.address,
                client_id=window.client_id,
                owner=window.window_id,
                epoch=1,
                created_at=state.ports.clock.now(),
                title=order.title,
                project=state.project,
                workflow=self.capable.as_sent(workflow, place.server_id).text,
                inputs=(*(item for item, _ in uploads), *order.uploaded),
                templates=order.templates,
                expected=workflow.expected_outputs,
                choice=place.choice,
                job=place.job or job_of(order.workflow),
                again_of=order.again_of,
                part=order.part,
                editor_sha256=editor.sha256,
                editor_fault=editor.fault,
                confirmed_address=state.servers.confirmed_address(place),
            )
        )
        return ready

    async def _submit(self, prompt_id: PromptId, ready: Ready) -> None:
        state = self._state
        task = state.records.get_task("submit_workflow", prompt_id)
        before = self._watch.restarts.fingerprint(task)
        try:
            base = get_api_base_url("submit_workflow", task, state.servers.fleet)
            method = preview_method(state.previews, state.servers.fleet.get(task.server_id))
            request = comfy.submit_request(base, task, ready.graph, previews=method, is_unbounded=ready.is_unbounded)
            response = await self._post(request, base, task, ready.proven_at)
            if response is None:
                return
            state.servers.noticed_busy(task.server_id, response)
            answer = comfy.read_submit(response, task, state.ports.clock.now())
            if isinstance(answer, Accepted):
                self._watch.restarts.numbered(task, answer.number, before)
            elif isinstance(answer, Refused):
                self.capable.refresh_soon(task.server_id)  # its catalogue is out of date
        except TransportError as error:
            answer = comfy.read_broken_submit(error, state.ports.clock.now())
        except AffinityError as error:
            answer = comfy.not_sent(type(error).__name__, state.ports.clock.now())
        await self._record_answer(prompt_id, answer)
        self._watch.poll_soon()

    async def _post(self, request: Request, base: str, task: Task, proven_at: float) -> Response | None:
        """Send the one POST of a task; return its answer, or None if it may no longer be sent. ConnectError: not sent.

        The control lane is released as soon as an event reports this prompt: the server works then, and no other
        request should wait for an answer that may never come.
        """
        state, post = self._state, None
        try:
            async with state.servers.control(task.server_id):
                await self._expect_contact(task, base)
                if not await self._may_post(task.prompt_id, proven_at):
                    return None
                state.note("submitting", prompt_id=task.prompt_id, server_id=task.server_id, address=task.address)
                state.live.posted(task.prompt_id)
                post = begin(state.ports.http.send(request))
                await first_of(asyncio.wait({post}), self._until_reported(task.prompt_id))
            return await post
        finally:
            if post is not None:
                post.cancel()

    async def _expect_contact(self, task: Task, base: str) -> None:
        """Raise ConnectError if no request gets through, so that the prompt is certainly not sent.

        An open socket shows that they do. A server that does not answer in time may still accept the prompt.
        """
        socket = self._window.socket
        if (socket.server_id, socket.state) == (task.server_id, "open"):
            return
        request = replace(comfy.queue_request(base), deadline=CONTACT_DEADLINE)
        try:
            response = self._state.servers.noticed_busy(task.server_id, await self._state.ports.http.send(request))
            if busy_in_front(response, task.server_id) is not None:
                raise ConnectError(task.server_id, BUSY)
        except RequestTimeout as error:
            if error.cause != "deadline":
                raise ConnectError(task.server_id, "connect-failed") from error

    async def _until_reported(self, prompt_id: PromptId) -> None:
        """Return once something other than the submit's answer has shown the state of that task."""
        while (task := self._state.records.tasks.get(prompt_id)) and task.state is TaskState.REGISTERED:
            await self._state.wait_change()

    async def _may_post(self, prompt_id: PromptId, proven_at: float) -> bool:
        """Whether the task is still ours and registered, after waiting for its turn (or while this page was asleep).

        Registering it in the store proved that it is ours, and this counts for `SLEPT_OVER` seconds.
        """
        state, clock = self._state, self._state.ports.clock
        while (task := state.records.get_task("submit_workflow", prompt_id)).state is TaskState.REGISTERED:
            if clock.steady() - proven_at < SLEPT_OVER:
                return True
            asked_at = clock.steady()
            try:
                stored = await state.ports.store.read_task(prompt_id)
            except StorageError as error:
                log.warning("ownership not checked yet: %r", error)
                await clock.sleep(WRITE_RETRY)
                continue
            if not state.records.owns(stored):
                state.records.disown(task, TaskNotFound("submit_workflow", prompt_id))
                raise TaskNotFound("submit_workflow", prompt_id)
            proven_at = asked_at
        return False

    async def _record_answer(self, prompt_id: PromptId, answer: Evidence) -> None:
        """Record the answer of the submit. It comes only once, so retry while the store is full or closed."""
        while (task := await self._state.records.witness(prompt_id, answer)) is None or not task.progress.is_answered:
            if task is None:
                raise TaskNotFound("submit_workflow", prompt_id)
            await self._state.ports.clock.sleep(WRITE_RETRY)
        if isinstance(answer, Unclear):
            log.warning("unclear submit of %s: %s", prompt_id, answer.cause)

    def _show_sent(self, prompt_id: PromptId, sent: int) -> None:
        """Show the uploaded share of all files, once for each percent."""
        run = self._state.live.runs.get(prompt_id)
        if run is not None and run.size and (fraction := sent * 100 // run.size / 100) != run.fraction:
            self._show(prompt_id, fraction=fraction, sent=sent)

    def _show(self, prompt_id: PromptId, **changes: object) -> None:
        run = self._state.live.runs.get(prompt_id)
        if run is not None:
            self._state.live.set_run(replace(run, **changes))  # type: ignore[arg-type]


def _with_lacking(error: NoServerAvailable, lacks: Mapping[ServerId, tuple[str, ...]]) -> NoServerAvailable:
    """Return the error with what each server lacks that was not chosen for it."""
    lacking = {str(server_id): names for server_id, names in lacks.items() if error.causes.get(server_id) == "lacks"}
    return replace(error, lacking=lacking)


def _without_task(error: MooringError) -> MooringError:
    """Return the error for a run that never became a task: no server can have acted on it."""
    return ConnectError(error.server_id, error.cause) if isinstance(error, RequestTimeout) else error
