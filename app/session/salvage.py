"""Work of closed windows: found, listed, and adopted on a click (promises 1 and 9).

A window whose page was closed, crashed or discarded leaves unwatched tasks and undelivered results. A living window
finds them by querying their owner's lock, twice and some time apart, since a reload releases it for a moment. Adopting
is compare-and-set in the store: one window gets the task, as a ward that holds no server, and writes of an old owner
that wakes up later are refused.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.core.errors import NotOwner, StorageError, TaskNotFound
from app.core.evidence import Unclear
from app.core.model import PromptId, StoredTasks, Task, Unreadable, WindowId
from app.core.past import ended_at, is_settled
from app.core.waiting_runs import WaitingRuns
from app.session.delivery.past import Past
from app.session.state import State

log = logging.getLogger("mooring.session")

MOST_TIDIED = 50  # windows that are tidied up in one search
SURELY = 60.0  # seconds; the other windows of a tab come back some time after it
OLD = 24 * 3600.0  # seconds; after that an ended task is laid by even if it is unknown whether its window lives
RELOAD_TAKES = 3.0  # seconds between the two queries; a reload had its lock back within 1 s on a loaded machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """A task without a living window: unfinished, or ended with results that are not delivered.

    `is_owner_gone` is False where this browser cannot prove it (no Web Locks): that window did not answer, and may
    only sleep.
    """

    task: Task
    is_owner_gone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanRecord:
    """An unreadable record of a closed window. It cannot be adopted, only given up."""

    record: Unreadable
    is_owner_gone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanLine:
    """Runs that wait in a closed window, until another window adopts them."""

    owner: WindowId
    count: int
    is_owner_gone: bool


class Salvage:
    """Finds orphans and adopts them."""

    def __init__(self, state: State, past: Past) -> None:
        self._state = state
        self._past = past
        self._searching = asyncio.Lock()
        self._is_wanted = self._is_searching = False  # a search in the background
        self._gone: dict[WindowId, float] = {}  # closed windows with settled tasks, and since when they are closed
        self._settled: tuple[Task, ...] = ()  # of other windows, from the latest search
        self.orphans: tuple[Orphan, ...] = ()
        self.records: tuple[OrphanRecord, ...] = ()
        self.lines: tuple[OrphanLine, ...] = ()

    def search_soon(self) -> None:
        """Search in the background; if a search is running, repeat it, for it may have queried a window already."""
        self._is_wanted = True
        if not self._is_searching:
            self._is_searching = True
            self._state.spawn(self._search_quietly(), "search orphans")

    async def _search_quietly(self) -> None:
        try:
            while self._is_wanted:
                self._is_wanted = False
                try:
                    await self.search()
                    await self._tidy()
                except StorageError as error:
                    log.warning("orphans not searched: %r", error)
        finally:
            self._is_searching = False

    async def search(self) -> tuple[Orphan, ...]:
        """Search all tasks for those whose window is closed."""
        async with self._searching:
            suspects = await self._suspects()
            if suspects:
                await self._state.ports.clock.sleep(RELOAD_TAKES)
                confirmed = await self._suspects()
                suspects = {owner: gone for owner, gone in confirmed.items() if owner in suspects}
            needy = await self._others() if suspects else StoredTasks()
            self._show_lines(await self._waiting() if suspects else {}, suspects)
            self._show(
                [
                    Orphan(task=task, is_owner_gone=suspects[task.owner])
                    for task in needy.tasks
                    if task.owner in suspects
                ],
                [
                    OrphanRecord(record=record, is_owner_gone=suspects[record.owner])
                    for record in needy.unreadable
                    if record.owner in suspects
                ],
            )
        return self.orphans

    async def _tidy(self) -> None:
        """Lay by the delivered tasks of closed windows, so that the album shows them."""
        settled, now = self._settled, self._state.ports.clock.now()
        owners = list(dict.fromkeys(task.owner for task in settled))[:MOST_TIDIED]
        alive = {owner: await self._state.ports.windows.is_alive(owner) for owner in owners}
        self._gone = {owner: self._gone.get(owner, now) for owner, sign in alive.items() if sign is False}
        await self._past.lay_by_of_gone(
            task
            for task in settled
            if now - self._gone.get(task.owner, now) > SURELY
            or (alive.get(task.owner, True) is None and now - ended_at(task) > OLD)
        )

    async def _others(self) -> StoredTasks:
        """What other windows have not delivered. Records without a known owner are shown by every window."""
        own = self._own("find_orphans")
        stored = await self._state.ports.store.read_tasks()
        others = [task for task in stored.tasks if task.owner not in own]
        self._settled = tuple(task for task in others if is_settled(task))
        return StoredTasks(
            tuple(task for task in others if not task.is_delivered),
            tuple(record for record in stored.unreadable if record.owner is not None and record.owner not in own),
        )

    def _own(self, operation: str) -> frozenset[WindowId]:
        """The windows of this session, once its own has read its records."""
        self._state.records.get_window(operation)
        return self._state.records.window_ids

    async def _suspects(self) -> dict[WindowId, bool]:
        """The owners that do not live but have undelivered tasks or waiting runs, each with whether that is certain."""
        needy = await self._others()
        named = [*(task.owner for task in needy.tasks), *(record.owner for record in needy.unreadable)]
        named += await self._waiting()
        owners = [owner for owner in dict.fromkeys(named) if owner is not None]
        alive = {owner: await self._state.ports.windows.is_alive(owner) for owner in owners}
        return {owner: sign is False for owner, sign in alive.items() if sign is not True}

    async def _waiting(self) -> dict[WindowId, int]:
        """How many runs wait in other windows."""
        own = self._own("find_orphans")
        counts = await self._state.ports.store.read_lines()
        return {owner: count for owner, count in counts.items() if owner not in own}

    def _show_lines(self, counts: Mapping[WindowId, int], suspects: Mapping[WindowId, bool]) -> None:
        lines = tuple(
            OrphanLine(owner=owner, count=count, is_owner_gone=suspects[owner])
            for owner, count in counts.items()
            if owner in suspects
        )
        if lines != self.lines:
            self.lines = lines
            self._state.changed()

    def _show(self, orphans: Iterable[Orphan], records: Iterable[OrphanRecord]) -> None:
        shown, unreadable = tuple(orphans), tuple(records)
        if (shown, unreadable) != (self.orphans, self.records):
            self.orphans, self.records = shown, unreadable
            self._state.changed()

    async def adopt(self, prompt_id: PromptId) -> Task:
        """Adopt an orphan as a ward. NotOwner if another window was faster, TaskNotFound if it is no orphan."""
        window = self._state.records.get_window("adopt")
        orphan = next((item for item in self.orphans if item.task.prompt_id == prompt_id), None)
        if orphan is None:
            raise TaskNotFound("adopt", prompt_id)
        seen = (orphan.task.owner, orphan.task.epoch)
        try:
            task = await self._state.ports.store.adopt(prompt_id, seen, window.window_id)
        except (NotOwner, TaskNotFound):
            self._forget(prompt_id)
            raise
        self._forget(prompt_id)
        self._state.records.adopted(task)
        if not task.progress.is_answered:  # the answer to its POST is lost
            await self._state.records.witness(prompt_id, Unclear(self._state.ports.clock.now(), "owner_gone"))
        log.info("adopted %s of %s on %s", prompt_id, orphan.task.owner, task.server_id)
        return task

    async def adopt_line(self, owner: WindowId, new_owner: WindowId) -> WaitingRuns:
        """Adopt the waiting runs of a closed window. TaskNotFound if another window was faster."""
        if all(item.owner != owner for item in self.lines):
            raise TaskNotFound("adopt_line")
        try:
            line = await self._state.ports.store.adopt_line(owner, new_owner, self._state.ports.random.uuid4())
        except TaskNotFound:
            self._forget_line(owner)
            raise
        self._forget_line(owner)
        log.info("adopted the line of %s", owner)
        return line

    def _forget_line(self, owner: WindowId) -> None:
        self.lines = tuple(item for item in self.lines if item.owner != owner)
        self._state.changed()

    def has_record(self, prompt_id: PromptId) -> bool:
        """Whether that is an unreadable record of a closed window."""
        return any(item.record.prompt_id == prompt_id for item in self.records)

    async def give_up(self, prompt_id: PromptId) -> None:
        """Delete such a record, as the user chose. NotOwner if it is another window's by now."""
        owner = next((item.record.owner for item in self.records if item.record.prompt_id == prompt_id), None)
        if owner is None:
            raise TaskNotFound("give_up", prompt_id)
        try:
            await self._state.ports.store.delete_unreadable(prompt_id, owner)
        except NotOwner:
            self._forget(prompt_id)
            raise
        self._forget(prompt_id)

    def _forget(self, prompt_id: PromptId) -> None:
        self._show(
            [item for item in self.orphans if item.task.prompt_id != prompt_id],
            [item for item in self.records if item.record.prompt_id != prompt_id],
        )
