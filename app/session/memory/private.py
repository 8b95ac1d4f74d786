"""The store of a private window: results live in the page's memory and are gone when the page closes.

    ports = private_ports(ports, page_blobs)      # all other ports stay the same

Promise 5 holds here too: a task is durable before it is sent, or it is not sent. But the stored record contains no text
of the user's (`redacted`), and is deleted as soon as the task has ended and its results are in the page's memory
(`page_blobs`). After a reload the window still knows its running tasks, and delivers their results.

A private window does not see past results, waiting runs or orphans of other windows. It has no influence on what its
servers keep.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from app.core.balancer import Claims
from app.core.durations import Ran
from app.core.errors import NotOwner
from app.core.model import Delivery, Output, PromptId, Reservation, StoredTasks, Task, TaskDelivery, WindowId
from app.core.past import is_settled
from app.core.plan import Measured
from app.core.ports import Ports
from app.core.ports.blobs import Blob, KeepSettings, Usage
from app.core.ports.presses import PressMemory
from app.core.ports.store import Learned, TaskStore, WindowRecord
from app.core.presses import Press
from app.core.records import encode
from app.core.waiting_runs import own_window_of
from app.session.memory.database import MemoryDatabase, PageBlobs
from app.session.memory.store import MemoryStore

MOST = 1_000_000_000  # bytes of results that one page holds


def private_ports(ports: Ports, page_blobs: PageBlobs) -> Ports:
    """The ports of a private window; its journal is not stored either."""
    store = PrivateStore(ports.store, page_blobs)
    presses = None if ports.presses is None else PrivatePresses(ports.presses)
    return replace(ports, store=store, past=store, journal=None, presses=presses)


class PrivatePresses:
    """The tab's memory of presses of Run, without any text of the user's: after a reload it is known which were lost.

    The line of a private window ends with its page, so a press stays here until it is sent.
    """

    outlives_line = True

    def __init__(self, inner: PressMemory) -> None:
        self._inner = inner

    def read(self) -> Sequence[Press]:
        return self._inner.read()

    def write(self, presses: Sequence[Press]) -> bool:
        return self._inner.write([press.redacted for press in presses])


def redacted(task: Task) -> Task:
    """The stored record of a private task: server and state, without title, workflow, inputs or text."""
    job, failure = task.job, task.end.failure
    bare = None if failure is None else replace(failure, message="", traceback="", node_errors=())
    return replace(
        task,
        title="",
        workflow="",
        project="",
        inputs=(),
        templates=(),
        editor_sha256="",
        editor_fault="",
        again_of=None,
        part=None,
        progress=replace(task.progress, warnings=()),
        delivery=TaskDelivery(outputs=tuple(_without_text(item) for item in task.delivery.outputs)),
        job=None if job is None else replace(job, models=()),
        end=replace(task.end, failure=bare),
    )


def _without_text(output: Output) -> Output:
    """An output without its text and facts. A node's text is stored nowhere else: a reload before delivery loses it."""
    delivery = Delivery.GONE if output.is_text else output.delivery
    return replace(output, text="", facts=(), delivery=delivery)


class PrivateStore(MemoryStore):
    """The TaskStore, and the PastStore, of a private window: this tab's work, whole, in memory.

    `inner` is the store of all windows: it has the servers' claims, and the redacted records of the tasks in `_stored`.
    """

    def __init__(self, inner: TaskStore, page_blobs: PageBlobs) -> None:
        super().__init__(MemoryDatabase(page_blobs=page_blobs))
        self._inner = inner
        self._windows: set[WindowId] = set()  # all of this session
        self._stored: set[PromptId] = set()

    # Windows and reservations

    async def claim(self, fresh: WindowRecord) -> tuple[WindowRecord, StoredTasks]:
        record, records = await self._inner.claim(fresh)
        self._windows.add(record.window_id)
        for task in records.tasks:
            if is_settled(task):  # the page closed after the end, before this
                await self._inner.delete_task(task)
            else:
                self._put(task)
        unsettled = tuple(task for task in records.tasks if not is_settled(task))
        return record, StoredTasks(unsettled, records.unreadable)

    async def reserve(self, choose: Callable[[Claims], Reservation]) -> Reservation:
        return await self._inner.reserve(choose)

    async def release_reservation(self, prompt_id: PromptId) -> None:
        await self._inner.release_reservation(prompt_id)

    # Tasks

    async def register(self, task: Task) -> None:
        self._expect_waiting(task)
        await self._inner.register(redacted(task))
        self._registered(task)

    async def reserve_and_register(self, task: Task, check: Callable[[Claims], None]) -> None:
        self._expect_waiting(task)
        await self._inner.reserve_and_register(redacted(task), check)
        self._registered(task)

    def _registered(self, task: Task) -> None:
        if self._waits(task):  # it may have left its line while that was written
            self._remove_registered(task)
        self._put(task)

    def _put(self, task: Task) -> None:
        """Have the whole task here, and know that its redacted record is in the inner store."""
        self.database.tasks[task.prompt_id] = encode(task)
        self._stored.add(task.prompt_id)

    async def update(self, task: Task) -> None:
        """Write the redacted record, or delete it once the task has ended and is delivered."""
        prompt_id = task.prompt_id
        if prompt_id in self._stored:
            known = self.database.task(prompt_id)
            if not is_settled(task) or known is None or not known.state.is_end:
                await self._inner.update(redacted(task))
                self._put(task)
            if is_settled(task):
                await self._delete_below(task)
        await super().update(task)

    async def _delete_below(self, task: Task) -> None:
        if task.prompt_id in self._stored:
            await self._inner.delete_task(redacted(task))
            self._stored.discard(task.prompt_id)

    async def adopt(self, prompt_id: PromptId, seen: tuple[WindowId, int], new_owner: WindowId) -> Task:
        """Adopt in the store, although a private window finds nothing to adopt."""
        adopted = await self._inner.adopt(prompt_id, seen, new_owner)
        self._put(adopted)
        return adopted

    async def read_task(self, prompt_id: PromptId) -> Task | None:
        if prompt_id in self._stored:
            return self._whole(await self._inner.read_task(prompt_id))
        found = await super().read_task(prompt_id)
        return found if found is not None else await self._inner.read_task(prompt_id)

    async def read_tasks(self, owner: WindowId | None = None) -> StoredTasks:
        """The tasks of this tab only."""
        owners = self._windows if owner is None else self._windows & {owner}
        stored = [await self._inner.read_tasks(window_id) for window_id in sorted(owners)]
        there = [whole for records in stored for task in records.tasks if (whole := self._whole(task)) is not None]
        own = (await super().read_tasks()).tasks
        tasks = [*there, *(task for task in own if task.prompt_id not in self._stored and task.owner in owners)]
        unreadable = {record.prompt_id: record for records in stored for record in records.unreadable}
        return StoredTasks(tuple(sorted(tasks, key=lambda item: item.created_at)), tuple(unreadable.values()))

    async def delete_task(self, task: Task) -> None:
        await self._delete_below(task)
        await super().delete_task(task)

    async def archive(self, task: Task) -> None:
        await self._delete_below(task)
        await super().archive(task)

    async def delete_unreadable(self, prompt_id: PromptId, owner: WindowId) -> None:
        await self._inner.delete_unreadable(prompt_id, owner)

    def _whole(self, stored: Task | None) -> Task | None:
        """The task as it is known here, if the store has that; else what the store has."""
        known = None if stored is None else self.database.task(stored.prompt_id)
        return known if known is not None and redacted(known) == stored else stored

    # What waits

    def _waits(self, task: Task) -> bool:
        row = self.database.waiting.get(task.prompt_id)
        return row is not None and row["owner"] == own_window_of(task.owner)

    def _expect_waiting(self, task: Task) -> None:
        if task.part is not None and not self._waits(task):
            raise NotOwner("register", task.prompt_id)

    # What is learned

    async def learn(self, ran: Ran) -> None:
        """Learn nothing from private work."""

    async def learn_paces(self, measured: Measured) -> None:
        """Learn nothing from private work."""

    async def read_learned(self) -> Learned:
        return await self._inner.read_learned()

    # Bytes: results up to the cap that the user has set, and `MOST` in any case, but always the latest

    async def keep_result(self, task: Task, index: int, blob: Blob, kept_at: float) -> bool:
        await self._fit(await self._inner.read_settings(), least=blob.size)
        return await super().keep_result(task, index, blob, kept_at)

    async def _fit(self, settings: KeepSettings, least: int) -> None:
        cap = max(min(MOST, settings.cap_bytes), least)
        await super().write_settings(replace(settings, cap_bytes=cap))

    async def keep_preview(self, task: Task, blob: Blob, media_type: str, kept_at: float) -> bool:  # noqa: ARG002
        """Keep nothing: previews are for after a reload, and a private window keeps none."""
        return False

    async def read_input(self, sha256: str) -> Blob | None:
        """Return a kept input; also one that another window has kept, because a preset may name it."""
        found = await super().read_input(sha256)
        return found if found is not None else await self._inner.read_input(sha256)

    async def find_input(self, start: str) -> str | None:
        """Find an input of this page or of another window, as `read_input` does."""
        found = await super().find_input(start)
        return found if found is not None else await self._inner.find_input(start)

    async def read_settings(self) -> KeepSettings:
        return await self._inner.read_settings()

    async def write_settings(self, settings: KeepSettings) -> None:
        await self._inner.write_settings(settings)
        results = self.database.results
        await self._fit(settings, least=results[results.oldest_first[-1]].blob.size if results else 0)

    async def usage(self) -> Usage:
        """The usage of all other windows."""
        return await self._inner.usage()

    async def persist(self, *, is_asked: bool = False) -> bool | None:
        """Pass the question on only if the user asks for it: a private window needs no persistent storage."""
        return await self._inner.persist(is_asked=True) if is_asked else None
