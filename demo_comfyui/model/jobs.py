"""The queue and the history of one server: in memory only, a heap of (number, prompt_id, …).

Items are plain tuples in a `heapq`, as in the real server, because its traps follow from that: pending items are listed
in heap order, and a push of the same number and id with another prompt compares two dicts and raises *after* the item
was appended (the caller sees a 500, the job runs).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Item = tuple[float, str, dict[str, Any], dict[str, Any], list[str]]
"""The number, the prompt_id, the prompt, its extra_data and its outputs."""

HISTORY_LIMIT = 10_000
SECRETS = ("auth_token_comfy_org", "api_key_comfy_org")
"""Keys of extra_data that the history never has."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended (success, error or interrupted), and its outputs: the second half of a history entry."""

    end: str
    messages: list[list[Any]]
    outputs: dict[str, Any]
    meta: dict[str, Any]

    def entry(self, item: Item) -> dict[str, Any]:
        """The history entry, in the key order of the real server. An interrupted run differs by its last message."""
        succeeded = self.end == "success"
        return {
            "prompt": list(item),
            "outputs": self.outputs,
            "status": {
                "status_str": "success" if succeeded else "error",
                "completed": succeeded,
                "messages": self.messages,
            },
            "meta": self.meta,
        }


class Jobs:
    """Every job is in exactly one of pending, running and history.

    `on_change` is called with the number of pending and running jobs, `on_gone` with the id of each job that was
    dropped without a trace.
    """

    def __init__(self, on_change: Callable[[int], None], on_gone: Callable[[str], None] = lambda _: None) -> None:
        self.pending: list[Item] = []
        self.running: Item | None = None
        self.history: dict[str, dict[str, Any]] = {}
        self._on_change = on_change
        self._on_gone = on_gone

    @property
    def remaining(self) -> int:
        """Pending plus running."""
        return len(self.pending) + (self.running is not None)

    def put(self, item: Item) -> None:
        """Queue a job. Raises TypeError with the item *in* the queue where two prompts must be compared."""
        heapq.heappush(self.pending, item)
        self._changed()

    def take(self) -> Item:
        """Take the next job, which now runs."""
        self.running = heapq.heappop(self.pending)
        self._changed()
        return self.running

    def finish(self, item: Item, outcome: Outcome) -> None:
        """Move the running job into the history."""
        self.running = None
        if len(self.history) > HISTORY_LIMIT:
            del self.history[next(iter(self.history))]
        for key in SECRETS:
            item[3].pop(key, None)
        self.history[item[1]] = outcome.entry(item)
        self._changed()

    def is_running(self, prompt_id: object) -> bool:
        """Whether the running job has this id."""
        return self.running is not None and self.running[1] == prompt_id

    def clear(self) -> None:
        """Drop the pending jobs of all clients."""
        dropped, self.pending = self.pending, []
        for item in dropped:
            self._on_gone(item[1])
        self._changed()

    def delete(self, prompt_id: object) -> bool:
        """Drop one pending job of that id, if there is one; others of the same id stay."""
        index = next((index for index, item in enumerate(self.pending) if item[1] == prompt_id), None)
        if index is None:
            return False
        if len(self.pending) == 1:
            self.clear()
        else:
            self._on_gone(self.pending.pop(index)[1])
            heapq.heapify(self.pending)
        self._changed()
        return True

    def listing(self) -> dict[str, Any]:
        """The answer of /queue; pending in heap order, which is not the order of running."""
        running = [] if self.running is None else [self.running]
        return {"queue_running": running, "queue_pending": self.pending}

    def entry(self, prompt_id: str) -> dict[str, Any]:
        """The answer of /history/{id}: `{}` for running, pending, deleted and unknown ids alike."""
        return {prompt_id: self.history[prompt_id]} if prompt_id in self.history else {}

    def entries(self, max_items: int | None = None, offset: int = -1) -> dict[str, Any]:
        """Entries from index `offset` on, oldest first; without an offset the last `max_items`.

        The real server checks `max_items` only after it has taken one, so 0 and -1 return `{}` because of the offset.
        """
        if offset < 0 and max_items is not None:
            offset = len(self.history) - max_items
        chosen = list(self.history.items())[max(0, offset) :]
        return dict(chosen if max_items is None else chosen[: max(1, max_items)])

    def _changed(self) -> None:
        self._on_change(self.remaining)
