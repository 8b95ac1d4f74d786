"""Presses of Run before their tasks: each is recorded, then sent by its own session, or waits in the line.

    pressed = line.clicks.note(order)                   # within the click: a reload keeps it
    pressed = await line.clicks.record(pressed)         # in the store with its files: a crash keeps it

What users can rely on is in `session/waiting/waiting_runs.py`. A press with a count joins the line at once
(`WaitingLine.add`); it is remembered and taken up here as well.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial, reduce

from app.core.balancer import Wish
from app.core.errors import BadInput, InvalidTransition, MooringError, NotYourTurn, StorageError
from app.core.model import BatchId, Part, PromptId, Task
from app.core.ports.blobs import Blob
from app.core.presses import Press
from app.core.records import BrokenRecord
from app.core.refusals import read_refusal, write_refusal
from app.core.waiting_runs import Attachment, Batch, WaitingRun, WaitingRuns
from app.core.workflow import ApiWorkflow
from app.session.hashing import sha256_of
from app.session.state import State
from app.session.submitting.editor_files import GONE, EditorFiles
from app.session.submitting.submit import Inputs, RunOrder
from app.session.waiting.sending import Sender
from app.session.waiting.storage import LineKeeper
from app.session.waiting.tab_presses import TabPresses

log = logging.getLogger("mooring.session")

RECORDED_WITHIN = 10.0  # seconds after a click; large files are hashed meanwhile


@dataclass(frozen=True, slots=True)
class Pressed:
    """A click before its task: its run in the line. `is_noted`: the tab remembers it, so a reload would keep it."""

    order: RunOrder
    batch: Batch
    entry: WaitingRun
    is_noted: bool


class Clicks:
    """The presses of Run of a window, from the click until each is a task, waits, or is dismissed."""

    def __init__(self, state: State, keeper: LineKeeper, sender: Sender, tab: TabPresses) -> None:
        self._state = state
        self._keeper = keeper
        self._sender = sender
        self._tab = tab
        self._editors = EditorFiles(state)
        self._looks_later = False  # at presses that a living window should record
        state.subscribe(self._follow)

    def note(self, order: RunOrder) -> Pressed:
        """Note a click in the tab, before anything is awaited."""
        window, editor = self._state.records.get_window("run"), order.editor
        batch = replace(
            batch_of(BatchId(order.prompt_id), order.workflow, order.title, order.inputs, order.wish),
            editor_sha256=editor.sha256,
            editor_fault=editor.fault,
            again_of=order.again_of,
            is_click=True,
        )
        entry = WaitingRun(
            prompt_id=order.prompt_id,
            owner=window.window_id,
            part=Part(batch_id=batch.batch_id),
            templates=order.templates,
            again_of=order.again_of,
            pressed_at=self._state.ports.clock.now(),
        )
        self._sender.pressed |= {order.prompt_id}
        return Pressed(order, batch, entry, self.remember(batch, [entry], "" if editor.sha256 else editor.text))

    def remember(self, batch: Batch, entries: Sequence[WaitingRun], editor: str, senders: int | None = None) -> bool:
        """Let the tab remember a press, before anything is awaited; False if it cannot."""
        window, now = self._state.records.get_window("run"), self._state.ports.clock.now()
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

    async def record(self, pressed: Pressed) -> Pressed:
        """Write a click into the store with its files, before any server is asked.

        A file for which the store has no room is sent all the same, but a reload loses it.
        """
        is_loose = not pressed.is_noted or any(not item.sha256 for item in pressed.batch.inputs)
        try:
            with self._state.records.loose_ends.upload() if is_loose else nullcontext():
                return await self._record(pressed)
        finally:
            self._tab.recorded(pressed.entry.prompt_id)  # or the error says that it was not

    async def _record(self, pressed: Pressed) -> Pressed:
        order, batch, entry = pressed.order, pressed.batch, pressed.entry
        line_id = self._state.ports.random.uuid4()
        try:
            batch, files = await self.with_files(batch, order.inputs)
        except BadInput as error:  # a file that is empty, or can no longer be read
            text = write_refusal(error)
            await self._keeper.change(partial(_refused, batch=batch, entries=[entry], line_id=line_id, refusal=text))
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

    async def with_files(self, batch: Batch, inputs: Inputs) -> tuple[Batch, dict[str, Blob]]:
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
        with self._state.records.loose_ends.upload():
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
        self._sender.hurry()

    async def knows(self, prompt_id: PromptId) -> bool:
        """Whether a run is recorded: as a task or in a line, whichever window has it."""
        line = self._keeper.line
        if line is not None and line.has_record(prompt_id):
            return True
        store, past = self._state.ports.store, self._state.ports.past
        for owner in [owner for owner in await store.read_lines() if line is None or owner != line.window_id]:
            try:
                if (await store.read_line(owner)).has_record(prompt_id):
                    return True
            except BrokenRecord as error:  # the store still takes no run twice
                log.warning("the line of %s is not asked: %r", owner, error)
        if await store.read_task(prompt_id) is not None:  # after the lines: a run leaves its line as a task
            return True
        return past is not None and await past.read_past_task(prompt_id) is not None

    def _follow(self) -> None:
        if self._keeper.line is not None:
            self._tab.follow(self._keeper.line)

    async def take_up(self, *, is_late: bool = False) -> None:
        """Take over the presses that an earlier page of this tab has left, unless the store has them.

        If that page's window lives, this tab is a copy, and that window records the press; `is_late` if it has had the
        time. Or a copy has taken the id of this tab, in the moment in which it crashed: then no window records the
        press, and the user is asked. If that page's window does not live, this tab has lost its id in a crash.
        """
        if self._keeper.line is None:
            return
        me, windows = self._keeper.line.window_id, self._state.ports.windows
        others = sorted({press.window_id for press in self._tab.earlier} - {me})
        living = {window_id for window_id in others if await windows.is_alive(window_id)}
        for press in self._tab.earlier:
            is_in_doubt = press.window_id in living
            if is_in_doubt and press.batch is None:  # of a private window: no other page reads its store
                self._tab.forget(press.prompt_id)
                continue
            try:
                if not await self.knows(press.prompt_id):
                    if is_in_doubt and not is_late:
                        self._look_later()
                        continue
                    await self._take_over(press, is_in_doubt=is_in_doubt)
            except StorageError as error:  # once more with the next wake
                log.warning("the press %s is not taken over yet: %r", press.prompt_id, error)
            except InvalidTransition:  # it was recorded meanwhile
                self._tab.forget(press.prompt_id)
            except MooringError as error:
                self._state.live.show_refused(
                    press.prompt_id, press.batch.title if press.batch else "", press.at, error
                )
                self._tab.hold(press.prompt_id)
            else:
                self._tab.forget(press.prompt_id)
        self.show_refused()

    def _look_later(self) -> None:
        if not self._looks_later:
            self._looks_later = True
            self._state.spawn(self._take_up_late(), "take up the presses of a copied tab")

    async def _take_up_late(self) -> None:
        await self._state.ports.clock.sleep(RECORDED_WITHIN)
        self._looks_later = False
        await self.take_up(is_late=True)

    async def _take_over(self, press: Press, *, is_in_doubt: bool) -> None:
        """Let its runs wait; one in doubt, or whose files were not stored, is refused."""
        batch, line_id = press.batch, self._state.ports.random.uuid4()
        if batch is None:  # of a private window
            raise BadInput("press-not-kept")
        batch = await self._with_editor(batch, press.editor)
        missing = next((item.name for item in batch.inputs if not item.sha256), "")
        if not is_in_doubt and not missing:
            await self._keeper.join(batch, press.entries, press.senders)
            return
        entries = press.entries[:1] if missing else press.entries  # of many with a missing file one is shown
        text = write_refusal(BadInput("input-not-kept", missing) if missing else BadInput("press-in-doubt"))
        await self._keeper.change(partial(_refused, batch=batch, entries=entries, line_id=line_id, refusal=text))

    def show_refused(self) -> None:
        """Show the clicks that were not sent, from before a reload or of a window that was adopted."""
        line, shown = self._keeper.line, self._state.live.runs
        for entry in (item for item in line.refused if item.prompt_id not in shown) if line is not None else ():
            title, error = line.batches[entry.batch_id].title if line else "", read_refusal(entry.refusal)
            self._state.live.show_refused(entry.prompt_id, title, entry.pressed_at, error)


def _joined(line: WaitingRuns, batch: Batch, entry: WaitingRun, line_id: str) -> WaitingRuns:
    return line.join(batch, [entry], line_id)


def _refused(line: WaitingRuns, batch: Batch, entries: Sequence[WaitingRun], line_id: str, refusal: str) -> WaitingRuns:
    joined = line.join(batch, entries, line_id)
    return reduce(lambda line, entry: line.refuse(entry.prompt_id, refusal), entries, joined)


def batch_of(batch_id: BatchId, workflow: ApiWorkflow, title: str, inputs: Inputs, wish: Wish) -> Batch:
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
