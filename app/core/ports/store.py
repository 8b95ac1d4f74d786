"""The ports for the one store of all windows: tasks, waiting runs, learned times, past tasks, journals."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from app.core.balancer import Claims
from app.core.durations import Durations, Ran
from app.core.model import ClientId, PromptId, Records, Reservation, Task, WindowId
from app.core.past import PastTask
from app.core.plan import Measured, Paces
from app.core.ports.blobs import BlobStore
from app.core.waiting_runs import LineChange, WaitingRuns


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRecord:
    """What the store keeps of a window. `client_id` is minted once and never copied to another window."""

    window_id: WindowId
    client_id: ClientId
    created_at: float
    seen_at: float
    v: int = 1
    extra: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Learned:
    """How long work takes: as a whole, and node by node."""

    durations: Durations = field(default_factory=Durations)
    paces: Paces = field(default_factory=Paces)


class LearnedStore(Protocol):
    """The part of the store that learns. What was learned and cannot be read any more is learned anew."""

    async def learn(self, ran: Ran) -> None:
        """Learn from one more run, for all windows."""

    async def learn_paces(self, measured: Measured) -> None:
        """Learn from one more run what its nodes take, for all windows."""

    async def read_learned(self) -> Learned:
        """All that was learned."""


class LineStore(Protocol):
    """The part of the store where runs wait: one line for each window, fenced by its `line_id`."""

    async def read_line(self, window_id: WindowId) -> WaitingRuns:
        """The line of that window, empty if nothing waits there; BrokenRecord if a part of it cannot be read."""

    async def read_lines(self) -> Mapping[WindowId, int]:
        """How many runs wait, by window; windows without any are left out."""

    async def write_line(self, change: LineChange) -> None:
        """Make one step of a line durable. NotOwner if it is not the line that it was (emptied, or adopted by another
        window), TaskNotFound if a run that was changed or taken off does not wait there any more."""

    async def adopt_line(self, owner: WindowId, new_owner: WindowId, line_id: str) -> WaitingRuns:
        """Put what waits in one window's line to the end of another's, which begins as `line_id` if it is empty, with
        the pause and wishes of the old one. The line as it is then. TaskNotFound if nothing waits there."""


class TaskStore(BlobStore, LineStore, LearnedStore, Protocol):
    """The one store of all windows of this installation and user. Each operation is one transaction.

    Durable means: on disk as far as the browser can tell, before the call returns. Whatever fails raises
    StorageError and has written nothing. `owner` and `epoch` fence: a write for a task checks both in its own
    transaction. A write of a record that meets the quota drops kept bytes (the oldest results, then inputs, then
    thumbnails) and is tried again, `choose` included, until it fits or nothing is left.

    A task's record that cannot be read is never skipped: it comes back as `Unreadable` beside the others, to its owner,
    or to every window if the owner cannot be told. An operation on that one task raises BrokenRecord, or NotOwner if
    this much can be read.
    """

    async def claim(self, fresh: WindowRecord) -> tuple[WindowRecord, Records]:
        """The window's record (`fresh` is written if there is none) and its tasks; its reservations are deleted."""

    async def reserve(self, choose: Callable[[Claims], Reservation]) -> Reservation:
        """Read everybody's claims, and what was learned of durations, call `choose`, write its reservation; durable.
        What `choose` raises is raised."""

    async def release_reservation(self, prompt_id: PromptId) -> None:
        """Delete the reservation; nothing happens if it is gone."""

    async def register(self, task: Task) -> None:
        """Write a new task and delete its reservation; durable. InvalidTransition if the prompt_id is taken,
        NotOwner if the reservation is not this owner's. A task with a `part` is taken off its tab's line in the same
        transaction: NotOwner if it does not wait there any more."""

    async def register_at_once(self, task: Task, check: Callable[[Claims], None]) -> None:
        """`reserve` and `register` in one, where the server is decided already: read everybody's claims (not what was
        learned), call `check`, write the new task; durable, and no reservation is left. What `check` raises is raised,
        and the rest as by `register`."""

    async def update(self, task: Task) -> None:
        """Write a known task; durable. NotOwner if owner and epoch in the store differ from the task's, TaskNotFound
        if it is not there."""

    async def adopt(self, prompt_id: PromptId, seen: tuple[WindowId, int], new_owner: WindowId) -> Task:
        """Compare-and-set the owner: the task with the new owner, the next epoch and `is_ward`. NotOwner if owner and
        epoch are not as `seen`."""

    async def read_task(self, prompt_id: PromptId) -> Task | None:
        """The task as stored now, whoever owns it."""

    async def read_tasks(self, owner: WindowId | None = None) -> Records:
        """All tasks of one window, or of all, oldest first."""

    async def delete_task(self, task: Task) -> None:
        """Delete an ended task, its results, and its inputs if no other task or waiting run has them; fenced."""

    async def delete_unreadable(self, prompt_id: PromptId, owner: WindowId) -> None:
        """Delete a record that cannot be read, with its results; durable. Nothing happens if it is gone. NotOwner if
        it is another window's, InvalidTransition if it can be read."""


class PastStore(Protocol):
    """Where ended tasks lie that no window holds any more: whole records, and a row of each. Part of the same store."""

    async def lay_by(self, task: Task) -> None:
        """Move an ended task there, with its row, in one transaction; its bytes and inputs stay. Fenced like `update`.
        InvalidTransition if it is not settled (`core/past.py`)."""

    async def read_past_ids(self) -> Sequence[PromptId]:
        """All of them, the latest end first."""

    async def read_past(self, prompt_ids: Sequence[PromptId]) -> Sequence[PastTask]:
        """The rows of these, in their order; those that are not there, or cannot be read, are left out."""

    async def read_past_task(self, prompt_id: PromptId) -> Task | None:
        """The whole record of one, or None; BrokenRecord if it cannot be read."""

    async def delete_past(self, prompt_ids: Collection[PromptId]) -> None:
        """Delete these, with their results, and with the inputs that only they had; those not there are left out."""


class JournalStore(Protocol):
    """Where a window's journal outlives its page. No truth hangs on it, and nobody waits for a write."""

    async def read(self, window_id: WindowId) -> str:
        """What was written last for that window; empty if nothing was."""

    async def write(self, window_id: WindowId, text: str, at: float) -> None:
        """Put this in its place. The journals of windows that wrote longest ago may be deleted."""
