"""The waiting line of a window: its operations, and what users can rely on (`core/waiting_runs.py` is its value).

    batch_id = await session.line.add(workflow, plan_runs(workflow, plan), title="Dunes")
    await session.line.pause()

Each press of Run is recorded here before any server is asked: in the tab's memory within the click, then in the store
with its files. So a reload or a crash keeps it. A click is sent at once by its own session, and the line neither shows
nor sends it meanwhile; it waits here after a reload, or if its turn has not come. One that was refused stays in the
store with its reason until it is dismissed.

Waiting runs are in the store, hold no server, and outlive the page; they are sent while a page of their window is open.
When fewer than two of a session's prompts are unfinished, the next run takes the same way as a click: reserve, upload,
register, submit. Registering removes it from the line in the same transaction, so a run is sent at most once: it is
either waiting or a task.

A click that some server may take later waits here too: one that it asks for, or the gateway, does not answer.

At most two runs of the user are ahead on a server, over all windows (`core/turns.py`). A click that would be a third
joins the line, before the runs of plans; after *send all now* nothing waits for its turn.

One window, one server (promise 1): a waiting run holds no server and locks no window. While one of a session's prompts
is unfinished, its next run goes to the same server, so a running line stays on one server; another is chosen
only after everything before it has ended, for example after a pause. To use several servers, several sessions send
from the line (`session/waiting/crew.py`).

A run that fails or is cancelled does not stop the line. One that a server rejects pauses it, because the others would
be rejected too; so does one that cannot be sent as it is. If no server, network or storage was available, the run is
retried at growing intervals, for ever; a task that was certainly not sent returns to the front of the line under a
new id.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, count

from app.core.balancer import ANY, Wish
from app.core.errors import BadInput, MooringError, NotYourTurn, StorageError, TaskNotFound
from app.core.model import BatchId, Part, PromptId, Task, WindowId
from app.core.ports.blobs import Blob
from app.core.ports.store import NO_FILES
from app.core.presses import Press
from app.core.refusals import read_refusal, write_refusal
from app.core.waiting_runs import Attachment, Batch, Entry, Pause, Values, WaitingRuns, write_values
from app.core.window import Window
from app.core.workflow import ApiWorkflow
from app.session.delivery.past import Past
from app.session.facts import Picked
from app.session.hashing import sha256_of
from app.session.salvage import OrphanLine, Salvage
from app.session.state import State
from app.session.submitting.editor_files import GONE, EditorFiles
from app.session.submitting.submit import Inputs, RunOrder
from app.session.waiting.file_feed import FileFeed
from app.session.waiting.sending import Sender
from app.session.waiting.storage import LineKeeper
from app.session.waiting.tab_presses import TabPresses
from app.session.waiting.worker import LineWorker
from app.workflows.plans.runs import PlannedRun

log = logging.getLogger("mooring.session")


@dataclass(frozen=True, slots=True)
class Pressed:
    """A click before its task: its run in the line. `is_noted`: the tab remembers it, so a reload would keep it."""

    order: RunOrder
    batch: Batch
    entry: Entry
    is_noted: bool


class WaitingLine:
    """The waiting line of a session. A change is durable when its method returns; if it raises, nothing has changed."""

    def __init__(self, state: State, worker: LineWorker, salvage: Salvage, past: Past) -> None:
        self._state = state
        self._salvage = salvage
        self._editors = EditorFiles(state)
        self._keeper = LineKeeper(state)
        self.files = FileFeed(state, self)
        self._sender = Sender(state, self._keeper, past, self.files.take_back)
        self._tab = TabPresses(state.ports.presses)
        state.subscribe(self._follow)
        self._is_crew_known = False
        self._sender.enlist(worker)

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
        """The line with the runs that are set aside; None until it is known, with the work of this tab's crew."""
        is_known = self._is_crew_known and all(worker.window is not None for worker in self._sender.workers)
        return self._keeper.line if is_known else None

    @property
    def own_windows(self) -> tuple[Window, ...]:
        """The windows of all sessions that send from it."""
        return tuple(worker.window for worker in self._sender.workers if worker.window is not None)

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
    def wanted_sessions(self) -> int:
        """How many sessions of this tab send from it now."""
        line = self._keeper.line
        return self._sender.sessions.wanted if line is not None and line.entries else 1

    @property
    def turn(self) -> NotYourTurn | None:
        """What is before the next run, if it waits for its turn on a server."""
        line = self._keeper.line
        workers = self._sender.workers[: self._sender.sessions.wanted] if line is not None and line.entries else []
        return next((worker.turn for worker in workers if worker.turn is not None), None)

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
        """Why no session sends at present; each retries by itself."""
        line = self._keeper.line
        workers = self._sender.workers[: self._sender.sessions.wanted] if line is not None and line.entries else []
        found = [worker.obstacle or worker.choosing_after for worker in workers if worker.is_held]
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
        """Append runs to the line; `senders` is how many sessions send from it.

        With a wish they wait for the server asked for, or (`is_patient`) until a server is idle.
        Their files are kept with them, and so is `editor`, the copy of the editor's file that is sent along. `press`
        is the id of a press from before there was a session: the batch's, and its first run's. BadPlan if there are
        too many, StorageError if they cannot be kept.
        """
        window, random = self._state.get_window("add"), self._state.ports.random
        press = press or PromptId(random.uuid4())
        inputs = inputs or {}
        batch = _batch(BatchId(press), workflow, title, inputs, wish)
        ids = chain([press], (PromptId(random.uuid4()) for _ in count()))
        entries = [_entry(next(ids), window.window_id, batch.batch_id, run) for run in runs]
        self._note(batch, entries, editor, senders)
        try:
            with self._state.loose_ends.upload():
                batch, files = await self._with_files(batch, inputs)
                batch = replace(batch, editor_sha256=await self._editors.keep(editor) if editor else "")
                await self._join(batch, entries, senders, files=files)
        finally:
            self._tab.recorded(press)  # or the error says that it was not
        return batch.batch_id

    def _note(self, batch: Batch, entries: Sequence[Entry], editor: str, senders: int | None = None) -> bool:
        """Let the tab remember a press, before anything is awaited; False if it cannot."""
        window, now = self._state.get_window("run"), self._state.ports.clock.now()
        return bool(entries) and self._tab.note(
            Press(
                prompt_id=PromptId(batch.batch_id),
                window_id=window.window_id,
                at=now,
                batch=batch,
                entries=tuple(entries),
                editor=editor,
                senders=senders,
            )
        )

    async def _with_files(self, batch: Batch, inputs: Inputs) -> tuple[Batch, dict[str, Blob]]:
        """Return the batch with the hashes of its files, and the files by these."""
        attached, files = list[Attachment](), dict[str, Blob]()
        for item in batch.inputs:
            picked = inputs[item.node_id, item.input_name]
            if picked.blob.size == 0:
                raise BadInput("empty", picked.name)
            sha256 = item.sha256 or await sha256_of(picked.blob)
            files[sha256] = picked.blob
            attached.append(replace(item, sha256=sha256))
        return replace(batch, inputs=tuple(attached)), files

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
        batch = _batch(BatchId(self._state.ports.random.uuid4()), workflow, title, inputs or {}, wish)
        attached = [await self.attach(where, picked) for where, picked in (inputs or {}).items()]
        return replace(batch, inputs=tuple(attached), editor_sha256=await self._editors.keep(editor) if editor else "")

    async def join(self, batch: Batch, entries: list[Entry], senders: int, editor: str) -> None:
        """Append some runs of a batch. An empty line starts with so many `senders`, and keeps the editor's copy."""
        line = self._keeper.line
        if editor and (line is None or batch.batch_id not in line.batches):
            await self._editors.keep(editor)
        await self._join(batch, entries, senders, is_more=True)

    async def _join(
        self,
        batch: Batch,
        entries: Sequence[Entry],
        senders: int | None,
        *,
        is_more: bool = False,
        files: Mapping[str, Blob] = NO_FILES,
    ) -> None:
        """Append runs; if there `is_more` to come, a line with other runs keeps its number of senders."""
        line_id = self._state.ports.random.uuid4()

        def join(line: WaitingRuns) -> WaitingRuns:
            joined = line.join(batch, entries, line_id)
            return joined if senders is None or (is_more and line.entries) else joined.spread(senders)

        await self._keeper.change(join, files)

    # Clicks

    def note_click(self, order: RunOrder) -> Pressed:
        """Note a click in the tab, before anything is awaited."""
        window, editor = self._state.get_window("run"), order.editor
        batch = replace(
            _batch(BatchId(order.prompt_id), order.workflow, order.title, order.inputs, order.wish),
            editor_sha256=editor.sha256,
            editor_fault=editor.fault,
            again_of=order.again_of,
            is_click=True,
        )
        entry = Entry(
            prompt_id=order.prompt_id,
            owner=window.window_id,
            part=Part(batch_id=batch.batch_id),
            templates=order.templates,
            again_of=order.again_of,
            pressed_at=self._state.ports.clock.now(),
        )
        self._sender.pressed |= {order.prompt_id}
        return Pressed(order, batch, entry, self._note(batch, [entry], "" if editor.sha256 else editor.text))

    async def record(self, pressed: Pressed) -> Pressed:
        """Write a click into the store with its files, before any server is asked.

        A file for which the store has no room is sent all the same, but a reload loses it.
        """
        is_loose = not pressed.is_noted or any(not item.sha256 for item in pressed.batch.inputs)
        try:
            with self._state.loose_ends.upload() if is_loose else nullcontext():
                return await self._record(pressed)
        finally:
            self._tab.recorded(pressed.entry.prompt_id)  # or the error says that it was not

    async def _record(self, pressed: Pressed) -> Pressed:
        order, batch, entry = pressed.order, pressed.batch, pressed.entry
        line_id = self._state.ports.random.uuid4()
        try:
            batch, files = await self._with_files(batch, order.inputs)
        except BadInput as error:  # a file that is empty, or can no longer be read
            text = write_refusal(error)
            await self._keeper.change(lambda line: _joined(line, batch, entry, line_id).refuse(entry.prompt_id, text))
            raise
        batch = await self._with_editor(batch, order.editor.text)
        order = replace(order, editor=replace(order.editor, sha256=batch.editor_sha256))
        step = partial(_joined, batch=batch, entry=entry, line_id=line_id)
        try:
            await self._keeper.change(step, files)
        except StorageError as error:
            if error.cause != "quota" or not files:
                raise
            log.warning("the files of %s are not kept: %r", entry.prompt_id, error)
            await self._keeper.change(step)
        known = {(item.node_id, item.input_name): item.sha256 for item in batch.inputs}
        inputs = {where: replace(picked, sha256=known[where]) for where, picked in order.inputs.items()}
        return replace(pressed, order=replace(order, inputs=inputs), batch=batch)

    async def _with_editor(self, batch: Batch, text: str) -> Batch:
        """Keep the copy of the editor's file; without it, the runs are sent all the same."""
        if not text or batch.editor_sha256:
            return batch
        try:
            return replace(batch, editor_sha256=await self._editors.keep(text))
        except StorageError as error:
            log.warning("the editor's file is not kept: %r", error)
            return replace(batch, editor_fault=GONE)

    def sent(self, prompt_id: PromptId) -> None:
        """Note that a click has become a task."""
        self._keeper.took(prompt_id)
        self._sender.pressed -= {prompt_id}

    async def wait(self, pressed: Pressed, cause: MooringError, tried: Task | None = None) -> PromptId:
        """Let a click wait that could not be sent now; return its id. `cause` is raised if the line is paused.

        If it was sent and not queued, it gets another id, and its task (`tried`) is deleted if that is proven.
        """
        prompt_id = pressed.entry.prompt_id
        if self._keeper.line is not None and self._keeper.line.pause is not None:
            raise replace(cause, is_held=True) if isinstance(cause, NotYourTurn) else cause
        if tried is None:
            self._sender.pressed -= {prompt_id}
            self._state.changed()
            return prompt_id
        random = self._state.ports.random
        entry, line_id = replace(pressed.entry, prompt_id=PromptId(random.uuid4())), random.uuid4()
        with self._state.loose_ends.upload():
            await self._keeper.change(partial(_joined, batch=pressed.batch, entry=entry, line_id=line_id))
        await self._sender.replace(tried, entry.prompt_id)
        return entry.prompt_id

    async def refuse(self, prompt_id: PromptId, error: MooringError) -> None:
        """Keep a click that was not sent, with its reason; if that fails, it is held back until a reload."""
        if await self._sender.refuse(prompt_id, error):
            self._sender.pressed -= {prompt_id}

    async def dismiss(self, prompt_id: PromptId) -> None:
        """Forget a click that was not sent."""
        line = self._keeper.line
        if line is not None and line.has_record(prompt_id):
            await self._keeper.change(
                lambda line: line.without(prompt_id) if line.has(prompt_id) else line.dismiss(prompt_id)
            )
        self._sender.pressed -= {prompt_id}
        self._tab.forget(prompt_id)

    async def retry(self, prompt_id: PromptId) -> None:
        """Let a click that was not sent wait again, and send it as soon as that is possible."""
        await self._keeper.change(lambda line: line.retry(prompt_id))
        self._sender.pressed -= {prompt_id}
        self.hurry()

    async def knows(self, prompt_id: PromptId) -> bool:
        """Whether a run is recorded: as a task, whichever window has it, or in this window's line."""
        line = self._keeper.line
        if line is not None and line.has_record(prompt_id):
            return True
        store, past = self._state.ports.store, self._state.ports.past
        if await store.read_task(prompt_id) is not None:
            return True
        return past is not None and await past.read_past_task(prompt_id) is not None

    def _follow(self) -> None:
        if self._keeper.line is not None:
            self._tab.follow(self._keeper.line)

    async def _take_up(self) -> None:
        """Take over the presses that an earlier page of this window has left, unless the store has them."""
        window = self._state.get_window("line")
        for press in self._tab.earlier:
            if press.window_id != window.window_id:  # this tab is a copy
                self._tab.forget(press.prompt_id)
                continue
            try:
                if not await self.knows(press.prompt_id):
                    await self._take_over(press)
            except StorageError as error:  # once more with the next wake
                log.warning("the press %s is not taken over yet: %r", press.prompt_id, error)
            except MooringError as error:
                self._state.show_refused(press.prompt_id, press.batch.title if press.batch else "", press.at, error)
                self._tab.hold(press.prompt_id)
            else:
                self._tab.forget(press.prompt_id)

    async def _take_over(self, press: Press) -> None:
        """Let its runs wait; one whose files were not stored is refused."""
        batch, line_id = press.batch, self._state.ports.random.uuid4()
        if batch is None:  # of a private window
            raise BadInput("press-not-kept")
        batch = await self._with_editor(batch, press.editor)
        missing = next((item.name for item in batch.inputs if not item.sha256), None)
        if missing is None:
            await self._join(batch, press.entries, press.senders)
            return
        first, text = press.entries[0], write_refusal(BadInput("input-not-kept", missing))
        await self._keeper.change(lambda line: _joined(line, batch, first, line_id).refuse(first.prompt_id, text))

    def _show_refused(self) -> None:
        """Show the clicks that were not sent, from before a reload or of a window that was adopted."""
        line = self._keeper.line
        for entry in line.refused if line is not None else ():
            title, error = line.batches[entry.batch_id].title if line else "", read_refusal(entry.refusal)
            self._state.show_refused(entry.prompt_id, title, entry.pressed_at, error)

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
        """Set how many sessions of this tab send from the line, or EVERY."""
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
        tasks = [
            (worker, task) for worker in self._sender.workers for task in worker.own_unfinished if is_meant(task.part)
        ]  # fmt: skip
        outcomes = await asyncio.gather(
            *(worker.watch.cancel(task.prompt_id) for worker, task in tasks), return_exceptions=True
        )
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def adopt(self, owner: WindowId) -> None:
        """Adopt the line of a closed window. TaskNotFound if another window was faster."""
        window = self._state.get_window("adopt")
        await self._keeper.adopt(lambda: self._salvage.adopt_line(owner, window.window_id))
        self._show_refused()
        self.hurry()

    # Lifecycle

    async def restore(self) -> None:
        """Read the line once the window has read its records, with the presses that the tab has from before."""
        await self._keeper.restore()
        if self._keeper.line is not None:
            await self._take_up()
            self._show_refused()

    async def reread(self) -> None:
        """On a wake, check whether the line is unchanged, and retry what has failed."""
        is_new = self._keeper.line is None
        await self._keeper.reread()
        if self._keeper.line is not None:
            await self._take_up()
            if is_new:
                self._show_refused()
        self.hurry()

    async def keep(self) -> None:
        """Send what may be sent, for as long as the page is open."""
        await self._sender.keep()

    def enlist(self, worker: LineWorker) -> None:
        """Add a session that sends from this line."""
        self._sender.enlist(worker)

    def enlisted(self, *, is_complete: bool) -> None:
        """Note that the crew has tried to enlist the sessions that the line asks for."""
        self._sender.enlisted(is_complete=is_complete)

    def crew_found(self) -> None:
        """Note that the sessions of this tab with work of their own are known."""
        if not self._is_crew_known:
            self._is_crew_known = True
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


def _joined(line: WaitingRuns, batch: Batch, entry: Entry, line_id: str) -> WaitingRuns:
    return line.join(batch, [entry], line_id)


def _batch(batch_id: BatchId, workflow: ApiWorkflow, title: str, inputs: Inputs, wish: Wish) -> Batch:
    """What runs share, as far as it is known without a wait."""
    return Batch(
        batch_id=batch_id,
        workflow=workflow.text,
        title=title,
        inputs=tuple(
            Attachment(
                node_id=where[0], input_name=where[1], sha256=picked.sha256, name=picked.name, size=picked.blob.size
            )
            for where, picked in inputs.items()
        ),
        asked=wish.asked,
        avoided=wish.avoided,
        is_patient=wish.is_patient,
    )


def _entry(prompt_id: PromptId, owner: WindowId, batch_id: BatchId, run: PlannedRun) -> Entry:
    part = Part(batch_id=batch_id, index=run.index, label=run.label, cell=run.cell)
    return Entry(prompt_id=prompt_id, owner=owner, part=part, values=write_values(run.values), templates=run.templates)
