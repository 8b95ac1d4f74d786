"""The crew: more sessions in this tab that take from its waiting line, so that many runs spread over servers.

    crew = Crew(session, ports)
    await session.line.spread(3)          # three servers at a time: this session, and two of its crew
    crew.sessions                         # each with its own id, client_id, mooring and record

A crew session is a window like any other (promises 1 and 9), only that its id is its captain's with a number: a reload
of the tab takes up again whichever of them own anything, a duplicated tab has another id and so none of them, and when
the tab is gone their work is found and adopted as any window's. What waits is not theirs: it stays in the captain's
line until one of them registers it, and goes nowhere when a crew session ends.

A crew session chooses its server as a window does, beside the claims of all windows and of the other crew sessions; so
it stays with one while it has work there, and chooses again when that work has ended.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from app.core.errors import InvalidTransition, StorageError
from app.core.model import Fleet, PromptId, WindowId
from app.core.ports import Ports
from app.core.ports.windows import Identity, Windows
from app.core.waiting_runs import captain_of, crew_id, crew_number
from app.core.window import Window
from app.session.session import Session
from app.session.state import State

log = logging.getLogger("mooring.session")

MEND = 5.0  # seconds until what could not be enlisted is tried again


class Crew:
    """See the module. It grows as the line asks for it, and does not shrink: idle sessions cost nothing."""

    def __init__(self, captain: Session, ports: Ports) -> None:
        self._captain = captain
        self._ports = ports
        self._sessions: dict[int, Session] = {}

    @property
    def sessions(self) -> tuple[Session, ...]:
        """The crew's sessions, by their numbers, without the captain."""
        return tuple(self._sessions[number] for number in sorted(self._sessions))

    @property
    def everybody(self) -> tuple[Session, ...]:
        """All sessions of this tab, its own first."""
        return (self._captain, *self.sessions)

    def session_of(self, prompt_id: PromptId) -> Session | None:
        """The session that has this task."""
        return next((item for item in self.everybody if item.worker.has_task(prompt_id)), None)

    def holder_of(self, prompt_id: PromptId) -> Session:
        """Return the session that has this task or its unreadable record; the tab's own if none has."""
        for item in self.everybody:
            window = item.window
            if isinstance(window, Window) and any(record.prompt_id == prompt_id for record in window.unreadable):
                return item
        return self.session_of(prompt_id) or self._captain

    def wake(self, reason: str) -> None:
        """Something woke the tab."""
        for session in self.everybody:
            session.wake(reason)

    def start(self) -> None:
        """Begin to keep the crew; the captain has been started."""
        self._captain.worker.state.spawn(self._keep(), "crew")

    async def stop(self) -> None:
        """End them all, as a closing page does."""
        for session in self.everybody:
            await session.stop()

    async def _keep(self) -> None:
        """Take up again who owns anything, and then enlist as the line asks for it."""
        state = self._captain.worker.state
        while self._captain.worker.window is None:
            await state.wait_change()
        owing = await self._find_owing(state)
        while True:
            missing = [number for number in sorted({*owing, *self._wanted()}) if number not in self._sessions]
            if not missing:
                await state.wait_change()
                continue
            is_complete = all([await self._enlist(state, number) for number in missing])
            self._captain.line.enlisted(is_complete=is_complete)
            if not is_complete:
                await state.ports.clock.sleep(MEND)

    def _wanted(self) -> range:
        line = self._captain.line.line
        return range(1, line.hands if line is not None and line.entries else 1)

    async def _find_owing(self, state: State) -> frozenset[int]:
        """The numbers of the crew sessions that have records; without the store no session can work anyway."""
        me = state.get_window("crew").window_id
        while True:
            try:
                records = await state.ports.store.read_tasks()
            except StorageError as error:
                log.warning("the crew is not known yet: %r", error)
                await state.ports.clock.sleep(MEND)
                continue
            owners = {task.owner for task in records.tasks} | {item.owner for item in records.unreadable}
            numbers = (crew_number(owner) for owner in owners if owner is not None and captain_of(owner) == me)
            return frozenset(number for number in numbers if number is not None)

    async def _enlist(self, state: State, number: int) -> bool:
        window_id = crew_id(state.get_window("crew").window_id, number)
        if not await self._ports.windows.enlist(window_id):
            log.warning("%s is held by another page", window_id)
            return False
        ports = replace(self._ports, windows=_CrewWindows(window_id, self._ports.windows), fleet=_SharedFleet(state))
        session = self._sessions[number] = Session(ports, self._captain)
        session.subscribe(state.changed)
        await session.start()
        self._captain.line.enlist(session.worker)
        log.info("%s takes from the line too", window_id)
        return True


class _CrewWindows:
    """The Windows port of a crew session: its id is known, and is held already."""

    def __init__(self, window_id: WindowId, windows: Windows) -> None:
        self._window_id = window_id
        self._windows = windows

    async def claim(self) -> Identity:
        return Identity(self._window_id, is_new=False)

    async def enlist(self, window_id: WindowId) -> bool:
        """Raise: a crew session has no crew of its own."""
        raise InvalidTransition("enlist", f"{window_id} by {self._window_id}")

    async def is_alive(self, window_id: WindowId) -> bool | None:
        return await self._windows.is_alive(window_id)


class _SharedFleet:
    """The FleetSource port of a crew session: what its captain has received, errors included."""

    def __init__(self, captain: State) -> None:
        self._captain = captain
        self._told: Fleet | None = None
        self._is_failing = False

    async def first(self) -> Fleet:
        await self._captain.has_fleet.wait()
        self._told = self._captain.fleet
        return self._told

    async def changes(self) -> Fleet:
        while True:
            error, fleet = self._captain.fleet_error, self._captain.fleet
            if error is not None and not self._is_failing:
                self._is_failing = True
                raise error
            if error is None and (self._is_failing or fleet != self._told):
                self._is_failing, self._told = False, fleet
                return fleet
            await self._captain.wait_change()
