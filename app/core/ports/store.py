"""The ports for the one store of all windows: tasks, waiting runs, learned times, past tasks, journals."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from app.core.balancer import Claims
from app.core.durations import Durations, Ran
from app.core.model import ClientId, PromptId, Reservation, StoredTasks, Task, WindowId
from app.core.past import PastTask
from app.core.plan import Measured, Paces
from app.core.ports.blobs import Blob, BlobStore
from app.core.waiting_runs import LineChange, WaitingRuns

NO_FILES: Mapping[str, Blob] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRecord:
    """A window's record. `client_id` is drawn once and never copied to another window."""

    window_id: WindowId
    client_id: ClientId
    created_at: float
    seen_at: float
    v: int = 1
    extra: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Learned:
    """How long work takes: per run, and per node."""

    durations: Durations = field(default_factory=Durations)
    paces: Paces = field(default_factory=Paces)


class LearnedStore(Protocol):
    """The part of the store that learns. If its data is unreadable, it starts from nothing."""

    async def learn(self, ran: Ran) -> None:
        """Learn from a run, for all windows."""

    async def learn_paces(self, measured: Measured) -> None:
        """Learn the times of a run's nodes, for all windows."""

    async def read_learned(self) -> Learned:
        """Return all learned times."""


class LineStore(Protocol):
    """The part of the store with waiting runs: one line for each window, fenced by its `line_id`."""

    async def read_line(self, window_id: WindowId) -> WaitingRuns:
        """The line of that window, empty if nothing waits there; BrokenRecord if a part of it cannot be read."""

    async def read_lines(self) -> Mapping[WindowId, int]:
        """How many runs wait, by window; windows without any are left out."""

    async def write_line(self, change: LineChange, files: Mapping[str, Blob] = NO_FILES, kept_at: float = 0.0) -> None:
        """Make one step of a line durable, and keep its files under their hashes, as `keep_input` does.

        NotOwner if the line was replaced (emptied, or adopted by another window), TaskNotFound if a changed or removed
        run is no longer in it, InvalidTransition if a press is a task already.
        """

    async def adopt_line(self, owner: WindowId, new_owner: WindowId, line_id: str) -> WaitingRuns:
        """Append one window's waiting runs to the line of another, which starts as `line_id` if it is empty, with the
        pause and wishes of the old one. Return the new line. TaskNotFound if nothing waits there."""


class TaskStore(BlobStore, LineStore, LearnedStore, Protocol):
    """The one store of all windows of this installation and user. Each operation is one transaction.

    Durable means: on disk as far as the browser can tell, before the call returns. Whatever fails raises
    StorageError and has written nothing. `owner` and `epoch` fence: a write for a task checks both in its own
    transaction. A write of a record that meets the quota drops kept bytes (the oldest results, then inputs, then
    thumbnails) and is retried, `choose` included, until it fits or nothing is left.

    A task's record that cannot be read is never skipped: it comes back as `Unreadable` beside the others, to its owner,
    or to every window if the owner is unknown. An operation on that one task raises BrokenRecord, or NotOwner if
    this much can be read.
    """

    async def claim(self, fresh: WindowRecord) -> tuple[WindowRecord, StoredTasks]:
        """The window's record (`fresh` is written if there is none) and its tasks; its reservations are deleted."""

    async def reserve(self, choose: Callable[[Claims], Reservation]) -> Reservation:
        """Read the claims of all windows and the learned durations, call `choose`, and write its reservation; durable.
        Errors of `choose` pass through."""

    async def release_reservation(self, prompt_id: PromptId) -> None:
        """Delete the reservation; nothing happens if it is gone."""

    async def register(self, task: Task) -> None:
        """Write a new task and delete its reservation; durable. InvalidTransition if the prompt_id is taken,
        NotOwner if the reservation is not this owner's. A run that waits is removed from its tab's line in the
        same transaction: NotOwner if it waits in another's, or has a `part` and waits no more."""

    async def reserve_and_register(self, task: Task, check: Callable[[Claims], None]) -> None:
        """`reserve` and `register` in one, where the server is decided already: read the claims of all windows (not the
        learned), call `check`, write the new task; durable, and no reservation is left. What `check` raises is raised,
        and the rest as by `register`."""

    async def update(self, task: Task) -> None:
        """Write a known task; durable. NotOwner if owner and epoch in the store differ from the task's, TaskNotFound
        if it is not there."""

    async def adopt(self, prompt_id: PromptId, seen: tuple[WindowId, int], new_owner: WindowId) -> Task:
        """Compare-and-set the owner: the task with the new owner, the next epoch and `is_ward`. NotOwner if owner and
        epoch are not as `seen`."""

    async def read_task(self, prompt_id: PromptId) -> Task | None:
        """Return the task as stored now, whichever window owns it."""

    async def read_tasks(self, owner: WindowId | None = None) -> StoredTasks:
        """All tasks of one window, or of all, oldest first."""

    async def delete_task(self, task: Task) -> None:
        """Delete an ended task, its results, and its inputs if no other task or waiting run has them; fenced."""

    async def delete_unreadable(self, prompt_id: PromptId, owner: WindowId) -> None:
        """Delete a record that cannot be read, with its results; durable. Nothing happens if it is gone. NotOwner if
        it is another window's, InvalidTransition if it can be read."""


class PastStore(Protocol):
    """The part of the store with past tasks, which no window keeps in memory: full records, and a row of each."""

    async def archive(self, task: Task) -> None:
        """Move an ended task to the past tasks, with its row, in one transaction; bytes and inputs stay. Fenced like
        `update`. InvalidTransition if it is not settled (`core/past.py`)."""

    async def read_past_ids(self) -> Sequence[PromptId]:
        """Return the ids of all past tasks, the latest end first."""

    async def read_past(self, prompt_ids: Sequence[PromptId]) -> Sequence[PastTask]:
        """Return their rows in this order, without missing and unreadable ones."""

    async def read_past_task(self, prompt_id: PromptId) -> Task | None:
        """Return the full record, or None; BrokenRecord if it cannot be read."""

    async def delete_past(self, prompt_ids: Collection[PromptId]) -> None:
        """Delete these tasks with their results, and the inputs that no other task has; missing ones are ignored."""


class JournalStore(Protocol):
    """Copies of the windows' journals, which outlive their pages. No state depends on them."""

    async def read(self, window_id: WindowId) -> str:
        """Return the latest copy for that window, or an empty text."""

    async def write(self, window_id: WindowId, text: str, at: float) -> None:
        """Replace the copy. Those of the windows that have not written for the longest time may be deleted."""
