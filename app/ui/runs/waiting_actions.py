"""The person's hands on the waiting line."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from app.core.balancer import ANY, Wish
from app.core.model import BatchId, PromptId, WindowId
from app.core.waiting_runs import Values
from app.core.workflow import ApiWorkflow
from app.session import Picked
from app.ui.kit.context import PageContext
from app.ui.kit.deletion_actions import Deletions
from app.ui.kit.deletions import Deletion, What
from app.ui.kit.screen import Facts, Screen
from app.ui.runs.edit import EditDialog, begin_edit, edit_values, edit_view, present_text
from app.ui.runs.orders import Plan
from app.ui.runs.waiting import CancelDialog, LineFacts
from app.workflows.plans.runs import PlannedRun

log = logging.getLogger("mooring.ui")


class LineVerbs(LineFacts, Protocol):
    """What the page asks of a session's waiting line."""

    async def add(
        self,
        workflow: ApiWorkflow,
        runs: Iterable[PlannedRun],
        *,
        title: str = "",
        inputs: Mapping[tuple[str, str], Picked] | None = None,
        hands: int | None = None,
        wish: Wish = ANY,
        editor: str = "",
    ) -> BatchId: ...
    async def pause(self) -> None: ...
    async def resume(self) -> None: ...
    async def send_all(self, is_wanted: bool = True) -> None: ...
    async def step(self, prompt_id: PromptId, by: int) -> None: ...
    async def move(self, prompt_id: PromptId, before: PromptId | None = None) -> None: ...
    async def edit(self, prompt_id: PromptId, values: Values, label: str) -> None: ...
    async def spread(self, hands: int) -> None: ...
    async def cancel_mine(self, batch_id: BatchId | None = None) -> None: ...
    async def remove(self, *prompt_ids: PromptId) -> None: ...
    def set_aside(self, *prompt_ids: PromptId) -> None: ...
    def put_back(self, *prompt_ids: PromptId) -> None: ...
    async def adopt(self, owner: WindowId) -> None: ...


class LineActions:
    """See the module. `do` runs a verb in the background, and shows its refusal."""

    def __init__(
        self,
        line: LineVerbs,
        desk: PageContext,
        screen: Screen,
        do: Callable[[Coroutine[Any, Any, None]], None],
        deletions: Deletions,
    ) -> None:
        self._line = line
        self._desk = desk
        self._screen = screen
        self._do = do
        self._deletions = deletions

    def act(self, name: str, facts: Facts) -> bool:
        """A click; False if it is none of these."""
        line, prompt_id = self._line, PromptId(str(facts.get("promptId", "")))
        match name:
            case "line-pause":
                self._do(line.pause())
            case "line-resume":
                self._do(line.resume())
            case "line-send-all":
                self._do(line.send_all())
            case "line-send-few":
                self._do(line.send_all(False))
            case "line-up":
                self._do(line.step(prompt_id, -1))
            case "line-down":
                self._do(line.step(prompt_id, 1))
            case "line-remove":
                self._remove([prompt_id])
            case "line-clear" if line.line is not None:
                self._remove([item.prompt_id for item in line.line.entries])
            case "line-adopt":
                self._do(line.adopt(WindowId(str(facts["owner"]))))
            case "line-move":
                self._move(prompt_id, PromptId(str(facts["beside"])), is_after=bool(facts["isAfter"]))
            case "cancel-mine":
                self._show(None)
                self._do(line.cancel_mine(BatchId(str(facts["batchId"])) if facts.get("batchId") else None))
            case _:
                return self._open(name, prompt_id)
        return True

    def _open(self, name: str, prompt_id: PromptId) -> bool:
        """What only opens a dialog, or is done in one."""
        line = self._line.line
        match name:
            case "ask-cancel-mine":
                self._show(CancelDialog())
            case "line-edit" if line is not None and line.has(prompt_id):
                self._desk.set_ui(self._desk.ui.with_dialog(begin_edit(line, prompt_id)))
            case "line-edit":
                log.info("%s waits no more", prompt_id)
            case "save-edit":
                self._save()
            case _:
                return False
        return True

    def change(self, name: str, facts: Facts) -> bool:
        """A new choice; False if it is none of these."""
        value, dialog, line = str(facts.get("value", "")), self._desk.ui.dialog, self._line.line
        match name:
            case "line-spread":
                self._do(self._line.spread(int(value)))
            case "edit-more":
                found = (
                    present_text(line, dialog, value) if isinstance(dialog, EditDialog) and line is not None else None
                )
                if found is not None and isinstance(dialog, EditDialog):
                    self._show(dialog.with_text(*found))
                    self._screen.update({"texts": [{"node": ":edit", "name": "more", "text": ""}]})
            case _:
                return False
        return True

    def type(self, name: str, facts: Facts) -> bool:
        """Something typed; False if it is none of these."""
        dialog = self._desk.ui.dialog
        if name != "edit":
            return False
        if isinstance(dialog, EditDialog):
            key = str(facts["node"]), str(facts["name"])
            self._show(dialog.with_text(key, str(facts.get("value", ""))))
        return True

    def _save(self) -> None:
        dialog, line = self._desk.ui.dialog, self._line.line
        if not isinstance(dialog, EditDialog) or not edit_view(line, dialog, self._line.sending).is_ready:
            return  # the dialog says why
        assert line is not None  # it is ready
        values, label = edit_values(line, dialog)
        self._show(None)
        self._do(self._line.edit(dialog.prompt_id, values, label))

    def _remove(self, prompt_ids: Sequence[PromptId]) -> None:
        """Remove waiting runs: one that is already being sent at once, others when the time to undo is over."""
        sent = [prompt_id for prompt_id in prompt_ids if prompt_id in self._line.sending]
        rest = [prompt_id for prompt_id in prompt_ids if prompt_id not in sent]
        if sent:
            self._do(self._line.remove(*sent))
        if rest:
            self._line.set_aside(*rest)
            deletion = Deletion(What.WAITING, count=len(rest))
            self._deletions.put_off(deletion, lambda: self._line.remove(*rest), undo=lambda: self._line.put_back(*rest))

    def _move(self, prompt_id: PromptId, beside: PromptId, *, is_after: bool) -> None:
        """Before another run, or behind it; neither if one of them has gone meanwhile."""
        line = self._line.line
        rest = [item.prompt_id for item in line.entries if item.prompt_id != prompt_id] if line is not None else []
        if line is None or not line.has(prompt_id) or beside not in rest:
            return
        following = rest[rest.index(beside) + is_after :]
        self._do(self._line.move(prompt_id, following[0] if following else None))

    def _show(self, dialog: EditDialog | CancelDialog | None) -> None:
        self._desk.set_ui(replace(self._desk.ui, dialog=dialog))

    def add(
        self,
        title: str,
        plan: Plan,
        inputs: Mapping[tuple[str, str], Picked],
        wish: Wish,
        *,
        hands: int | None = None,
    ) -> None:
        """Let these runs wait; `hands` sessions are to take from the line, if that is said."""

        async def add() -> None:
            await self._line.add(
                plan.workflow, plan.runs, title=title, inputs=inputs, hands=hands, wish=wish, editor=plan.editor
            )

        self._do(add())
