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
    """Follows the movements of a session's tasks."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._seen: dict[PromptId, tuple[object, int | None]] = {}

    def moved(self, prompt_id: PromptId) -> None:
        """Note an event about a task."""
        now = self._state.ports.clock.steady()
        known = self._state.live.stillness.get(prompt_id, Stillness(now))
        self._state.live.set_stillness(prompt_id, known.moved(now))
        self._state.live.set_stalled(self._state.live.stalled - {prompt_id})

    def polled(self, server_id: ServerId, asked: Sequence[Task], queue: comfy.Queue) -> None:
        """Note the result of polling one server: the present state of these tasks."""
        state, now = self._state, self._state.ports.clock.steady()
        known_tasks = state.records.tasks
        tasks = [known_tasks[task.prompt_id] for task in asked if task.prompt_id in known_tasks]
        patience = learned_patience(server_id, known_tasks.values())
        still = set(state.live.stalled) - {task.prompt_id for task in tasks}
        for task in tasks:
            seen = (task.state, task.progress.place)
            known = state.live.stillness.get(task.prompt_id, Stillness(now))
            has_moved = self._seen.get(task.prompt_id, seen) != seen
            self._seen[task.prompt_id] = seen
            stillness = known.moved(now) if has_moved else known.polled(now)
            state.live.set_stillness(task.prompt_id, stillness)
            if is_stalled(task, stillness, patience, is_server_idle=not queue.running):
                still.add(task.prompt_id)
        unfinished = {task.prompt_id for task in state.records.unfinished}
        self._seen = {prompt_id: seen for prompt_id, seen in self._seen.items() if prompt_id in unfinished}
        state.live.keep_stillness(unfinished)
        state.live.set_stalled(frozenset(still & unfinished))
