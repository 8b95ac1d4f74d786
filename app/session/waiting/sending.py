"""Sending what waits: which session takes the next run and when, and what becomes of one that could not be sent.

What users can rely on is in `session/waiting/waiting_runs.py`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from app.core import comfy
from app.core.balancer import Wish
from app.core.errors import BadInput, HttpStatusError, MooringError
from app.core.model import PromptId, TaskState
from app.core.waiting_runs import Batch, Entry, Pause, WaitingRuns
from app.session.facts import Picked
from app.session.state import State
from app.session.submitting.editor_files import EditorFiles
from app.session.submitting.submit import RunOrder
from app.session.waiting.storage import LineKeeper
from app.session.waiting.worker import LineWorker

log = logging.getLogger("mooring.session")

# Lists a run that cannot be sent because of its own file among the failures; False if the line must pause for it.
TakeBack = Callable[[Entry, MooringError], bool]


class Sender:
    """Sends waiting runs through its workers; the first is the window's own session."""

    def __init__(self, state: State, keeper: LineKeeper, take_back: TakeBack) -> None:
        self._state = state
        self._keeper = keeper
        self._take_back = take_back
        self._editors = EditorFiles(state)
        self._kick = asyncio.Event()
        self.workers: list[LineWorker] = []
        self.is_enlisting = True  # whether sessions that the line asks for are still expected
        self.aside: frozenset[PromptId] = frozenset()  # runs that are held back for now
        self.refusal: MooringError | None = None  # why the run that paused the line last could not be sent

    @property
    def sending(self) -> frozenset[PromptId]:
        """The runs that are being sent now."""
        return frozenset(worker.sending for worker in self.workers if worker.sending is not None)

    def enlist(self, worker: LineWorker) -> None:
        """Add a session that sends from this line; the first is the window's own."""
        self.workers.append(worker)
        worker.state.subscribe(self._kick.set)
        self._kick.set()

    def enlisted(self, *, is_complete: bool) -> None:
        """Note that the crew has tried to enlist the sessions that the line asks for; wait for no others."""
        self.is_enlisting = is_complete
        self._kick.set()

    def hurry(self) -> None:
        """Retry what has failed, because something has changed."""
        for worker in self.workers:
            worker.hurry()
        self._kick.set()

    async def keep(self) -> None:
        """Send what may be sent, for as long as the page is open."""
        while True:
            self._kick.clear()
            self._assign()
            await self._kick.wait()

    def _assign(self) -> None:
        """Assign a run to each session that may take one."""
        for worker in self.workers:
            if worker.sending is not None and worker.has_task(worker.sending):
                self._keeper.took(worker.sending)
        line, most = self._keeper.line, self._state.fleet.most_pending
        if line is None:
            return
        workers = self.workers[: line.senders]
        for worker in sorted(workers, key=lambda worker: worker.ahead):
            entry = line.due(worker.ahead, self.sending | self.aside, most) if worker.is_idle else None
            if entry is not None and not (worker.ahead and self._gives_way(worker, workers, line)):
                worker.sending = entry.prompt_id
                self._state.spawn(self._send(worker, entry, line), f"send {entry.prompt_id}")

    def _gives_way(self, worker: LineWorker, workers: Sequence[LineWorker], line: WaitingRuns) -> bool:
        """Return whether a busy session takes no more for now, because another one may still use an idle server.

        A session that shares its server with an earlier one takes one run at a time, so that it can choose another.
        """
        if self.is_enlisting and len(workers) < line.senders:
            return True
        earlier = {item.locked for item in workers[: workers.index(worker)]}
        return any(item.is_free for item in workers) or (worker.locked in earlier and not line.is_unbounded)

    async def _send(self, worker: LineWorker, entry: Entry, line: WaitingRuns) -> None:
        try:
            order = await self._order(entry, line.batches[entry.batch_id], is_spread=line.senders > 1)
            await worker.submitter.run(order)
        except MooringError as error:
            await self._not_taken(worker, entry, error)
        except BaseException:  # our own bug: a retry would fail as well
            worker.is_resting = True
            raise
        else:
            await self._taken(worker, entry, line)
        finally:
            worker.sending = None
            self._kick.set()

    async def _order(self, entry: Entry, batch: Batch, *, is_spread: bool) -> RunOrder:
        inputs: dict[tuple[str, str], Picked] = {}
        for item in (*entry.inputs, *batch.inputs):
            blob = await self._state.ports.store.read_input(item.sha256)
            if blob is None:
                raise BadInput("input-not-kept", item.name)
            inputs[item.node_id, item.input_name] = Picked(blob, item.name)
        return RunOrder(
            entry.prompt_id,
            entry.workflow_of(batch),
            batch.title,
            inputs,
            Wish(asked=batch.asked, is_patient=batch.is_patient, spreads=is_spread),
            again_of=entry.again_of,
            part=entry.part,
            editor=await self._editors.read(batch.editor_sha256),
            templates=entry.templates,
        )

    async def _taken(self, worker: LineWorker, entry: Entry, line: WaitingRuns) -> None:
        """Handle a run that was sent. A rejection pauses the line; a run that the server may accept later goes back."""
        self._keeper.took(entry.prompt_id)
        task = worker.window.tasks.get(entry.prompt_id) if worker.window else None
        failure = task.failure if task is not None and task.state is TaskState.FAILED else None
        if task is not None and failure is not None and comfy.may_go_later(failure):
            await self._put_back(entry, line)
            worker.rest(comfy.refusal_of(task, failure), self._kick.set)
            return
        worker.succeeded()
        if failure is not None and failure.kind == "rejected":
            await self._hold(Pause.REJECTED, entry.prompt_id, None)

    async def _not_taken(self, worker: LineWorker, entry: Entry, error: MooringError) -> None:
        """Handle a run that was not registered, or is another window's now."""
        worker.state.runs.pop(entry.prompt_id, None)
        if worker.has_task(entry.prompt_id):
            self._keeper.took(entry.prompt_id)
        await self._keeper.read()
        log.info("%s of %s not sent: %r", entry.prompt_id, entry.batch_id, error)
        if self._keeper.line is None or not self._keeper.line.has(entry.prompt_id):
            worker.state.changed()
        elif entry.inputs and self._take_back(entry, error):
            await self._remove(worker, entry)
        elif _is_of_the_run(error):
            await self._hold(Pause.UNUSABLE, entry.prompt_id, error)
        else:
            worker.rest(error, self._kick.set)
            worker.state.changed()

    async def _remove(self, worker: LineWorker, entry: Entry) -> None:
        """Remove a run that is listed elsewhere. One that cannot be removed is tried once more later."""
        try:
            await self._keeper.change(lambda line: line.without(entry.prompt_id) if line.has(entry.prompt_id) else line)
        except MooringError as error:
            log.warning("%s stays in the line: %r", entry.prompt_id, error)
            worker.rest(error, self._kick.set)

    async def _hold(self, pause: Pause, prompt_id: PromptId, error: MooringError | None) -> None:
        """Pause, if anything waits. A pause that cannot be written holds for this page."""
        self._state.note("line_paused", reason=pause, prompt_id=prompt_id, error=error)
        log.warning("the line is paused by %s: %s", prompt_id, pause.value)
        try:
            await self._keeper.change(lambda line: line.hold(pause, prompt_id) if line.entries else line)
        except MooringError as failed:
            log.warning("the pause is not written: %r", failed)
            if self._keeper.line is not None and self._keeper.line.entries:
                self._keeper.take_over(self._keeper.line.hold(pause, prompt_id))
        self.refusal = error
        self._state.changed()

    async def _put_back(self, entry: Entry, was: WaitingRuns) -> None:
        """Put a run back. If the page closes before that is written, its failed task remains, which was not sent."""
        random = self._state.ports.random
        prompt_id, line_id = PromptId(random.uuid4()), random.uuid4()
        try:
            await self._keeper.change(lambda line: line.put_back(entry, prompt_id, line_id, was))
        except MooringError as error:
            log.warning("%s does not wait again: %r", entry.prompt_id, error)
        else:
            await self._forget_try(entry.again_of)

    async def _forget_try(self, prompt_id: PromptId | None) -> None:
        """Delete the previous failed try, since the latest one shows the cause: a night of retries leaves one card."""
        for worker in self.workers:
            task = worker.window.tasks.get(prompt_id) if worker.window and prompt_id else None
            if task is not None and task.failure is not None and comfy.may_go_later(task.failure):
                try:
                    await worker.state.ports.store.delete_task(task)
                except MooringError as error:
                    log.warning("%s stays in the list: %r", prompt_id, error)
                else:
                    worker.state.forget(task.prompt_id)


def _is_of_the_run(error: MooringError) -> bool:
    """Whether a retry would fail too, so that the user has to change something about this run."""
    return isinstance(error, BadInput) or (isinstance(error, HttpStatusError) and 400 <= error.status < 500)
