"""The queue and the history of one server: in memory only, a heap of (number, prompt_id, …).

Items are plain tuples in a `heapq`, as in the real server, because its traps follow from that: pending items are listed
in heap order, and a push of the same number and id with another prompt compares two dicts and raises *after* the item
was appended (the caller sees a 500, the job runs).
"""

from __future__ import annotations

import copy
import heapq
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Item = tuple[float, str, dict[str, Any], dict[str, Any], list[str]]

HISTORY_LIMIT = 10_000
SECRET_EXTRA_DATA = ("auth_token_comfy_org", "api_key_comfy_org")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended and its outputs: the second half of a history entry."""

    succeeded: bool
    messages: list[tuple[str, dict[str, Any]]]
    outputs: dict[str, Any]
    meta: dict[str, Any]

    def entry(self, item: Item) -> dict[str, Any]:
        """The history entry, in the key order of the real server."""
        return {
            "prompt": list(item),
            "outputs": self.outputs,
            "status": {
                "status_str": "success" if self.succeeded else "error",
                "completed": self.succeeded,
                "messages": [list(message) for message in self.messages],
            },
            "meta": self.meta,
        }


class PromptQueue:
    """Every job is in exactly one of pending, running and history, and moves under one lock.

    `on_change` is called under that lock, so that each `status` event carries the count it announces.
    """

    def __init__(self, on_change: Callable[[int], None]) -> None:
        self._lock = threading.RLock()
        self._arrived = threading.Condition(self._lock)
        self._pending: list[Item] = []
        self._running: dict[int, Item] = {}
        self._history: dict[str, dict[str, Any]] = {}
        self._runs = 0
        self._on_change = on_change
        self._cache_drop_wanted = False
        self._is_stopped = False

    def put(self, item: Item) -> None:
        """Queue a job. Raises TypeError with the item *in* the queue where two prompts must be compared."""
        with self._lock:
            heapq.heappush(self._pending, item)
            self._changed()
            self._arrived.notify()

    def take(self) -> tuple[int, Item] | None:
        """Wait for the next job, or for a request to drop the cache (None)."""
        with self._arrived:
            while self._is_stopped or not (self._pending or self._cache_drop_wanted):
                self._arrived.wait()
            if not self._pending:
                return None
            item = heapq.heappop(self._pending)
            run = self._runs
            self._runs += 1
            self._running[run] = copy.deepcopy(item)
            self._changed()
            return run, item

    def finish(self, run: int, outcome: Outcome) -> None:
        """Move a running job into the history."""
        with self._lock:
            item = self._running.pop(run)
            if len(self._history) > HISTORY_LIMIT:
                del self._history[next(iter(self._history))]
            for key in SECRET_EXTRA_DATA:
                item[3].pop(key, None)
            self._history[item[1]] = outcome.entry(item)
            self._changed()

    def remaining(self) -> int:
        """Pending plus running."""
        with self._lock:
            return len(self._pending) + len(self._running)

    def listing(self) -> tuple[list[Item], list[Item]]:
        """(running, pending); pending in heap order, which is not the order of running."""
        with self._lock:
            return list(self._running.values()), list(self._pending)

    def interrupt_running(self, prompt_id: object, interrupt: Callable[[], None]) -> bool:
        """Call `interrupt` if that job runs, and return whether it does; no other job can start in between."""
        with self._lock:
            is_running = any(item[1] == prompt_id for item in self._running.values())
            if is_running:
                interrupt()
            return is_running

    def clear(self) -> None:
        """Drop the pending jobs of all clients, without a trace."""
        with self._lock:
            self._pending = []
            self._changed()

    def delete(self, prompt_id: object) -> bool:
        """Drop one pending job of that id, without a trace, if there is one; others of the same id stay."""
        with self._lock:
            for index, item in enumerate(self._pending):
                if item[1] == prompt_id:
                    if len(self._pending) == 1:
                        self.clear()
                    else:
                        del self._pending[index]
                        heapq.heapify(self._pending)
                    self._changed()
                    return True
            return False

    def history_of(self, prompt_id: str) -> dict[str, Any]:
        """`{id: entry}`, or `{}` for running, pending, deleted and unknown ids alike."""
        with self._lock:
            entry = self._history.get(prompt_id)
            return {} if entry is None else {prompt_id: entry}

    def history(self, max_items: int | None = None, offset: int = -1) -> dict[str, Any]:
        """Entries from index `offset` on, oldest first; without an offset the last `max_items`.

        The real server checks `max_items` only after it has taken one, so 0 and -1 return `{}` because of the offset.
        """
        with self._lock:
            if offset < 0 and max_items is not None:
                offset = len(self._history) - max_items
            chosen: dict[str, Any] = {}
            for index, (prompt_id, entry) in enumerate(self._history.items()):
                if index >= offset:
                    chosen[prompt_id] = entry
                    if max_items is not None and len(chosen) >= max_items:
                        break
            return chosen

    def clear_history(self) -> None:
        """Delete the history of all clients."""
        with self._lock:
            self._history = {}

    def delete_history(self, prompt_id: str) -> None:
        """Forget one history entry, if it is there."""
        with self._lock:
            self._history.pop(prompt_id, None)

    def set_stopped(self, is_stopped: bool) -> None:
        """Stop taking jobs from the queue, as after the worker's death, or resume."""
        with self._lock:
            self._is_stopped = is_stopped
            self._arrived.notify()

    def want_cache_drop(self) -> None:
        """Ask the worker to drop its output cache before the next job."""
        with self._lock:
            self._cache_drop_wanted = True
            self._arrived.notify()

    def pop_cache_drop(self) -> bool:
        """Whether a cache drop was asked for since the last call."""
        with self._lock:
            wanted, self._cache_drop_wanted = self._cache_drop_wanted, False
            return wanted

    def _changed(self) -> None:
        self._on_change(len(self._pending) + len(self._running))
