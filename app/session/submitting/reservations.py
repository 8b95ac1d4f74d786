"""The places of a window's work: reserved on a server before anything is sent there, released if the run fails.

places = Reservations(state)
place = await places.reserve(prompt_id, wish, job)     # durable, and this window is moored there
await places.release(prompt_id)

If other work holds the window, the server is decided; if nothing has to be uploaded first either, `register` takes the
place and makes a task of it in one transaction.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
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
    ) -> Reservation:
        """Reserve a place: on the server that holds the window, or on one chosen in the store's transaction."""
        wish = replace(wish, leanings=self._state.leanings)
        async with self._choosing:
            await self.until_fleet()
            for _ in range(RESERVE_TRIES):
                wanted = Wanted(prompt_id, self._state.get_window("reserve"), wish, job, unable or {})
                reservation = await self._reserve_once(wanted)
                try:
                    self._state.set_window(self._state.get_window("reserve").reserve(reservation))
                except AffinityError as error:
                    log.info("another task moored the window, choosing once more: %r", error)
                    await self._unreserve(prompt_id)
                else:
                    return reservation
        raise NoServerAvailable("reserve", {})

    async def _reserve_once(self, wanted: Wanted) -> Reservation:
        state = self._state
        await self._release_leftovers()
        wanted.expect_possible(state.fleet)
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

    async def register(
        self,
        prompt_id: PromptId,
        make: Callable[[Reservation], Task],
        *,
        wish: Wish = ANY,
        job: Job | None = None,
        unable: Mapping[ServerId, str] | None = None,
    ) -> bool:
        """Take a place and make a task of it in one step; False if the server is still to be chosen.

        The window holds the place while that is written, so its mooring cannot change.
        """
        state = self._state
        async with self._choosing:
            await self._release_leftovers()
            window = state.get_window("reserve")
            wanted = Wanted(prompt_id, window, wish, job, unable or {})
            if not wanted.is_moored:
                return False
            wanted.expect_possible(state.fleet)
            now, unreadable = state.ports.clock.now(), list[Unreadable]()
            place = wanted.choose(Claims(), (), state.fleet, now=now, tie=0.0)
            state.set_window(window.reserve(place))
            task = make(place)
            state.get_window("register_window_task").expect_reserved(task)  # before anything is written

            def check(claims: Claims) -> None:
                unreadable[:] = claims.unreadable_of(window.window_id)
                wanted.choose(claims, (), state.fleet, now=now, tie=0.0)

            try:
                await state.ports.store.reserve_and_register(task, check)
            finally:
                state.set_aside(unreadable)
            state.take_registered(task)
        return True

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
        try:
            await self._state.ports.store.release_reservation(prompt_id)
        except StorageError as error:
            self._unreleased.add(prompt_id)
            log.warning("reservation not deleted yet: %r", error)
