"""The crew: more sessions in this tab that send from its waiting line, so that many runs spread over servers.

    crew = Crew(session, ports)
    await session.line.spread(3)          # three servers at a time: this session, and two of its crew
    crew.sessions                         # each with its own id, client_id, mooring and record

A crew session is a window like any other (promises 1 and 9), except that its id is its captain's with a number. So a
reloaded tab resumes the crew sessions that own anything, a duplicated tab has another id and none of them, and when the
tab is closed their work is found and adopted like any window's. Waiting runs are not theirs: a run stays in the
captain's line until one of them registers it, and nothing is lost when a crew session ends.

A crew session chooses its server as a window does, considering the claims of all windows and of the other sessions. It
stays with that server while it has work there, and chooses a new one afterwards. One more is enlisted for a run that
asks for another server than those which hold the line's sessions.
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

MEND = 5.0  # seconds until a failed enlisting is retried


class Crew:
    """Keeps the crew of a tab. It grows as the line needs it, and does not shrink: idle sessions cost nothing."""

    def __init__(self, captain: Session, ports: Ports) -> None:
        self._captain = captain
        self._ports = ports
        self._sessions: dict[int, Session] = {}

    @property
    def sessions(self) -> tuple[Session, ...]:
        """The crew's sessions, in the order of their numbers, without the captain."""
        return tuple(self._sessions[number] for number in sorted(self._sessions))

    @property
    def all_sessions(self) -> tuple[Session, ...]:
        """All sessions of this tab, its own first."""
        return (self._captain, *self.sessions)

    def session_of(self, prompt_id: PromptId) -> Session | None:
        """The session that has this task."""
        return next((item for item in self.all_sessions if item.worker.has_task(prompt_id)), None)

    def holder_of(self, prompt_id: PromptId) -> Session:
        """Return the session that has this task or its unreadable record; the tab's own if none has."""
        for item in self.all_sessions:
            window = item.window
            if isinstance(window, Window) and any(record.prompt_id == prompt_id for record in window.unreadable):
                return item
        return self.session_of(prompt_id) or self._captain

    def wake(self, reason: str) -> None:
        """Wake all sessions of the tab."""
        for session in self.all_sessions:
            session.wake(reason)

    def start(self) -> None:
        """Start keeping the crew. The captain must be running."""
        self._captain.worker.state.spawn(self._keep(), "crew")

    async def stop(self) -> None:
        """Stop all sessions, as a closing page does."""
        for session in self.all_sessions:
            await session.stop()

    async def _keep(self) -> None:
        """Resume the sessions that own anything, then enlist others as the line needs them."""
        state = self._captain.worker.state
        while self._captain.worker.window is None:
            await state.wait_change()
        owing = await self._find_owing(state)
        while True:
            missing = [number for number in sorted({*owing, *self._wanted()}) if number not in self._sessions]
            if not missing:
                self._captain.line.crew_found()
                await state.wait_change()
                continue
            is_complete = all([await self._enlist(state, number) for number in missing])
            self._captain.line.enlisted(is_complete=is_complete)
            self._captain.line.crew_found()
            if not is_complete:
                await state.ports.clock.sleep(MEND)

    def _wanted(self) -> range:
        return range(1, self._captain.line.wanted_sessions)

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
        session.subscribe(state.changed, state.moved)
        await session.start()
        self._captain.line.enlist(session.worker)
        log.info("%s sends from the line too", window_id)
        return True


class _CrewWindows:
    """The Windows port of a crew session: its id is known, and already held."""

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
        self._latest: Fleet | None = None
        self._is_failing = False

    async def first(self) -> Fleet:
        await self._captain.has_fleet.wait()
        self._latest = self._captain.fleet
        return self._latest

    async def changes(self) -> Fleet:
        while True:
            error, fleet = self._captain.fleet_error, self._captain.fleet
            if error is not None and not self._is_failing:
                self._is_failing = True
                raise error
            if error is None and (self._is_failing or fleet != self._latest):
                self._is_failing, self._latest = False, fleet
                return fleet
            await self._captain.wait_change()
