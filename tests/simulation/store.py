"""The store in memory: one database for all windows of a browser, each port operation one transaction.

Records are kept encoded, as the browser keeps them. A transaction happens at one moment, between two waits that a
crash may never return from; `fail_next` makes the next ones fail as a full or blocked store does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from app.core.balancer import Claims
from app.core.durations import Durations, Ran
from app.core.errors import InvalidTransition, NotOwner, StorageError, TaskNotFound
from app.core.model import ENDS, PromptId, Records, Reservation, Task, Unreadable, WindowId
from app.core.plan import Measured, Paces
from app.core.ports.store import Learned, WindowRecord
from app.core.records import BrokenRecord, decode, encode, read_task
from tests.simulation.line import MemoryLine
from tests.simulation.past import MemoryPast
from tests.simulation.shelf import INPUT_BOUND, RESULT_BOUND, Bytes, MemoryShelf, Shelves, inputs_of

__all__ = ["INPUT_BOUND", "RESULT_BOUND", "Bytes", "Database", "MemoryStore"]

T = TypeVar("T")
_ENDS = [state.value for state in ENDS]  # a list: the state in a damaged record need not be hashable
_GROWS = frozenset(
    {
        "claim",
        "reserve",
        "register",
        "reserve_and_register",
        "update",
        "adopt",
        "learn",
        "learn_paces",
        "keep_result",
        "keep_input",
    }
    | {"write_line", "adopt_line", "keep_preview"}
)


async def _nothing() -> None:
    return None


@dataclass
class Database(Shelves):
    """What is on disk. `watchers` are called after each commit: the invariants."""

    watchers: list[Callable[[], None]] = field(default_factory=list)
    fail_next: int = 0
    is_blocked: bool = False
    durations: dict[str, Any] = field(default_factory=dict)
    paces: dict[str, Any] = field(default_factory=dict)
    is_full: bool = False  # nothing that grows it can be written
    _read: dict[str, tuple[dict[str, Any], Task | Unreadable]] = field(default_factory=dict)

    def read(self, prompt_id: str) -> Task | Unreadable | None:
        """One record, read once."""
        record = self.tasks.get(prompt_id)
        if record is None:
            return None
        known = self._read.get(prompt_id)
        if known is None or known[0] is not record:
            known = self._read[prompt_id] = (record, read_task(record))
        return known[1]

    def task(self, prompt_id: str) -> Task | None:
        """One task; BrokenRecord if it cannot be read."""
        found = self.read(prompt_id)
        return decode(Task, self.tasks[prompt_id]) if isinstance(found, Unreadable) else found

    def all_tasks(self) -> list[Task]:
        """Those that can be read, oldest first."""
        tasks = [found for prompt_id in self.tasks if isinstance(found := self.read(prompt_id), Task)]
        return sorted(tasks, key=lambda task: (task.created_at, task.prompt_id))

    @property
    def ids(self) -> set[str]:
        """Of all records, those that were laid by too."""
        return {*self.tasks, *self.laid_by}

    def every_task(self) -> list[Task]:
        """Those that were laid by too."""
        return [*self.all_tasks(), *map(partial(decode, Task), self.laid_by.values())]

    def all_unreadable(self, *, is_unfinished: bool = False) -> list[Unreadable]:
        """Those that cannot; with `is_unfinished`, only those that were not written with an end."""
        return [
            found
            for prompt_id, record in sorted(self.tasks.items())
            if isinstance(found := self.read(prompt_id), Unreadable)
            and not (is_unfinished and record.get("state") in _ENDS)
        ]

    def records(self, owner: WindowId | None = None) -> Records:
        """All of both, or those that are, or may be, one window's."""
        return Records(
            tuple(task for task in self.all_tasks() if owner is None or task.owner == owner),
            tuple(item for item in self.all_unreadable() if owner is None or item.may_be_of(owner)),
        )

    def all_reservations(self) -> list[Reservation]:
        """Decoded."""
        return [decode(Reservation, record) for record in self.reservations.values()]


class MemoryStore(MemoryShelf, MemoryLine, MemoryPast):
    """The TaskStore port over a Database. `wait` is called before and after each transaction."""

    def __init__(self, database: Database, wait: Callable[[], Awaitable[None]] = _nothing) -> None:
        super().__init__(database)
        self._db = database
        self._wait = wait

    async def _transact(self, operation: str, work: Callable[[], T], *, is_needed: bool = True) -> T:
        await self._wait()
        if self._db.is_full and operation in _GROWS:
            raise StorageError(operation, "quota")
        if self._db.is_blocked:
            raise StorageError(operation, "blocked")
        if self._db.fail_next:
            self._db.fail_next -= 1
            raise StorageError(operation, "quota")
        result = self._fitted(operation, work) if is_needed else self._db.attempt(operation, work)
        for watcher in self._db.watchers:
            watcher()
        await self._wait()
        return result

    def _fitted(self, operation: str, work: Callable[[], T]) -> T:
        """Kept bytes make way, ever more of them, until it fits."""
        count = 1
        while True:
            try:
                return self._db.attempt(operation, work)
            except StorageError as error:
                if error.cause != "quota" or self._db.quota is None or not self._db.drop_oldest(count):
                    raise
                count *= 2

    async def claim(self, fresh: WindowRecord) -> tuple[WindowRecord, Records]:
        def work() -> tuple[WindowRecord, Records]:
            known = self._db.windows.get(fresh.window_id)
            record = replace(decode(WindowRecord, known), seen_at=fresh.seen_at) if known else fresh
            self._db.windows[fresh.window_id] = encode(record)
            for item in self._db.all_reservations():
                if item.window_id == fresh.window_id:
                    del self._db.reservations[item.prompt_id]
            return record, self._db.records(fresh.window_id)

        return await self._transact("claim", work)

    async def reserve(self, choose: Callable[[Claims], Reservation]) -> Reservation:
        def work() -> Reservation:
            reservation = choose(replace(self._claims(), durations=self._durations()))
            self._db.reservations[reservation.prompt_id] = encode(reservation)
            return reservation

        return await self._transact("reserve", work)

    def _claims(self) -> Claims:
        unfinished = [task for task in self._db.all_tasks() if not task.state.is_end]
        return Claims(self._db.all_reservations(), unfinished, self._db.all_unreadable(is_unfinished=True))

    def _durations(self) -> Durations:
        try:
            return decode(Durations, self._db.durations)
        except BrokenRecord:
            return Durations()

    async def learn(self, ran: Ran) -> None:
        def work() -> None:
            self._db.durations = encode(self._durations().learned(ran))

        await self._transact("learn", work)

    def _paces(self) -> Paces:
        try:
            return decode(Paces, self._db.paces)
        except BrokenRecord:
            return Paces()

    async def learn_paces(self, measured: Measured) -> None:
        def work() -> None:
            self._db.paces = encode(self._paces().learned(measured))

        await self._transact("learn_paces", work)

    async def read_learned(self) -> Learned:
        return await self._transact("read_learned", lambda: Learned(self._durations(), self._paces()))

    async def release_reservation(self, prompt_id: PromptId) -> None:
        await self._transact("release_reservation", lambda: self._db.reservations.pop(prompt_id, None))

    async def register(self, task: Task) -> None:
        def work() -> None:
            held = self._db.reservations.get(task.prompt_id)
            if task.prompt_id in self._db.tasks:
                raise InvalidTransition("register", f"{task.prompt_id} is taken")
            if held is None or decode(Reservation, held).window_id != task.owner:
                raise NotOwner("register", task.prompt_id)
            place = decode(Reservation, held)
            if (place.server_id, place.address) != (task.server_id, task.address):
                raise InvalidTransition("register", "not where it was reserved")
            self._take_off(task)
            del self._db.reservations[task.prompt_id]
            self._db.tasks[task.prompt_id] = encode(task)

        await self._transact("register", work)

    async def reserve_and_register(self, task: Task, check: Callable[[Claims], None]) -> None:
        def work() -> None:
            check(self._claims())
            if task.prompt_id in self._db.tasks:
                raise InvalidTransition("register", f"{task.prompt_id} is taken")
            self._take_off(task)
            self._db.reservations.pop(task.prompt_id, None)
            self._db.tasks[task.prompt_id] = encode(task)

        await self._transact("reserve_and_register", work)

    def _fenced(self, operation: str, task: Task) -> Task:
        if isinstance(found := self._db.read(task.prompt_id), Unreadable) and not found.may_be_of(task.owner):
            raise NotOwner(operation, task.prompt_id, found.owner)
        known = self._db.task(task.prompt_id)
        if known is None:
            raise TaskNotFound(operation, task.prompt_id)
        if (known.owner, known.epoch) != (task.owner, task.epoch):
            raise NotOwner(operation, task.prompt_id, known.owner, known.epoch)
        if (known.server_id, known.address) != (task.server_id, task.address):
            raise InvalidTransition(operation, "a task's server is fixed")
        return known

    async def update(self, task: Task) -> None:
        def work() -> None:
            self._fenced("update", task)
            self._db.tasks[task.prompt_id] = encode(task)

        await self._transact("update", work)

    async def adopt(self, prompt_id: PromptId, seen: tuple[WindowId, int], new_owner: WindowId) -> Task:
        def work() -> Task:
            known = self._db.task(prompt_id)
            if known is None:
                raise TaskNotFound("adopt", prompt_id)
            if (known.owner, known.epoch) != seen:
                raise NotOwner("adopt", prompt_id, known.owner, known.epoch)
            adopted = replace(known, owner=new_owner, epoch=known.epoch + 1, is_ward=True)
            self._db.tasks[prompt_id] = encode(adopted)
            return adopted

        return await self._transact("adopt", work)

    async def read_task(self, prompt_id: PromptId) -> Task | None:
        return await self._transact("read_task", lambda: self._db.task(prompt_id))

    async def read_tasks(self, owner: WindowId | None = None) -> Records:
        return await self._transact("read_tasks", lambda: self._db.records(owner))

    async def delete_task(self, task: Task) -> None:
        def work() -> None:
            if not self._fenced("delete_task", task).state.is_end:
                raise InvalidTransition("delete_task", "it has not ended")
            self._delete(task.prompt_id)

        await self._transact("delete_task", work)

    def _delete(self, prompt_id: PromptId) -> None:
        mine = inputs_of(self._db.tasks.pop(prompt_id))
        self._db.delete_kept(prompt_id)
        self._db.forget_inputs(mine)

    async def delete_unreadable(self, prompt_id: PromptId, owner: WindowId) -> None:
        def work() -> None:
            found = self._db.read(prompt_id)
            if found is None:
                return
            if isinstance(found, Task):
                raise InvalidTransition("delete_unreadable", f"{prompt_id} can be read")
            if not found.may_be_of(owner):
                raise NotOwner("delete_unreadable", prompt_id, found.owner)
            self._delete(prompt_id)

        await self._transact("delete_unreadable", work)
