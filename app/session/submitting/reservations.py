"""The places of a window's work: reserved on a server before anything is sent there, released if the run fails.

places = Reservations(state)
place = await places.reserve(prompt_id, wish, job)     # durable, and this window is moored there
await places.release(prompt_id)

await places.register(task)                             # the task holds the window instead of its reservation

If other work holds the window, its server is the only choice. If nothing has to be uploaded either, reservation and
task are written in one transaction.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace

from app.core import comfy
from app.core.balancer import ANY, Claims, Snapshot, Wish, choose
from app.core.errors import AffinityError, NoServerAvailable, ServerLockedError, StorageError
from app.core.model import Job, PromptId, Reservation, ServerId, Task, Unreadable
from app.core.reservation import Wanted, drained
from app.core.window import Window, held_beside
from app.session.state import State
from app.session.timing import until_set

log = logging.getLogger("mooring.session")

FLEET_WAIT = 5.0  # seconds that a click right after the start waits for the fleet
RESERVE_TRIES = 3  # a lost task that is found may moor the window while we choose
_NOT_LISTED = (comfy.Queue((), ()), "not_in_fleet")


class Reservations:
    """Reserves, registers and releases the places of one window."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._choosing = asyncio.Lock()
        self._unwritten: dict[PromptId, Wanted] = {}  # reservations in memory only, until their tasks are written
        self._unreleased: set[PromptId] = set()  # released here, but not yet in the store, which could not be written

    async def until_fleet(self) -> None:
        """Wait until the fleet is known, or for `FLEET_WAIT`."""
        await until_set(self._state.has_fleet, self._state.ports.clock, FLEET_WAIT)

    async def reserve(
        self,
        prompt_id: PromptId,
        wish: Wish = ANY,
        job: Job | None = None,
        unable: Mapping[ServerId, str] | None = None,
        *,
        is_bare: bool = False,
    ) -> Reservation:
        """Reserve a place: on the server that holds the window, or on one chosen in the store's transaction.

        `is_bare` says that nothing is uploaded. If a server holds the window too, `register` writes the reservation
        together with its task.
        """
        state, wish = self._state, replace(wish, leanings=self._state.leanings)
        async with self._choosing:
            await self.until_fleet()
            for _ in range(RESERVE_TRIES):
                await self._release_leftovers()
                wanted = Wanted(prompt_id, state.get_window("reserve"), wish, job, unable or {})
                wanted.expect_possible(state.fleet)
                if is_bare and wanted.is_moored:
                    self._unwritten[prompt_id] = wanted
                    reservation = wanted.choose(Claims(), (), state.fleet, now=state.ports.clock.now(), tie=0.0)
                else:
                    reservation = await self._reserve_in_store(wanted)
                try:
                    state.set_window(state.get_window("reserve").reserve(reservation))
                except AffinityError as error:
                    log.info("another task moored the window, choosing once more: %r", error)
                    await self._unreserve(prompt_id)
                else:
                    return reservation
        raise NoServerAvailable("reserve", {})

    async def _reserve_in_store(self, wanted: Wanted) -> Reservation:
        state = self._state
        snapshots = () if wanted.is_moored else await self._read_loads()
        tie = state.ports.random.fraction()
        unreadable: list[Unreadable] = []

        def pick(claims: Claims) -> Reservation:
            unreadable[:] = claims.unreadable_of(wanted.window.window_id)
            return wanted.choose(claims, snapshots, state.fleet, now=state.ports.clock.now(), tie=tie)

        try:
            return await state.ports.store.reserve(pick)
        finally:
            state.set_aside(unreadable)

    async def register(self, task: Task) -> None:
        """Write the task of a reservation, which it replaces: the task holds the window."""
        state, unreadable = self._state, list[Unreadable]()
        state.get_window("register_window_task").expect_reserved(task)  # before anything is written
        wanted = self._unwritten.pop(task.prompt_id, None)
        if wanted is None:
            await state.ports.store.register(task)
        else:

            def check(claims: Claims) -> None:
                unreadable[:] = claims.unreadable_of(task.owner)
                wanted.choose(claims, (), state.fleet, now=task.created_at, tie=0.0)

            try:
                await state.ports.store.reserve_and_register(task, check)
            finally:
                state.set_aside(unreadable)
        state.read_back = (*state.read_back, task)
        state.set_window(state.get_window("register_window_task").register_window_task(task))

    async def _release_leftovers(self) -> None:
        for leftover in tuple(self._unreleased):
            await self._state.ports.store.release_reservation(leftover)
            self._unreleased.discard(leftover)

    async def expect_elsewhere(self, task: Task) -> None:
        """Raise, before anything is given up, the error that would keep the task's work from running elsewhere."""
        if others := held_beside(self._state.get_window("run_again").mooring, task):
            raise ServerLockedError("run_again", None, task.server_id, len(others))
        now = self._state.ports.clock.now()
        wish, unable = Wish(avoided=task.server_id, leanings=self._state.leanings), drained(self._state.fleet)
        choose(await self._read_loads(), Claims(), now=now, tie=0.0, wish=wish, unable=unable)

    async def _read_loads(self) -> tuple[Snapshot, ...]:
        state = self._state
        if not state.fleet.servers:
            raise state.fleet_error or NoServerAvailable("reserve", {})
        asked_at = state.ports.clock.now()
        loads = comfy.read_loads(await state.ports.http.send(comfy.loads_request()))
        listed = ((item.server_id, *loads.get(item.server_id, _NOT_LISTED)) for item in state.fleet.servers)
        return tuple(
            Snapshot(server_id, queue.pending, cause, queue.running, asked_at) for server_id, queue, cause in listed
        )

    async def release(self, prompt_id: PromptId) -> None:
        """Release a place, if there is one."""
        state = self._state
        window = state.window
        if not isinstance(window, Window) or prompt_id not in window.reservations:
            return
        state.set_window(window.release_reservation(prompt_id))
        await self._unreserve(prompt_id)

    async def _unreserve(self, prompt_id: PromptId) -> None:
        """Delete a place from the store; if that fails now, before the next choice."""
        self._unwritten.pop(prompt_id, None)
        try:
            await self._state.ports.store.release_reservation(prompt_id)
        except StorageError as error:
            self._unreleased.add(prompt_id)
            log.warning("reservation not deleted yet: %r", error)
