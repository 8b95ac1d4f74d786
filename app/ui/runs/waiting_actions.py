"""Actions on the waiting runs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from app.core.balancer import Wish
from app.core.file_runs import TO_COME
from app.core.model import BatchId, PromptId, WindowId
from app.session import Picked
from app.session.waiting.waiting_runs import WaitingLine
from app.ui.kit.actions import action
from app.ui.kit.context import PageContext, set_slices
from app.ui.kit.deletion_actions import Deletions
from app.ui.kit.deletions import Deletion, What
from app.ui.kit.screen import Screen
from app.ui.runs.edit import EditDialog, begin_edit, edit_values, edit_view, present_text
from app.ui.runs.orders import PlannedRuns
from app.ui.runs.state import RunsState, Stopped
from app.ui.runs.waiting import CancelDialog

log = logging.getLogger("mooring.ui")


class LineActions:
    """Actions on waiting runs. `to_stop` returns the runs of a plan, or of the window, on servers too."""

    def __init__(
        self,
        line: WaitingLine,
        context: PageContext,
        screen: Screen,
        deletions: Deletions,
        to_stop: Callable[[BatchId | None], Stopped],
    ) -> None:
        self._to_stop = to_stop
        self._line = line
        self._context = context
        self._screen = screen
        self._deletions = deletions

    @action("line-pause")
    async def pause(self) -> None:
        await self._line.pause()

    @action("line-resume")
    async def resume(self) -> None:
        await self._line.resume()

    @action("line-send-all")
    async def send_all(self) -> None:
        await self._line.send_all()

    @action("line-send-few")
    async def send_few(self) -> None:
        await self._line.send_all(False)

    @action("line-spread")
    async def spread(self, value: int) -> None:
        await self._line.spread(value)

    @action("line-adopt")
    async def adopt(self, owner: WindowId) -> None:
        await self._line.adopt(owner)

    # One run

    @action("line-up")
    async def move_up(self, prompt_id: PromptId) -> None:
        await self._line.step(prompt_id, -1)

    @action("line-down")
    async def move_down(self, prompt_id: PromptId) -> None:
        await self._line.step(prompt_id, 1)

    @action("line-move")
    async def move(self, prompt_id: PromptId, beside: PromptId, is_after: bool) -> None:
        """Move a run before or after another one; does nothing if one of them no longer waits."""
        line = self._line.line
        rest = [item.prompt_id for item in line.entries if item.prompt_id != prompt_id] if line is not None else []
        if line is None or not line.has(prompt_id) or beside not in rest:
            return
        following = rest[rest.index(beside) + is_after :]
        await self._line.move(prompt_id, following[0] if following else None)

    # Editing a run

    @action("line-edit")
    def open_edit(self, prompt_id: PromptId) -> None:
        line = self._line.line
        if line is not None and line.has(prompt_id):
            self._context.set_ui(self._context.ui.with_dialog(begin_edit(line, prompt_id)))
        else:
            log.info("%s no longer waits", prompt_id)

    @action("edit-more")
    def edit_more(self, value: str) -> None:
        """Show another input of the run in the dialog, by its name."""
        dialog, line = self._context.ui.dialog, self._line.line
        if not isinstance(dialog, EditDialog) or line is None:
            return
        if (found := present_text(line, dialog, value)) is not None:
            self._show(dialog.with_text(*found))
            self._screen.update({"texts": [{"node": ":edit", "name": "more", "text": ""}]})

    @action("edit")
    def edit(self, node: str, name: str, value: str) -> None:
        """Put the typed text into a field of the dialog."""
        dialog = self._context.ui.dialog
        if isinstance(dialog, EditDialog):
            self._show(dialog.with_text((node, name), value))

    @action("save-edit")
    async def save_edit(self) -> None:
        """Save the run as the dialog has it, and close the dialog."""
        dialog, line = self._context.ui.dialog, self._line.line
        if not isinstance(dialog, EditDialog) or not edit_view(line, dialog, self._line.sending).is_ready:
            return  # the dialog shows why
        assert line is not None  # since the view is ready
        values, label = edit_values(line, dialog)
        self._show(None)
        await self._line.edit(dialog.prompt_id, values, label)

    # Removing and cancelling

    @action("line-remove")
    async def remove(self, prompt_id: PromptId) -> None:
        await self._remove([prompt_id])

    @action("line-clear")
    async def clear(self) -> None:
        """Remove all that waits, and the runs of files that would follow."""
        works = [work for work in self._line.files.works if work.count(TO_COME)]
        count = sum(work.count(TO_COME) for work in works)
        undo = [self._line.files.drop_rest(work.plan.batch.batch_id) for work in works]
        entries = self._line.line.entries if self._line.line is not None else ()
        await self._remove([item.prompt_id for item in entries], more=count, undo_more=undo)

    @action("ask-cancel-mine")
    def ask_cancel(self) -> None:
        """Ask which runs of this window to stop."""
        self._show(CancelDialog())

    @action("cancel-mine")
    async def cancel(self, batch_id: BatchId | None = None) -> None:
        """Stop everything of this window, or of one plan, and say what became of it."""
        self._show(None)
        stopped = self._to_stop(batch_id or None)
        set_slices(self._context, replace(self._context.ui.of(RunsState), stopped=stopped))
        try:
            await self._line.cancel_mine(batch_id or None)
        finally:
            runs = self._context.ui.of(RunsState)
            if runs.stopped == stopped:
                set_slices(self._context, replace(runs, stopped=replace(stopped, is_asked=True)))

    async def _remove(
        self, prompt_ids: Sequence[PromptId], more: int = 0, undo_more: Sequence[Callable[[], None]] = ()
    ) -> None:
        """Remove waiting runs: those being sent immediately, others when the time to undo is over.

        `more` have been removed already, which `undo_more` reverts.
        """
        sent = [prompt_id for prompt_id in prompt_ids if prompt_id in self._line.sending]
        rest = [prompt_id for prompt_id in prompt_ids if prompt_id not in sent]

        def undo() -> None:
            self._line.put_back(*rest)
            for revert in undo_more:
                revert()

        if rest or more:
            self._line.set_aside(*rest)
            deletion = Deletion(What.WAITING, count=len(rest) + more)
            self._deletions.put_off(deletion, lambda: self._line.remove(*rest), undo=undo)
        if sent:
            await self._line.remove(*sent)

    def _show(self, dialog: EditDialog | CancelDialog | None) -> None:
        self._context.set_ui(replace(self._context.ui, dialog=dialog))

    async def add(
        self,
        title: str,
        plan: PlannedRuns,
        inputs: Mapping[tuple[str, str], Picked],
        wish: Wish,
        *,
        senders: int | None = None,
        press: str = "",
    ) -> None:
        """Add runs to those that wait; `senders` sets the number of sessions that send them, if given.

        `press` is the id of a press from before Python had started.
        """
        await self._line.add(
            plan.workflow,
            plan.runs,
            title=title,
            inputs=inputs,
            senders=senders,
            wish=wish,
            editor=plan.editor,
            press=PromptId(press) if press else None,
        )
