"""The store of a private window: results live in the page's memory and are gone when the page closes.

    ports = private_ports(ports, drawer)      # all other ports stay the same

Promise 5 holds here too: a task is durable before it is sent, or it is not sent. But the stored record contains no text
of the user's (`redacted`), and is deleted as soon as the task has ended and its results are in the `drawer`, the page's
memory. After a reload the window still knows its running tasks, and delivers their results.

A private window does not see past results, waiting runs or orphans of other windows. It has no influence on what its
servers keep.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.core.balancer import Claims
from app.core.durations import Ran
from app.core.errors import NotOwner, TaskNotFound
from app.core.model import Delivery, Output, PromptId, Records, Reservation, Task, WindowId
from app.core.past import PastTask, ended_at, is_settled, past_of
from app.core.plan import Measured
from app.core.ports import Ports
from app.core.ports.store import Learned, TaskStore, WindowRecord
from app.core.waiting_runs import LineChange, WaitingRuns, line_of
from app.session.memory.private_blobs import Drawer, PrivateBlobs


def private_ports(ports: Ports, drawer: Drawer) -> Ports:
    """The ports of a private window; its journal is not stored either."""
    store = PrivateStore(ports.store, drawer)
    return replace(ports, store=store, past=store, journal=None)


def redacted(task: Task) -> Task:
    """The stored record of a private task: server and state, without title, workflow, inputs or text."""
    job, failure = task.job, task.failure
    return replace(
        task,
        title="",
        workflow="",
        project="",
        inputs=(),
        editor_sha256="",
        editor_fault="",
        again_of=None,
        part=None,
        warnings=(),
        outputs=tuple(_without_text(item) for item in task.outputs),
        job=None if job is None else replace(job, models=()),
        failure=None if failure is None else replace(failure, message="", traceback="", node_errors=()),
    )


def _without_text(output: Output) -> Output:
    """An output without its text, which is stored nowhere else: a reload before its delivery loses it."""
    return replace(output, text="", delivery=Delivery.GONE) if output.is_text else output


class PrivateStore(PrivateBlobs):
    """The TaskStore, and the PastStore, of a private window; `inner` is the store of all windows."""

    def __init__(self, inner: TaskStore, drawer: Drawer) -> None:
        super().__init__(inner, drawer)
        self._inner = inner
        self._windows: set[WindowId] = set()  # this tab's own, with its crew
        self._written: dict[PromptId, Task] = {}  # whole; the inner store has them redacted
        self._home: dict[PromptId, Task] = {}  # whole; the inner store has them no more
        self._past: dict[PromptId, Task] = {}
        self._lines: dict[WindowId, WaitingRuns] = {}

    # Windows and reservations

    async def claim(self, fresh: WindowRecord) -> tuple[WindowRecord, Records]:
        record, records = await self._inner.claim(fresh)
        self._windows.add(record.window_id)
        for task in records.tasks:
            if is_settled(task):  # the page closed after the end, before this
                await self._inner.delete_task(task)
            else:
                self._written[task.prompt_id] = task
        unsettled = tuple(task for task in records.tasks if not is_settled(task))
        return record, Records(unsettled, records.unreadable)

    async def reserve(self, choose: Callable[[Claims], Reservation]) -> Reservation:
        return await self._inner.reserve(choose)

    async def release_reservation(self, prompt_id: PromptId) -> None:
        await self._inner.release_reservation(prompt_id)

    # Tasks

    async def register(self, task: Task) -> None:
        await self._register(task, self._inner.register(redacted(task)))

    async def reserve_and_register(self, task: Task, check: Callable[[Claims], None]) -> None:
        await self._register(task, self._inner.reserve_and_register(redacted(task), check))

    async def _register(self, task: Task, written: Coroutine[Any, Any, None]) -> None:
        line = next((line for line in self._lines.values() if line.has(task.prompt_id)), None)
        if task.part is not None and line is None:
            written.close()
            raise NotOwner("register", task.prompt_id)
        await written
        self._written[task.prompt_id] = task
        if line is not None:
            self._lines[line.window_id] = line.without(task.prompt_id)

    async def update(self, task: Task) -> None:
        """Write the redacted record, or delete it once the task has ended and is delivered."""
        prompt_id = task.prompt_id
        if prompt_id in self._home:
            self._home[prompt_id] = task
            return
        known = self._written.get(prompt_id)
        if not is_settled(task) or known is None or not known.state.is_end:
            await self._inner.update(redacted(task))
            self._written[prompt_id] = task
        if is_settled(task):
            await self._inner.delete_task(redacted(task))
            del self._written[prompt_id]
            self._home[prompt_id] = task

    async def adopt(self, prompt_id: PromptId, seen: tuple[WindowId, int], new_owner: WindowId) -> Task:
        """Adopt in the store, although a private window finds nothing to adopt."""
        return await self._inner.adopt(prompt_id, seen, new_owner)

    async def read_task(self, prompt_id: PromptId) -> Task | None:
        found = self._home.get(prompt_id)
        return found if found is not None else self._whole(await self._inner.read_task(prompt_id))

    async def read_tasks(self, owner: WindowId | None = None) -> Records:
        """The tasks of this tab only."""
        owners = self._windows if owner is None else self._windows & {owner}
        stored = [await self._inner.read_tasks(window_id) for window_id in sorted(owners)]
        there = [whole for records in stored for task in records.tasks if (whole := self._whole(task)) is not None]
        tasks = [*there, *(task for task in self._home.values() if task.owner in owners)]
        unreadable = {record.prompt_id: record for records in stored for record in records.unreadable}
        return Records(tuple(sorted(tasks, key=lambda item: item.created_at)), tuple(unreadable.values()))

    async def delete_task(self, task: Task) -> None:
        if self._home.pop(task.prompt_id, None) is None:
            await self._inner.delete_task(redacted(task))
            self._written.pop(task.prompt_id, None)
        await self.delete_results(task.prompt_id)

    async def delete_unreadable(self, prompt_id: PromptId, owner: WindowId) -> None:
        await self._inner.delete_unreadable(prompt_id, owner)

    def _whole(self, stored: Task | None) -> Task | None:
        """The task as it is known here, if the store has that; else what the store has."""
        known = None if stored is None else self._written.get(stored.prompt_id)
        return known if known is not None and redacted(known) == stored else stored

    # What waits

    @property
    def _needed(self) -> frozenset[str]:
        batches = [batch for line in self._lines.values() for batch in line.batches.values()]
        pictures = {item.sha256 for batch in batches for item in batch.inputs}
        return frozenset(pictures | {batch.editor_sha256 for batch in batches})

    async def read_line(self, window_id: WindowId) -> WaitingRuns:
        return self._lines.get(window_id, WaitingRuns(window_id=window_id))

    async def read_lines(self) -> Mapping[WindowId, int]:
        """The lines of this tab only."""
        return {window_id: len(line.entries) for window_id, line in self._lines.items() if line.entries}

    async def write_line(self, change: LineChange) -> None:
        line = await self.read_line(change.window_id)
        if change.line_id != line.line_id:
            raise NotOwner("write_line")
        gone = {item.prompt_id for item in (*change.put, *change.removed)}
        if not all(map(line.has, gone)):
            raise TaskNotFound("write_line", next(item for item in gone if not line.has(item)))
        stay = (item for item in line.entries if item.prompt_id not in gone)
        batches = (*line.batches.values(), *change.batches)
        self._lines[change.window_id] = line_of(
            change.head, (*stay, *change.put, *change.added), batches, change.window_id
        )

    async def adopt_line(self, owner: WindowId, new_owner: WindowId, line_id: str) -> WaitingRuns:  # noqa: ARG002
        """Raise: a private window finds no line of another window."""
        raise TaskNotFound("adopt_line")

    # What is learned

    async def learn(self, ran: Ran) -> None:
        """Learn nothing from private work."""

    async def learn_paces(self, measured: Measured) -> None:
        """Learn nothing from private work."""

    async def read_learned(self) -> Learned:
        return await self._inner.read_learned()

    # Past tasks

    async def lay_by(self, task: Task) -> None:
        """Keep the task in memory."""
        self._past[task.prompt_id] = self._home.pop(task.prompt_id, task)

    async def read_past_ids(self) -> Sequence[PromptId]:
        return [task.prompt_id for task in sorted(self._past.values(), key=ended_at, reverse=True)]

    async def read_past(self, prompt_ids: Sequence[PromptId]) -> Sequence[PastTask]:
        return [past_of(self._past[prompt_id]) for prompt_id in prompt_ids if prompt_id in self._past]

    async def read_past_task(self, prompt_id: PromptId) -> Task | None:
        return self._past.get(prompt_id)

    async def delete_past(self, prompt_ids: Collection[PromptId]) -> None:
        for prompt_id in prompt_ids:
            if self._past.pop(prompt_id, None) is not None:
                await self.delete_results(prompt_id)
