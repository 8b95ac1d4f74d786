"""The queue and the history of one server in memory; each job is in exactly one of heap, running and history.

The heap holds plain tuples, with these effects: pending jobs are listed in heap order, and a push of the same number
and id with another prompt compares two dicts and raises *after* the job was appended.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Item = tuple[float, str, Any, Any, Any]

SECRETS = ("auth_token_comfy_org", "api_key_comfy_org")  # keys of extra_data that the history never has


@dataclass(frozen=True)
class Outcome:
    """How a run ended (success, error or interrupted), and its history."""

    end: str
    messages: list[Any]
    outputs: dict[str, Any]
    meta: dict[str, Any]


class Jobs:
    """`on_change` is called with the number of jobs left, `on_gone` with each job that was dropped without a trace."""

    def __init__(self, on_change: Callable[[], None], on_gone: Callable[[str], None]) -> None:
        self.heap: list[Item] = []
        self.running: Item | None = None
        self.history: dict[str, Any] = {}
        self._on_change = on_change
        self._on_gone = on_gone

    @property
    def remaining(self) -> int:
        """The number of pending and running jobs."""
        return len(self.heap) + (self.running is not None)

    def put(self, item: Item) -> None:
        """Queue a job; raises TypeError, with the job in the queue, if two prompts must be compared."""
        heapq.heappush(self.heap, item)
        self._on_change()

    def take(self) -> Item:
        """Take the next job, which now runs."""
        self.running = heapq.heappop(self.heap)
        self._on_change()
        return self.running

    def finish(self, item: Item, outcome: Outcome) -> None:
        """Move a job into the history. An interrupted one is an error with another last message."""
        for secret in SECRETS:
            item[3].pop(secret, None)
        is_success = outcome.end == "success"
        status = {
            "status_str": "success" if is_success else "error",
            "completed": is_success,
            "messages": outcome.messages,
        }
        entry = {"prompt": list(item), "outputs": outcome.outputs, "status": status, "meta": outcome.meta}
        self.history[item[1]] = entry
        self.running = None
        self._on_change()

    def clear(self) -> None:
        """Drop the pending jobs of all clients."""
        dropped, self.heap = self.heap, []
        for item in dropped:
            self._on_gone(item[1])
        self._on_change()

    def delete(self, prompt_id: object) -> bool:
        """Drop one pending job with this id, if there is one."""
        index = next((index for index, item in enumerate(self.heap) if item[1] == prompt_id), None)
        if index is None:
            return False
        if len(self.heap) == 1:
            self.clear()
        else:
            self._on_gone(self.heap.pop(index)[1])
            heapq.heapify(self.heap)
        self._on_change()
        return True

    def listing(self) -> dict[str, Any]:
        """Return the answer of /queue."""
        running = [list(self.running)] if self.running is not None else []
        return {"queue_running": running, "queue_pending": [list(item) for item in self.heap]}

    def entry(self, prompt_id: str) -> dict[str, Any]:
        """Return the answer of /history/{id}: `{}` for running, pending, deleted and unknown jobs alike."""
        return {prompt_id: self.history[prompt_id]} if prompt_id in self.history else {}

    def entries(self, max_items: int | None, offset: int) -> dict[str, Any]:
        """Return the answer of /history: from index `offset` on, or the last `max_items`, but at least one."""
        ids = list(self.history)
        if offset < 0 and max_items is not None:
            offset = len(ids) - max_items
        chosen = ids[max(0, offset) :]
        if max_items is not None:
            chosen = chosen[: max(1, max_items)]
        return {prompt_id: self.history[prompt_id] for prompt_id in chosen}
