"""One window as its session uses it: how it sends, how much it has ahead, and when it retries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from app.core.errors import ConnectError, MooringError, NoServerAvailable, NotYourTurn, ServerBusy
from app.core.model import PromptId, ServerId, Task
from app.session.facts import RunStage
from app.session.state import State
from app.session.submitting.submit import Submitter
from app.session.watching.deafness import DeafnessDetector
from app.session.watching.socket import WindowSocket
from app.session.window import SessionWindow

FIRST_REST = 2.0  # seconds after a failure that was not the run's fault
LONGEST_REST = 120.0
LONGEST_WHILE_BUSY = 10.0  # a busy server may become free at any moment


@dataclass(slots=True, eq=False)
class WindowWorker:
    """A window that sends, also from the waiting line."""

    window: SessionWindow
    hearing: DeafnessDetector
    socket: WindowSocket
    submitter: Submitter
    sending: PromptId | None = None
    cause: MooringError | None = None  # why the last try failed
    is_resting: bool = False
    tries: int = 0
    _serial: int = field(default=0, repr=False)

    @property
    def state(self) -> State:
        """What the parts of its session share."""
        return self.window.state

    @property
    def ahead(self) -> int:
        """How much holds its window: unfinished prompts, and reservations for runs being sent. Wards do not count."""
        target = self.window.target
        return len(target.holders) if target is not None else 0

    @property
    def locked(self) -> ServerId | None:
        """The server that holds its window."""
        return self.window.locked

    @property
    def is_free(self) -> bool:
        """Whether it holds no server yet, and nothing keeps it from choosing one."""
        return not self.ahead and self.obstacle is None and self.state.records.store_error is None

    @property
    def is_idle(self) -> bool:
        """Whether it could take a run now."""
        is_up = self.window.restored is not None and bool(self.state.servers.fleet.servers)
        return is_up and self.sending is None and self.obstacle is None

    @property
    def obstacle(self) -> MooringError | None:
        """What keeps it from sending."""
        if self.state.servers.fleet_error is not None:
            return self.state.servers.fleet_error
        if self.is_resting:
            return self.cause or MooringError()
        return self.silence

    @property
    def choosing_after(self) -> MooringError | None:
        """Why the run that it is sending could not be sent before, as long as it has no server this time either."""
        if self.sending is None or self.has_task(self.sending):
            return None
        run = self.state.live.runs.get(self.sending)
        return self.cause if run is None or run.stage is RunStage.RESERVING else None

    @property
    def is_held(self) -> bool:
        """Whether it sends nothing, or tries again."""
        return self.sending is None or self.choosing_after is not None

    @property
    def silence(self) -> MooringError | None:
        """That the server which holds its window is known not to answer: it waits, because it may use no other."""
        for task in self.own_unfinished:
            if not task.progress.is_reachable:
                return ConnectError(task.server_id, task.progress.contact_detail)
        server = self.state.servers.fleet.get(self.locked) if self.locked else None
        if server is not None and server.health.is_silent:
            return ConnectError(server.server_id, server.health.value)
        return None

    @property
    def own_unfinished(self) -> tuple[Task, ...]:
        """Its own unfinished tasks."""
        window = self.window.restored
        return tuple(task for task in window.unfinished if task.holds_window) if window is not None else ()

    @property
    def turn(self) -> NotYourTurn | None:
        """What is before its next run, if that waited for its turn when it was tried last."""
        return self.cause if isinstance(self.cause, NotYourTurn) else None

    def has_task(self, prompt_id: PromptId | None) -> bool:
        """Whether that run has become one of its tasks."""
        window = self.window.restored
        return prompt_id is not None and window is not None and prompt_id in window.tasks

    def rest(self, cause: MooringError | None, then: Callable[[], None]) -> None:
        """Take nothing for a while, longer each time; `then` is called at the end."""
        is_new = (self.turn is None) is isinstance(cause, NotYourTurn)  # a failure after a wait, or the other way round
        self.tries = 1 if is_new else self.tries + 1
        self._serial += 1
        is_busy = isinstance(cause, NoServerAvailable) and "busy" in cause.causes.values()
        longest = LONGEST_WHILE_BUSY if is_busy or self.turn is not None else LONGEST_REST
        seconds = min(longest, FIRST_REST * 2.0 ** min(self.tries - 1, 10))
        if isinstance(cause, ServerBusy):
            seconds = max(seconds, self.state.servers.busy_for(cause.server_id) if cause.server_id else 0.0)
            cause = replace(cause, retry_at=self.state.ports.clock.now() + seconds)
        self.cause, self.is_resting = cause, True
        self.state.spawn(self._rested(seconds, self._serial, then), "rest")

    async def _rested(self, seconds: float, serial: int, then: Callable[[], None]) -> None:
        await self.state.ports.clock.sleep(seconds)
        if serial == self._serial:
            self.is_resting = False
            then()

    def hurry(self) -> None:
        """Retry now, because something has changed."""
        self._serial += 1
        self.is_resting = False

    def succeeded(self) -> None:
        """Forget earlier failures, because the last try succeeded."""
        self.cause, self.tries = None, 0
