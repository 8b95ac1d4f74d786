"""The store of all windows, in memory: the same port and the same rules as `app/browser/store.py`.

Private windows keep their work in one (`private.py`), the self-check runs on one (`sandbox.py`), and so do the unit
tests. The simulation's many windows share one, and make it wait and fail (`tests/simulation/store.py`). One suite of
checks, `tests/ports/suite.py`, holds it and the browser's to the port.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from app.core.balancer import Claims
from app.core.durations import Durations, Ran
from app.core.errors import InvalidTransition, NotOwner, TaskNotFound
from app.core.model import PromptId, Reservation, StoredTasks, Task, WindowId
from app.core.plan import Measured, Paces
from app.core.ports.store import Learned, WindowRecord
from app.core.records import BrokenRecord, decode, encode
from app.session.memory.blob_store import MemoryBlobs
from app.session.memory.database import inputs_of
from app.session.memory.past import MemoryPast
from app.session.memory.waiting_runs import MemoryLine


class MemoryStore(MemoryBlobs, MemoryLine, MemoryPast):
    """The TaskStore and PastStore ports over a `MemoryDatabase`."""

    # Windows and reservations

    async def claim(self, fresh: WindowRecord) -> tuple[WindowRecord, StoredTasks]:
        def work() -> tuple[WindowRecord, StoredTasks]:
            database, known = self.database, self.database.windows.get(fresh.window_id)
            record = replace(decode(WindowRecord, known), seen_at=fresh.seen_at) if known else fresh
            database.windows[fresh.window_id] = encode(record)
            for prompt_id, row in [*database.reservations.items()]:
                if row["window_id"] == fresh.window_id:
                    del database.reservations[prompt_id]
            return record, database.records(fresh.window_id)

        return await self._transact("claim", work)

    async def reserve(self, choose: Callable[[Claims], Reservation]) -> Reservation:
        def work() -> Reservation:
            reservation = choose(replace(self.database.claims(), durations=self._durations()))
            self.database.reservations[reservation.prompt_id] = encode(reservation)
            return reservation

        return await self._transact("reserve", work)

    async def release_reservation(self, prompt_id: PromptId) -> None:
        await self._transact("release_reservation", lambda: self.database.reservations.pop(prompt_id, None))

    # Tasks

    async def register(self, task: Task) -> None:
        def work() -> None:
            self._expect_new(task)
            row = self.database.reservations.get(task.prompt_id)
            place = None if row is None else decode(Reservation, row)
            if place is None or place.window_id != task.owner:
                raise NotOwner("register", task.prompt_id, place.window_id if place else None)
            if (place.server_id, place.address) != (task.server_id, task.address):
                raise InvalidTransition("register", "the task is not on the server that was reserved")
            self._add(task)

        await self._transact("register", work)

    async def reserve_and_register(self, task: Task, check: Callable[[Claims], None]) -> None:
        def work() -> None:
            check(self.database.claims())
            self._expect_new(task)
            self._add(task)

        await self._transact("reserve_and_register", work)

    def _expect_new(self, task: Task) -> None:
        if task.prompt_id in self.database.tasks:
            raise InvalidTransition("register", f"{task.prompt_id} is taken")

    def _add(self, task: Task) -> None:
        self._remove_registered(task)
        self.database.reservations.pop(task.prompt_id, None)
        self.database.tasks[task.prompt_id] = encode(task)

    async def update(self, task: Task) -> None:
        def work() -> None:
            self.database.fenced("update", task)
            self.database.tasks[task.prompt_id] = encode(task)

        await self._transact("update", work)

    async def adopt(self, prompt_id: PromptId, seen: tuple[WindowId, int], new_owner: WindowId) -> Task:
        def work() -> Task:
            known = self.database.task(prompt_id)
            if known is None:
                raise TaskNotFound("adopt", prompt_id)
            if (known.owner, known.epoch) != seen:
                raise NotOwner("adopt", prompt_id, known.owner, known.epoch)
            adopted = replace(known, owner=new_owner, epoch=known.epoch + 1, is_ward=True)
            self.database.tasks[prompt_id] = encode(adopted)
            return adopted

        return await self._transact("adopt", work)

    async def read_task(self, prompt_id: PromptId) -> Task | None:
        return await self._transact("read_task", lambda: self.database.task(prompt_id))

    async def read_tasks(self, owner: WindowId | None = None) -> StoredTasks:
        return await self._transact("read_tasks", lambda: self.database.records(owner))

    async def delete_task(self, task: Task) -> None:
        def work() -> None:
            if not self.database.fenced("delete_task", task).state.is_end:
                raise InvalidTransition("delete_task", f"{task.prompt_id} has not ended")
            self._delete(task.prompt_id)

        await self._transact("delete_task", work)

    async def delete_unreadable(self, prompt_id: PromptId, owner: WindowId) -> None:
        def work() -> None:
            found = self.database.read(prompt_id)
            if found is None:
                return
            if isinstance(found, Task):
                raise InvalidTransition("delete_unreadable", f"{prompt_id} can be read")
            if not found.may_be_of(owner):
                raise NotOwner("delete_unreadable", prompt_id, found.owner)
            self._delete(prompt_id)

        await self._transact("delete_unreadable", work)

    def _delete(self, prompt_id: PromptId) -> None:
        mine = inputs_of(self.database.tasks.pop(prompt_id))
        self.database.delete_kept(prompt_id)
        self.database.forget_inputs(mine)

    # What is learned

    async def learn(self, ran: Ran) -> None:
        def work() -> None:
            self.database.durations = encode(self._durations().learned(ran))

        await self._transact("learn", work)

    async def learn_paces(self, measured: Measured) -> None:
        def work() -> None:
            self.database.paces = encode(self._paces().learned(measured))

        await self._transact("learn_paces", work)

    async def read_learned(self) -> Learned:
        return await self._transact("read_learned", lambda: Learned(self._durations(), self._paces()))

    def _durations(self) -> Durations:
        try:
            return decode(Durations, self.database.durations)
        except BrokenRecord:
            return Durations()

    def _paces(self) -> Paces:
        try:
            return decode(Paces, self.database.paces)
        except BrokenRecord:
            return Paces()
