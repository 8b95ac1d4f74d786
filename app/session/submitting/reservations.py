"""The places of a window's work: reserved on a server before anything is sent there, released if the run fails.

places = Reservations(window)
place = await places.reserve(prompt_id, wish, job)     # durable, and this window is moored there
await places.release(prompt_id)

await places.register(task)                             # the task holds the window instead of its reservation

If other work holds the window, its server is the only choice. If nothing has to be uploaded either, reservation and
task are written in one transaction.

While enough of the user's runs are ahead on the server, there is no place: NotYourTurn (`core/turns.py`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from app.core import comfy
from app.core.balancer import ANY, Claims, Snapshot, Wish, choose
from app.core.errors import AffinityError, NoServerAvailable, NotYourTurn, StorageError
from app.core.model import Job, PromptId, Reservation, ServerId, Task, Unreadable, WindowId
from app.core.reservation import Wanted, drained
from app.core.turns import Turn
from app.session.timing import until_set
from app.session.window import SessionWindow
from wire.health import Health
from wire.queue import OTHER

log = logging.getLogger("mooring.session")

FLEET_WAIT = 5.0  # seconds that a click right after the start waits for the fleet
RESERVE_TRIES = 3  # a lost task that is found may moor the window while we choose
LATE = Health.TIMEOUT.value
_NOT_LISTED = (comfy.Queue((), ()), "not_in_fleet")


class Reservations:
    """Reserves, registers and releases the places of one window."""

    def __init__(self, window: SessionWindow) -> None:
        self._window = window
        self._state = window.state
        self._choosing = asyncio.Lock()
        self._unwritten: dict[PromptId, Wanted] = {}  # reservations in memory only, until their tasks are written
        self._unreleased: set[PromptId] = set()  # released here, but not yet in the store, which could not be written

    async def until_fleet(self) -> None:
        """Wait until the fleet is known, or for `FLEET_WAIT`."""
        await until_set(self._state.servers.has_fleet, self._state.ports.clock, FLEET_WAIT)

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
                wanted = Wanted(prompt_id, self._window.get("reserve"), wish, job, unable or {})
                wanted.expect_possible(state.servers.fleet)
                if is_bare and wanted.is_moored:
                    self._unwritten[prompt_id] = wanted
                    reservation = wanted.choose(Claims(), (), state.servers.fleet, now=state.ports.clock.now(), tie=0.0)
                else:
                    reservation = await self._reserve_in_store(wanted)
                try:
                    state.records.set_window(self._window.get("reserve").reserve(reservation))
                except AffinityError as error:
                    log.info("another task moored the window, choosing once more: %r", error)
                    await self._unreserve(prompt_id)
                else:
                    return reservation
        raise NoServerAvailable("reserve", {})

    async def _reserve_in_store(self, wanted: Wanted) -> Reservation:
        """Reserve a place in the store; NotYourTurn, once that is certain, leaves a note there that this run waits."""
        snapshots = () if wanted.is_moored else await self._read_loads()
        alive: dict[WindowId, bool | None] = {}
        while True:
            reservation, turn = await self._try_reserve(wanted, snapshots, alive)
            if turn.is_now:
                return reservation
            if not snapshots:
                snapshots = await self._read_loads()
            elif turn.unsure:
                alive |= await self._ask_whether_alive(turn.unsure)
            else:
                expect_turn(turn, reservation.server_id)

    async def _try_reserve(
        self, wanted: Wanted, snapshots: Sequence[Snapshot], alive: Mapping[WindowId, bool | None]
    ) -> tuple[Reservation, Turn]:
        state, tie = self._state, self._state.ports.random.fraction()
        unreadable, turns = list[Unreadable](), list[Turn]()

        def pick(claims: Claims) -> Reservation:
            unreadable[:] = claims.unreadable_of(wanted.window.window_id)
            reservation = wanted.choose(claims, snapshots, state.servers.fleet, now=state.ports.clock.now(), tie=tie)
            turns[:] = [wanted.turn(reservation, claims, snapshots, alive)]
            return reservation if turns[0].is_now else replace(reservation, waits_since=turns[0].since)

        try:
            reservation = await state.ports.store.reserve(pick)
        finally:
            state.records.note_unreadable(unreadable, wanted.window.window_id)
        return reservation, turns[0]

    async def _ask_whether_alive(self, windows: Iterable[WindowId]) -> dict[WindowId, bool | None]:
        asked = sorted(windows)
        signs = await asyncio.gather(*(self._state.ports.windows.is_alive(window_id) for window_id in asked))
        return dict(zip(asked, signs, strict=True))

    async def register(self, task: Task) -> None:
        """Write the task of a reservation, which it replaces: the task holds the window."""
        state, unreadable = self._state, list[Unreadable]()
        self._window.get("register_window_task").expect_reserved(task)  # before anything is written
        wanted = self._unwritten.pop(task.prompt_id, None)
        if wanted is None:
            await state.ports.store.register(task)
        else:

            def check(claims: Claims) -> None:
                unreadable[:] = claims.unreadable_of(task.owner)
                reservation = wanted.choose(claims, (), state.servers.fleet, now=task.created_at, tie=0.0)
                expect_turn(wanted.turn(reservation, claims), task.server_id)

            try:
                await state.ports.store.reserve_and_register(task, check)
            except NotYourTurn:  # unless what counts has ended in the meantime
                await self._reserve_in_store(wanted)
                await state.ports.store.register(task)
            finally:
                state.records.note_unreadable(unreadable, task.owner)
        state.records.registered(task)

    async def _release_leftovers(self) -> None:
        for leftover in tuple(self._unreleased):
            await self._state.ports.store.release_reservation(leftover)
            self._unreleased.discard(leftover)

    async def find_elsewhere(self, task: Task, unable: Mapping[ServerId, str]) -> ServerId:
        """Return another server for a task's work, before anything is given up. NoServerAvailable if there is none."""
        now, fleet = self._state.ports.clock.now(), self._state.servers.fleet
        wish, unable = Wish(avoided=task.server_id, leanings=self._state.leanings), {**drained(fleet), **unable}
        weights = {server.server_id: server.weight for server in fleet.servers}
        loads = await self._read_loads()
        return choose(loads, Claims(), now=now, tie=0.0, wish=wish, unable=unable, weights=weights).server_id

    async def _read_loads(self) -> tuple[Snapshot, ...]:
        """Return each server's queue. One that is well and was only late is asked once more."""
        first = await self._ask_loads()
        well = {item.server_id for item in self._state.servers.fleet.servers if not item.health.is_silent}
        late = {item.server_id for item in first if item.cause == LATE and item.server_id in well}
        if not late:
            return first
        again = {item.server_id: item for item in await self._ask_loads()}
        return tuple(again.get(item.server_id, item) if item.server_id in late else item for item in first)

    async def _ask_loads(self) -> tuple[Snapshot, ...]:
        state = self._state
        if not state.servers.fleet.servers:
            raise state.servers.fleet_error or NoServerAvailable("reserve", {})
        asked_at = state.ports.clock.now()
        loads = comfy.read_loads(await state.ports.http.send(comfy.loads_request()))
        listed = ((item.server_id, *loads.get(item.server_id, _NOT_LISTED)) for item in state.servers.fleet.servers)
        return tuple(
            Snapshot(server_id, queue.pending, cause, queue.running, asked_at, self._own(queue))
            for server_id, queue, cause in listed
        )

    def _own(self, queue: comfy.Queue) -> frozenset[PromptId] | None:
        if not self._state.servers.fleet.has_users:
            return None
        return frozenset(item for item in (*queue.running, *queue.pending) if not item.startswith(OTHER))

    async def release(self, prompt_id: PromptId) -> None:
        """Release a place, if there is one."""
        if self.forget(prompt_id):
            await self._unreserve(prompt_id)

    def forget(self, prompt_id: PromptId) -> bool:
        """Release the window's place, but leave what the store has; return whether there was one."""
        window = self._window.restored
        if window is None or prompt_id not in window.reservations:
            return False
        self._state.records.set_window(window.release_reservation(prompt_id))
        return True

    async def stop_waiting(self, prompt_id: PromptId) -> None:
        """Delete the note that a run waits for its turn, so that it holds up no other window."""
        try:
            await self._state.ports.store.release_reservation(prompt_id)
        except StorageError as error:
            log.info("the note about a waiting run ends by itself: %r", error)

    async def _unreserve(self, prompt_id: PromptId) -> None:
        """Delete a place from the store; if that fails now, before the next choice."""
        self._unwritten.pop(prompt_id, None)
        try:
            await self._state.ports.store.release_reservation(prompt_id)
        except StorageError as error:
            self._unreleased.add(prompt_id)
            log.warning("reservation not deleted yet: %r", error)


def expect_turn(turn: Turn, server_id: ServerId) -> None:
    """Raise NotYourTurn if a run has to wait."""
    if not turn.is_now:
        starts_at, left = (turn.eta.ends_at, turn.eta.left) if turn.eta is not None else (None, 0.0)
        raise NotYourTurn("reserve", server_id, turn.own, turn.earlier, turn.others, starts_at, round(left, 1))
