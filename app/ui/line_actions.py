"""The person's hands on the waiting line."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, Protocol

from app.core.balancer import ANY, Wish
from app.core.model import BatchId, PromptId, WindowId
from app.core.workflow import ApiWorkflow
from app.session import Picked
from app.ui.screen import Facts
from app.ui.waiting import LineFacts
from app.workflows.runs import PlannedRun


class LineVerbs(LineFacts, Protocol):
    """What the page asks of a session's waiting line."""

    async def add(
        self,
        workflow: ApiWorkflow,
        runs: Iterable[PlannedRun],
        *,
        title: str = "",
        inputs: Mapping[tuple[str, str], Picked] | None = None,
        wish: Wish = ANY,
    ) -> BatchId: ...
    async def pause(self) -> None: ...
    async def resume(self) -> None: ...
    async def send_all(self, is_wanted: bool = True) -> None: ...
    async def step(self, prompt_id: PromptId, by: int) -> None: ...
    async def remove(self, prompt_id: PromptId) -> None: ...
    async def clear(self) -> None: ...
    async def adopt(self, owner: WindowId) -> None: ...


class LineActions:
    """See the module. `do` runs a verb in the background, and shows its refusal."""

    def __init__(self, line: LineVerbs, do: Callable[[Coroutine[Any, Any, None]], None]) -> None:
        self._line = line
        self._do = do

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
                self._do(line.remove(prompt_id))
            case "line-clear":
                self._do(line.clear())
            case "line-adopt":
                self._do(line.adopt(WindowId(str(facts["owner"]))))
            case _:
                return False
        return True

    def add(
        self,
        title: str,
        workflow: ApiWorkflow,
        runs: Iterable[PlannedRun],
        inputs: Mapping[tuple[str, str], Picked],
        wish: Wish,
    ) -> None:
        """Let these runs wait."""
        self._do(self._add(title, workflow, runs, inputs, wish))

    async def _add(
        self,
        title: str,
        workflow: ApiWorkflow,
        runs: Iterable[PlannedRun],
        inputs: Mapping[tuple[str, str], Picked],
        wish: Wish,
    ) -> None:
        await self._line.add(workflow, runs, title=title, inputs=inputs, wish=wish)
