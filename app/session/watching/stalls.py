"""How long the unfinished tasks have not moved, and which are stalled (`core/stall.py`): a warning for the page.

A task moves with every event about it, and when a poll shows another state or place. A poll that shows
the same as before counts as stillness.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.core import comfy
from app.core.model import PromptId, ServerId, Task
from app.core.stall import Stillness, is_stalled, learned_patience
from app.session.state import State


class StallDetector:
    """Follows the movements of one window's tasks."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._seen: dict[PromptId, tuple[object, int | None]] = {}

    def moved(self, prompt_id: PromptId) -> None:
        """Note an event about a task."""
        now = self._state.ports.clock.steady()
        known = self._state.stillness.get(prompt_id, Stillness(now))
        self._state.stillness[prompt_id] = known.moved(now)
        if prompt_id in self._state.stalled:
            self._state.stalled -= {prompt_id}
            self._state.changed()

    def polled(self, server_id: ServerId, asked: Sequence[Task], queue: comfy.Queue) -> None:
        """Note the result of polling one server: the present state of these tasks."""
        state, now = self._state, self._state.ports.clock.steady()
        window = state.get_window("watch")
        tasks = [window.tasks[task.prompt_id] for task in asked if task.prompt_id in window.tasks]
        patience = learned_patience(server_id, window.tasks.values())
        still = set(state.stalled) - {task.prompt_id for task in tasks}
        for task in tasks:
            seen = (task.state, task.place)
            known = state.stillness.get(task.prompt_id, Stillness(now))
            has_moved = self._seen.get(task.prompt_id, seen) != seen
            self._seen[task.prompt_id] = seen
            stillness = state.stillness[task.prompt_id] = known.moved(now) if has_moved else known.polled(now)
            if is_stalled(task, stillness, patience, is_server_idle=not queue.running):
                still.add(task.prompt_id)
        unfinished = {task.prompt_id for task in window.unfinished}
        self._forget_all_but(unfinished)
        if (stalled := frozenset(still & unfinished)) != state.stalled:
            state.stalled = stalled
            state.changed()

    def _forget_all_but(self, unfinished: set[PromptId]) -> None:
        for prompt_id in set(self._seen) - unfinished:
            del self._seen[prompt_id]
        for prompt_id in set(self._state.stillness) - unfinished:
            del self._state.stillness[prompt_id]
