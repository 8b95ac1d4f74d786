"""The waiting line of a window: its operations, and what users can rely on (`core/waiting_runs.py` is its value).

    batch_id = await session.line.add(workflow, plan_runs(workflow, plan), title="Dunes")
    await session.line.pause()

Each press of Run is recorded here before any server is asked: in the tab's memory within the click, then in the store
with its files. So a reload or a crash keeps it. A click is sent at once by its own session, and the line neither shows
nor sends it meanwhile; it waits here after a reload, or if its turn has not come. One that was refused stays in the
store with its reason until it is dismissed.

Waiting runs are in the store, hold no server, and outlive the page; they are sent while a page of their window is open.
When fewer than two of a window's prompts are unfinished, the next run takes the same way as a click: reserve, upload,
register, submit. Registering removes it from the line in the same transaction, so a run is sent at most once: it is
either waiting or a task.

A click that some server may take later waits here too: one that it asks for, or the gateway, does not answer. If its
task was registered by then, and certainly not sent, it waits under a new id, and that task is deleted.

At most two runs of the user are ahead on a server, over all windows (`core/turns.py`). A click that would be a third
joins the line, before the runs of plans; after *send all now* nothing waits for its turn.

One window, one server (promise 1): a waiting run holds no server and locks no window. While one of a window's prompts
is unfinished, its next run goes to the same server, so a running line stays on one server; another is chosen
only after everything before it has ended, for example after a pause. To use several servers, several windows of the
session send from the line (`session/windows.py`).

A run that fails or is cancelled does not stop the line. One that a server rejects pauses it, because the others would
be rejected too; so does one that cannot be sent as it is. If no server, network or storage was available, the run is
retried at growing intervals, for ever; a task that was certainly not sent returns to the front of the line under a
new id.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import replace
from itertools import chain, count

from app.core.balancer import ANY, Wish
from app.core.errors import BadInput, MooringError, NotYourTurn, StorageError, TaskNotFound
from app.core.model import BatchId, Part, PromptId, WindowId
from app.core.waiting_runs import Attachment, Batch, Pause, Values, WaitingRun, WaitingRuns, write_values
from app.core.workflow import ApiWorkflow
from app.session.delivery.past import Past
from app.session.facts import Picked
from app.session.hashing import sha256_of
from app.session.salvage import OrphanLine, Salvage
from app.session.state import State
from app.session.submitting.editor_files import EditorFiles
from app.session.submitting.submit import Inputs
from app.session.waiting.clicks import Clicks, batch_of
from app.session.waiting.file_feed import FileFeed
from app.session.waiting.sending import Sender
from app.session.waiting.storage import LineKeeper
from app.session.waiting.tab_presses import TabPresses
from app.session.waiting.worker import WindowWorker
from app.session.watching.watch import Watch
from app.workflows.plans.runs import PlannedRun

log = logging.getLogger("mooring.session")


class WaitingLine:
    """The waiting line of a session. A change is durable when its method returns; if it raises, nothing has changed."""

    def __init__(self, state: State, watch: Watch, salvage: Salvage, past: Past) -> None:
        self._state = state
        self._watch = watch
        self._salvage = salvage
        self._editors = EditorFiles(state)
        self._keeper = LineKeeper(state)
        self.files = FileFeed(state, self)
        self._sender = Sender(state, self._keeper, past, self.files.take_back)
        self._tab = TabPresses(state.ports.presses)
        self.clicks = Clicks(state, self._keeper, self._sender, self._tab)
        self._are_windows_known = False

    # State

    @property
    def line(self) -> WaitingRuns | None:
        """The waiting runs in order, without those set aside; None until the line has been read."""
        line, aside = self._keeper.line, self._sender.held_back
        if line is None or not aside:
            return line
        found = [item.prompt_id for item in line.entries if item.prompt_id in aside]
        return line.without(*found) if found else line

    @property
    def whole(self) -> WaitingRuns | None:
        """The line with the runs that are set aside; None until it is known, with the work of all windows."""
        is_known = self._are_windows_known and all(item.window.restored is not None for item in self._sender.workers)
        return self._keeper.line if is_known else None

    @property
    def error(self) -> StorageError | None:
        """Why the line could not be read."""
        return self._keeper.error

    @property
    def sending(self) -> frozenset[PromptId]:
        """The runs that are being sent now."""
        return self._sender.sending

    @property
    def shown_sending(self) -> frozenset[PromptId]:
        """Those of them that do not only ask whether their turn has come."""
        return self._sender.shown

    @property
    def wanted_windows(self) -> int:
        """How many windows of this session send from it now."""
        line = self._keeper.line
        return self._sender.sending_windows.wanted if line is not None and line.entries else 1

    @property
    def _senders(self) -> list[WindowWorker]:
        """The windows that send from it now."""
        line = self._keeper.line
        has_runs = line is not None and bool(line.entries)
        return self._sender.workers[: self._sender.sending_windows.wanted] if has_runs else []

    @property
    def turn(self) -> NotYourTurn | None:
        """What is before the next run, if it waits for its turn on a server."""
        return next((worker.turn for worker in self._senders if worker.turn is not None), None)

    @property
    def is_unbounded(self) -> bool:
        """Whether everything of this window is sent now, by the user's choice."""
        line = self._keeper.line
        return line is not None and line.is_unbounded and line.pause is None

    @property
    def refusal(self) -> MooringError | None:
        """Why the run that paused the line could not be sent."""
        line = self._keeper.line
        return self._sender.refusal if line is not None and line.pause is Pause.UNUSABLE else None

    @property
    def stalled_by(self) -> MooringError | None:
        """Why no window sends at present; each retries by itself."""
        found = [worker.obstacle or worker.choosing_after for worker in self._senders if worker.is_held]
        causes = [error for error in found if not isinstance(error, NotYourTurn)]
        return next(iter(causes), None) if all(found) else None

    @property
    def orphans(self) -> tuple[OrphanLine, ...]:
        """Lines of closed windows, as last found; `adopt` takes one over."""
        return self._salvage.lines

    # Actions

    async def add(
        self,
        workflow: ApiWorkflow,
        runs: Iterable[PlannedRun],
        *,
        title: str = "",
        inputs: Inputs | None = None,
        senders: int | None = None,
        wish: Wish = ANY,
        editor: str = "",
        press: PromptId | None = None,
    ) -> BatchId:
        """Append runs to the line; `senders` is how many windows send from it.

        With a wish they wait for the server asked for, or (`is_patient`) until a server is idle.
        Their files are kept with them, and so is `editor`, the copy of the editor's file that is sent along. `press`
        is the id of a press from before there was a session: the batch's, and its first run's. BadPlan if there are
        too many, StorageError if they cannot be kept.
        """
        window, random = self._state.records.get_window("add"), self._state.ports.random
        press = press or PromptId(random.uuid4())
        inputs = inputs or {}
        batch = batch_of(BatchId(press), workflow, title, inputs, wish)
        ids = chain([press], (PromptId(random.uuid4()) for _ in count()))
        entries = [_entry(next(ids), window.window_id, batch.batch_id, run) for run in runs]
        self.clicks.remember(batch, entries, editor, senders)
        try:
            with self._state.records.loose_ends.upload():
                batch, files = await self.clicks.with_files(batch, inputs)
                batch = replace(batch, editor_sha256=await self._editors.keep(editor) if editor else "")
                await self._keeper.join(batch, entries, senders, files=files)
        finally:
            self._tab.recorded(press)  # or the error says that it was not
        return batch.batch_id

    async def new_batch(
        self,
        workflow: ApiWorkflow,
        *,
        title: str = "",
        inputs: Inputs | None = None,
        wish: Wish = ANY,
        editor: str = "",
    ) -> Batch:
        """Keep what the runs of a plan share; none of them waits yet."""
        batch = batch_of(BatchId(self._state.ports.random.uuid4()), workflow, title, inputs or {}, wish)
        attached = [await self.attach(where, picked) for where, picked in (inputs or {}).items()]
        return replace(batch, inputs=tuple(attached), editor_sha256=await self._editors.keep(editor) if editor else "")

    async def join(self, batch: Batch, entries: list[WaitingRun], senders: int, editor: str) -> None:
        """Append some runs of a batch. An empty line starts with so many `senders`, and keeps the editor's copy."""
        line = self._keeper.line
        if editor and (line is None or batch.batch_id not in line.batches):
            await self._editors.keep(editor)
        await self._keeper.join(batch, entries, senders, is_more=True)

    def successor(self, prompt_id: PromptId) -> PromptId:
        """Return the id that a run has now: another one if it was put back into the line."""
        while (following := self._sender.renamed.get(prompt_id)) is not None:
            prompt_id = following
        return prompt_id

    async def pause(self) -> None:
        """Send nothing until `resume`; runs that are being sent continue."""
        await self._keeper.change(lambda line: line.hold(Pause.ASKED))

    async def resume(self) -> None:
        """Continue, whatever the reason of the pause was."""
        await self._keeper.change(WaitingRuns.resume)
        self.hurry()

    async def send_all(self, is_wanted: bool = True) -> None:
        """Send all runs without waiting for those ahead, so that this page may be closed; False takes that back."""
        await self._keeper.change(lambda line: line.send_all(is_wanted))
        self.hurry()

    async def spread(self, senders: int) -> None:
        """Set how many windows of this session send from the line, or EVERY."""
        await self._keeper.change(lambda line: line.spread(senders))

    async def move(self, prompt_id: PromptId, before: PromptId | None = None) -> None:
        """Put a run before another one, or at the end."""
        await self._keeper.change(lambda line: line.move(prompt_id, before))

    async def step(self, prompt_id: PromptId, by: int) -> None:
        """Move a run up (`by` below 0) or down."""
        await self._keeper.change(lambda line: line.step(prompt_id, by))

    async def edit(self, prompt_id: PromptId, values: Values, label: str) -> None:
        """Change the values of a run. TaskNotFound if it is being sent."""
        while prompt_id in self.sending - self.shown_sending:  # it only asks whether its turn has come
            await self._state.wait_change()

        def edit(line: WaitingRuns) -> WaitingRuns:
            if prompt_id in self.sending:
                raise TaskNotFound("line", prompt_id)
            return line.edit(prompt_id, values, label)

        await self._keeper.change(edit)

    def set_aside(self, *prompt_ids: PromptId) -> None:
        """Hide and hold back these runs until they are removed or put back; a reload puts them back."""
        self._sender.aside |= set(prompt_ids)
        self._state.changed()

    def put_back(self, *prompt_ids: PromptId) -> None:
        """Show these runs, and let them be sent."""
        self._sender.aside -= set(prompt_ids)
        self._state.changed()
        self.hurry()

    async def remove(self, *prompt_ids: PromptId) -> None:
        """Remove runs. TaskNotFound if one has become a task, which can be cancelled instead."""
        try:
            await self._keeper.change(lambda line: line.without(*self._still_aside(line, prompt_ids)))
        finally:
            self.put_back(*prompt_ids)

    def _still_aside(self, line: WaitingRuns, prompt_ids: Iterable[PromptId]) -> list[PromptId]:
        """Return those that still wait: *remove all* may have removed them in the meantime."""
        return [item for item in prompt_ids if item not in self._sender.aside or line.has(item)]

    async def cancel_mine(self, batch_id: BatchId | None = None) -> None:
        """Remove all waiting runs and cancel this tab's unfinished tasks, or only those of one plan.

        Runs of files that do not wait yet are removed first, so that none follows. Each task is tried, and the first
        refusal is raised.
        """
        for work in self.files.works:
            if batch_id in (None, work.plan.batch.batch_id):
                self.files.drop_rest(work.plan.batch.batch_id)

        def is_meant(part: Part | None) -> bool:
            return batch_id is None or (part is not None and part.batch_id == batch_id)

        def stop(line: WaitingRuns) -> WaitingRuns:  # a click that is being sent is not the line's
            waiting = (item for item in line.entries if item.prompt_id not in self._sender.pressed)
            return line.without(*(item.prompt_id for item in waiting if is_meant(item.part)))

        await self._keeper.change(stop)
        tasks = [task for worker in self._sender.workers for task in worker.own_unfinished if is_meant(task.part)]
        cancels = (self._watch.cancel(task.prompt_id) for task in tasks)
        outcomes = await asyncio.gather(*cancels, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def adopt(self, owner: WindowId) -> None:
        """Adopt the line of a closed window. TaskNotFound if another window was faster."""
        window = self._state.records.get_window("adopt")
        await self._keeper.adopt(lambda: self._salvage.adopt_line(owner, window.window_id))
        self.clicks.show_refused()
        self.hurry()

    # Lifecycle

    async def restore(self) -> None:
        """Read the line once the window has read its records, with the presses that the tab has from before."""
        await self._keeper.restore()
        await self.clicks.take_up()

    async def reread(self) -> None:
        """On a wake, check whether the line is unchanged, and retry what has failed."""
        await self._keeper.reread()
        await self.clicks.take_up()
        self.hurry()

    async def keep(self) -> None:
        """Send what may be sent, for as long as the page is open."""
        await self._sender.keep()

    def add_window(self, worker: WindowWorker) -> None:
        """Add a window that sends from this line; the first is the session's own."""
        self._sender.add(worker)

    def opened(self, *, is_complete: bool) -> None:
        """Note that the session has tried to open the windows that the line asks for."""
        self._sender.opened(is_complete=is_complete)

    def windows_found(self) -> None:
        """Note that the windows with work of an earlier page of this tab are known."""
        if not self._are_windows_known:
            self._are_windows_known = True
            self._state.changed()

    def hurry(self) -> None:
        """Retry what has failed, because something has changed."""
        self._sender.hurry()

    async def attach(self, where: tuple[str, str], picked: Picked) -> Attachment:
        """Keep a file for an input. BadInput if it is empty, StorageError if it cannot be kept."""
        if picked.blob.size == 0:
            raise BadInput("empty", picked.name)
        sha256 = await sha256_of(picked.blob)
        await self._state.ports.store.keep_input(sha256, picked.blob, self._state.ports.clock.now())
        return Attachment(node_id=where[0], input_name=where[1], sha256=sha256, name=picked.name, size=picked.blob.size)


def _entry(prompt_id: PromptId, owner: WindowId, batch_id: BatchId, run: PlannedRun) -> WaitingRun:
    part = Part(batch_id=batch_id, index=run.index, label=run.label, cell=run.cell)
    return WaitingRun(
        prompt_id=prompt_id, owner=owner, part=part, values=write_values(run.values), templates=run.templates
    )
