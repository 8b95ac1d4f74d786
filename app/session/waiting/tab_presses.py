"""Presses of Run that this tab remembers (`core/presses.py`): from the click on, until the store has them."""

from __future__ import annotations

from app.core.model import PromptId
from app.core.ports.presses import PressMemory
from app.core.presses import Press
from app.core.waiting_runs import WaitingRuns


class TabPresses:
    """The presses of this page, and those that an earlier page of its window has left."""

    def __init__(self, memory: PressMemory | None) -> None:
        self._memory = memory
        self._presses: dict[PromptId, Press] | None = None  # None: those of an earlier page are not read yet
        self._earlier: frozenset[PromptId] = frozenset()  # that no page has taken over yet
        self._held: frozenset[PromptId] = frozenset()  # that stay whatever the line has

    @property
    def earlier(self) -> tuple[Press, ...]:
        """What an earlier page has left, and this one has not taken over yet. A copied tab has another's too."""
        return tuple(press for press in self._read().values() if press.prompt_id in self._earlier)

    def note(self, press: Press) -> bool:
        """Remember a press now; False if the tab cannot."""
        presses = self._read()
        presses[press.prompt_id] = press
        self._held |= {press.prompt_id}
        if self._write():
            return True
        self.forget(press.prompt_id)
        return False

    def recorded(self, prompt_id: PromptId) -> None:
        """Forget a press that the line has, or that came to nothing; not yet if the line ends with this page."""
        self._held -= {prompt_id}
        if self._memory is None or not self._memory.outlives_line:
            self.forget(prompt_id)

    def hold(self, prompt_id: PromptId) -> None:
        """Remember a press of an earlier page that came to nothing, until it is dismissed."""
        self._earlier -= {prompt_id}
        self._held |= {prompt_id}

    def forget(self, prompt_id: PromptId) -> None:
        """Remember that press no longer."""
        self._earlier -= {prompt_id}
        self._held -= {prompt_id}
        if self._read().pop(prompt_id, None) is not None:
            self._write()

    def follow(self, line: WaitingRuns) -> None:
        """Forget what has left a line that ends with this page."""
        if self._memory is None or not self._memory.outlives_line:
            return
        for prompt_id, press in tuple(self._read().items()):
            is_waiting = press.batch is not None and press.batch.batch_id in line.batches
            if not is_waiting and prompt_id not in self._held | self._earlier:
                self.forget(prompt_id)

    def _read(self) -> dict[PromptId, Press]:
        if self._presses is None:
            found = self._memory.read() if self._memory is not None else ()
            self._presses = {press.prompt_id: press for press in found}
            self._earlier = frozenset(self._presses)
        return self._presses

    def _write(self) -> bool:
        return self._memory is not None and self._memory.write(tuple(self._read().values()))
