"""Sending what waits: which window takes the next run and when, and what becomes of one that could not be sent.

What users can rely on is in `session/waiting/waiting_runs.py`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import islice

from app.core import comfy
from app.core.balancer import Wish
from app.core.errors import BadInput, HttpStatusError, MooringError, NotYourTurn, TaskNotFound
from app.core.model import PromptId, Task, TaskState
from app.core.refusals import write_refusal
from app.core.waiting_runs import Pause, WaitingRun, WaitingRuns
from app.session.delivery.past import Past
from app.session.facts import Picked
from app.session.state import State
from app.session.submitting.editor_files import EditorFiles
from app.session.submitting.named_files import Origin
from app.session.submitting.submit import RunOrder
from app.session.waiting.sending_windows import SendingWindows, count_windows
from app.session.waiting.storage import LineKeeper
from app.session.waiting.worker import WindowWorker
from wire.turns import AHEAD

log = logging.getLogger("mooring.session")

# Lists a run that cannot be sent because of its own file among the failures; False if the line must pause for it.
TakeBack = Callable[[WaitingRun, MooringError], bool]


class Sender:
    """Sends waiting runs through the session's windows; the first is its own."""

    def __init__(self, state: State, keeper: LineKeeper, past: Past, take_back: TakeBack) -> None:
        self._state = state
        self._keeper = keeper
        self._past = past
        self._take_back = take_back
        self._editors = EditorFiles(state)
        self._kick = asyncio.Event()
        self.workers: list[WindowWorker] = []
        self.is_opening = True  # whether windows that the line asks for are still expected
        self.aside: frozenset[PromptId] = frozenset()  # runs that are held back for now
        self.pressed: frozenset[PromptId] = frozenset()  # clicks that are not the line's to send
        self.refusal: MooringError | None = None  # why the run that paused the line last could not be sent
        self.renamed: dict[PromptId, PromptId] = {}  # runs that were put back under another id
        self._noted: set[PromptId] = set()  # runs whose wait for their turn is noted in the store
        self._was_ahead = 0
        state.subscribe(self._kick.set)

    @property
    def sending(self) -> frozenset[PromptId]:
        """The runs that are being sent now."""
        return frozenset(worker.sending for worker in self.workers if worker.sending is not None)

    @property
    def shown(self) -> frozenset[PromptId]:
        """Those among them that are shown as such: not one that only asks again whether its turn has come."""
        return frozenset(
            worker.sending
            for worker in self.workers
            if worker.sending is not None and (worker.turn is None or worker.sending in self._state.live.runs)
        )

    @property
    def sending_windows(self) -> SendingWindows:
        """The windows that send from the line now."""
        state = self._state
        return count_windows(self._keeper.line, self.workers, state.servers.fleet, state.leanings, self.held_back)

    @property
    def held_back(self) -> frozenset[PromptId]:
        """The runs of the line that it neither shows nor sends."""
        return self.aside | self.pressed

    def add(self, worker: WindowWorker) -> None:
        """Add a window that sends from this line; the first is the session's own."""
        self.workers.append(worker)
        self._kick.set()

    def opened(self, *, is_complete: bool) -> None:
        """Note that the session has tried to open the windows that the line asks for; wait for no others."""
        self.is_opening = is_complete
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
        """Assign a run to each window that may take one."""
        for worker in self.workers:
            for prompt_id in (*((worker.sending,) if worker.sending is not None else ()), *self.pressed):
                if worker.has_task(prompt_id):
                    self._keeper.took(prompt_id)
                    self.pressed -= {prompt_id}
        line, most = self._keeper.line, self._state.servers.fleet.most_pending
        sending = self.sending_windows
        self._drop_notes(line, sending.wanted)
        self._follow_ends()
        if line is None:
            return
        for worker in sorted(self.workers[: sending.wanted], key=lambda worker: worker.ahead):
            fits = partial(sending.may_send, self.workers.index(worker), worker.locked)
            entry = line.due(worker.ahead, self.sending | self.held_back, most, fits) if worker.is_idle else None
            gives_way = worker.ahead and self._gives_way(worker, sending.regular, line)
            if entry is not None and not gives_way:
                worker.sending = entry.prompt_id
                self._state.spawn(self._send(worker, entry, line), f"send {entry.prompt_id}")

    def _follow_ends(self) -> None:
        """Ask again for the runs that wait for their turn, if work of this tab has ended."""
        ahead = sum(worker.ahead for worker in self.workers)
        if ahead < self._was_ahead:
            for worker in self.workers:
                if worker.turn is not None:
                    worker.hurry()
        self._was_ahead = ahead

    def _drop_notes(self, line: WaitingRuns | None, wanted: int) -> None:
        """Delete the notes of runs that are not the next to be sent: they would hold up other windows."""
        if not self._noted:
            return
        following = set[PromptId]()
        if line is not None and line.pause is None:
            waiting = (item.prompt_id for item in line.entries if item.prompt_id not in self.held_back)
            following.update(islice(waiting, wanted))
        for prompt_id in self._noted - following - self.sending:
            self._noted.discard(prompt_id)
            self._state.spawn(self.workers[0].submitter.places.stop_waiting(prompt_id), f"drop the note of {prompt_id}")

    def _gives_way(self, worker: WindowWorker, regular: int, line: WaitingRuns) -> bool:
        """Return whether a busy regular window takes no more for now, because another may still use an idle server.

        A window that shares its server with an earlier one takes one run at a time, so that it can choose another.
        """
        workers = self.workers[:regular]
        if worker not in workers:
            return False
        if self.is_opening and len(workers) < regular:
            return True
        earlier = {item.locked for item in workers[: workers.index(worker)]}
        return any(item.is_free for item in workers) or (worker.locked in earlier and not line.is_unbounded)

    async def _send(self, worker: WindowWorker, entry: WaitingRun, line: WaitingRuns) -> None:
        try:
            order = await self._order(entry, line)
            await worker.submitter.run(replace(order, is_quiet=worker.turn is not None))
        except MooringError as error:
            await self._not_taken(worker, entry, error)
        except BaseException:  # our own bug: a retry would fail as well
            worker.is_resting = True
            raise
        else:
            await self._taken(worker, entry, line)
        finally:
            worker.sending = None
            self._state.changed()

    async def _order(self, entry: WaitingRun, line: WaitingRuns) -> RunOrder:
        batch, inputs = line.batches[entry.batch_id], dict[tuple[str, str], Picked]()
        for item in (*entry.inputs, *batch.inputs):
            blob = await self._state.ports.store.read_input(item.sha256) if item.sha256 else None
            if blob is None:
                raise BadInput("input-not-kept", item.name)
            inputs[item.node_id, item.input_name] = Picked(blob, item.name, item.sha256)
        copy = await self._editors.read(batch.editor_sha256)
        return RunOrder(
            entry.prompt_id,
            entry.workflow_of(batch),
            batch.title,
            inputs,
            Wish(
                asked=batch.asked,
                avoided=batch.avoided,
                is_patient=batch.is_patient,
                spreads=line.senders != 1,
                is_unbounded=line.is_unbounded,
            ),
            again_of=entry.again_of,
            part=entry.part,
            editor=replace(copy, fault=copy.fault or batch.editor_fault),
            origin=await self._origin_of(batch.again_of),
            templates=entry.templates,
            is_kept=True,
        )

    async def _origin_of(self, again_of: PromptId | None) -> Origin | None:
        """Return where the files come from that a repeated run names."""
        try:
            task = await self._past.read_task(again_of) if again_of else None
        except TaskNotFound:
            return None
        return None if task is None else Origin(task.server_id, task.created_at)

    async def _taken(self, worker: WindowWorker, entry: WaitingRun, line: WaitingRuns) -> None:
        """Handle a run that was sent. A rejection pauses the line; a run that the server may accept later goes back."""
        self._keeper.took(entry.prompt_id)
        task = self._state.records.tasks.get(entry.prompt_id)
        failure = task.end.failure if task is not None and task.state is TaskState.FAILED else None
        if task is not None and failure is not None and comfy.may_go_later(failure):
            await self._put_back(task, entry, line)
            is_early = comfy.waits_for_turn(failure)
            turn = NotYourTurn("submit_workflow", task.server_id, AHEAD)
            worker.rest(turn if is_early else comfy.refusal_of(task, failure), self._kick.set)
            return
        worker.succeeded()
        if failure is not None and failure.kind == "rejected":
            await self._hold(Pause.REJECTED, entry.prompt_id, None)

    async def _not_taken(self, worker: WindowWorker, entry: WaitingRun, error: MooringError) -> None:
        """Handle a run that was not registered, or is another window's now."""
        self._state.live.drop_run(entry.prompt_id)
        if isinstance(error, NotYourTurn):  # nothing has changed
            self._noted.add(entry.prompt_id)
            worker.rest(_steady(error, worker.turn), self._kick.set)
            return
        if worker.has_task(entry.prompt_id):
            self._keeper.took(entry.prompt_id)
        await self._keeper.read()
        log.info("%s of %s not sent: %r", entry.prompt_id, entry.batch_id, error)
        if self._keeper.line is None or not self._keeper.line.has(entry.prompt_id):
            return
        if self._take_back(entry, error):
            await self._remove(worker, entry)
        elif _is_of_the_run(error) and self._keeper.line.batches[entry.batch_id].is_click:
            await self._refuse(worker, entry, error)
        elif _is_of_the_run(error):
            await self._hold(Pause.UNUSABLE, entry.prompt_id, error)
        else:
            worker.rest(error, self._kick.set)

    async def _refuse(self, worker: WindowWorker, entry: WaitingRun, error: MooringError) -> None:
        """Take a click out of the line that a retry would not send either; it stays until it is dismissed."""
        if await self.refuse(entry.prompt_id, error):
            self._state.live.show_refused(entry.prompt_id, self._title_of(entry), entry.pressed_at, error)
        else:
            worker.rest(error, self._kick.set)

    async def refuse(self, prompt_id: PromptId, error: MooringError) -> bool:
        """Note why a click was not sent, if it is in the line; False if that cannot be written."""
        text, line = write_refusal(error), self._keeper.line
        if line is None or not line.has(prompt_id):
            return True
        try:
            await self._keeper.change(lambda line: line.refuse(prompt_id, text) if line.has(prompt_id) else line)
        except MooringError as failed:
            log.warning("why %s was not sent is not written: %r", prompt_id, failed)
            return False
        return True

    def _title_of(self, entry: WaitingRun) -> str:
        line = self._keeper.line
        return line.batches[entry.batch_id].title if line is not None and entry.batch_id in line.batches else ""

    async def _remove(self, worker: WindowWorker, entry: WaitingRun) -> None:
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

    async def _put_back(self, task: Task, entry: WaitingRun, was: WaitingRuns) -> None:
        """Put a run back. If the page closes before that is written, its failed task remains, which was not sent.

        One that was refused because its turn had not come, or something was busy, leaves no task. Of other failures the
        latest one is kept, since it shows the cause: a night of retries leaves one card.
        """
        random = self._state.ports.random
        is_forgotten = task.end.is_proven and (
            comfy.waits_for_turn(task.end.failure) or comfy.met_busy(task.end.failure)
        )
        prompt_id, line_id = PromptId(random.uuid4()), random.uuid4()
        back = entry if is_forgotten else replace(entry, again_of=task.prompt_id)
        try:
            await self._keeper.change(lambda line: line.put_back(back, prompt_id, line_id, was))
        except MooringError as error:
            log.warning("%s does not wait again: %r", entry.prompt_id, error)
            return
        if is_forgotten:
            await self.replace(task, prompt_id)
        else:
            self.renamed[task.prompt_id] = prompt_id
            if entry.again_of is not None:
                await self._forget_try(entry.again_of)

    async def replace(self, tried: Task, prompt_id: PromptId) -> None:
        """Delete a task that was not queued: its turn had not come, or something was busy. Its run waits under this id.

        One that was only found absent stays: it shows what was sent, and its server may have it after all.
        """
        self.renamed[tried.prompt_id] = prompt_id
        if tried.end.is_proven:
            await self._forget(tried)

    async def _forget_try(self, prompt_id: PromptId) -> None:
        """Delete the previous failed try."""
        task = self._state.records.tasks.get(prompt_id)
        failure = task.end.failure if task is not None else None
        if task is not None and failure is not None and comfy.may_go_later(failure) and task.end.is_proven:
            await self._forget(task)

    async def _forget(self, task: Task) -> None:
        try:
            await self._state.ports.store.delete_task(task)
        except MooringError as error:
            log.warning("%s stays in the list: %r", task.prompt_id, error)
            return
        if task.prompt_id in self._state.records.tasks:
            self._state.records.forget(task.prompt_id)


def _steady(turn: NotYourTurn, known: NotYourTurn | None) -> NotYourTurn:
    """Return what is before a run, with the known time of its turn for as long as the new one agrees."""
    if known is None or known.starts_at is None or turn.starts_at is None or known.server_id != turn.server_id:
        return turn
    is_near = abs(known.starts_at - turn.starts_at) < max(2.0, 0.1 * turn.left)
    return replace(turn, starts_at=known.starts_at) if is_near else turn


def _is_of_the_run(error: MooringError) -> bool:
    """Whether a retry would fail too, so that the user has to change something about this run."""
    return isinstance(error, BadInput) or (isinstance(error, HttpStatusError) and 400 <= error.status < 500)
