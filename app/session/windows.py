"""The windows of a session: its own, and others that send from the same waiting line, so that runs spread over servers.

    await session.line.spread(3)          # three servers at a time: the own window, and two more
    session.workers                       # each with its own id, client_id, mooring and socket

Each is a window like any other (promises 1 and 9); the id of another one is that of the own with a number. So a
reloaded tab opens those again that own anything, a duplicated tab has another id and none of them, and when the tab is
closed their work is found and adopted like any window's. Waiting runs are not theirs: a run stays in the session's line
until one of them registers it.

Each chooses its server as a window does, considering the claims of all windows. It stays with that server while it has
work there, and chooses a new one afterwards. One more is opened for a run that asks for another server than those which
hold the windows of the line.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from app.core.errors import StorageError
from app.core.model import PromptId, Task, WindowId
from app.core.waiting_runs import numbered_window, own_window_of, window_number
from app.session.restore import Restorer
from app.session.state import State
from app.session.waiting.waiting_runs import WaitingLine
from app.session.waiting.worker import WindowWorker
from app.session.watching.deafness import DeafnessDetector
from app.session.window import SessionWindow

log = logging.getLogger("mooring.session")

MEND = 5.0  # seconds until a failed opening is retried

MakeWorker = Callable[[SessionWindow], WindowWorker]


class SessionWindows:
    """Opens windows as the line needs them. None is closed before the page: an idle one costs nothing.

    `opened` is called for each that has been opened.
    """

    def __init__(self, state: State, make_worker: MakeWorker, restorer: Restorer, opened: Callable[[], None]) -> None:
        self._state = state
        self._make_worker = make_worker
        self._restorer = restorer
        self._opened = opened
        self.own = make_worker(SessionWindow(state))
        self._others: dict[int, WindowWorker] = {}

    @property
    def workers(self) -> tuple[WindowWorker, ...]:
        """All windows of this session, its own first, the others in the order of their numbers."""
        return (self.own, *(self._others[number] for number in sorted(self._others)))

    def of_task(self, prompt_id: PromptId) -> WindowWorker:
        """Return the window that has this task or its unreadable record; the session's own if none has."""
        window = self._state.records.window_of(prompt_id)
        found = (worker for worker in self.workers if window and worker.window.window_id == window.window_id)
        return next(found, self.own)

    def hearing_of(self, task: Task) -> DeafnessDetector:
        """Return the detector of the socket that reports on this task."""
        found = (worker for worker in self.workers if worker.window.window_id == task.owner)
        return next(found, self.own).hearing

    async def claim(self, window_id: WindowId) -> None:
        """Open the session's own window, whose id the page has claimed, and read its records."""
        self.own.window.window_id = window_id
        await self._open(self.own, window_id)

    async def restore(self) -> None:
        """Read the records of those windows for which that has failed."""
        for window_id in self._state.records.window_ids:
            await self._restorer.restore(window_id)

    async def _open(self, worker: WindowWorker, window_id: WindowId) -> None:
        self._state.records.open_window(window_id)
        await self._restorer.restore(window_id)
        self._opened()
        self._state.spawn(worker.socket.keep(), f"socket of {window_id}")

    async def keep(self, line: WaitingLine) -> None:
        """Open the windows that own anything, then others as the line needs them."""
        state = self._state
        while not state.records.windows:
            await state.wait_change()
        owing = await self._find_owing()
        while True:
            missing = [number for number in {*owing, *range(1, line.wanted_windows)} if number not in self._others]
            if not missing:
                line.windows_found()
                await state.wait_change()
                continue
            is_complete = all([await self._open_another(number, line) for number in sorted(missing)])
            line.opened(is_complete=is_complete)
            line.windows_found()
            if not is_complete:
                await state.ports.clock.sleep(MEND)

    async def _find_owing(self) -> frozenset[int]:
        """The numbers of the windows that have records; without the store no window can work anyway."""
        state = self._state
        own = state.records.get_window("open").window_id
        while True:
            try:
                records = await state.ports.store.read_tasks()
            except StorageError as error:
                log.warning("the windows of the session are not known yet: %r", error)
                await state.ports.clock.sleep(MEND)
                continue
            owners = {task.owner for task in records.tasks} | {item.owner for item in records.unreadable}
            numbers = (window_number(owner) for owner in owners if owner is not None and own_window_of(owner) == own)
            return frozenset(number for number in numbers if number is not None)

    async def _open_another(self, number: int, line: WaitingLine) -> bool:
        window_id = numbered_window(self._state.records.get_window("open").window_id, number)
        if not await self._state.ports.windows.claim_other(window_id):
            log.warning("%s is held by another page", window_id)
            return False
        worker = self._others[number] = self._make_worker(SessionWindow(self._state, window_id))
        await self._open(worker, window_id)
        line.add_window(worker)
        log.info("%s sends from the line too", window_id)
        return True
