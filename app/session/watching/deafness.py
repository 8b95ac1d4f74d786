"""Whether the open socket still delivers: a poll that saw more proves it deaf, silence proves nothing (promise 7).

ComfyUI forgets a client_id when either of two sockets under it closes; the other stays open and receives nothing
more (docs/comfyui.md 4). So when a poll shows that a task began or ended while this socket was open, the socket should
have reported it. If it has not, seconds after all received messages were handled, it is deaf: closed and reopened.

Silence alone has innocent reasons (minutes of model loading). It leads to frequent polls, and reopens the
socket at doubling intervals, which does no harm.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Container
from dataclasses import dataclass, field, replace

from app.core import events
from app.core.evidence import Evidence, Finished, Seen
from app.core.model import PromptId, Task, TaskState
from app.core.ports.sockets import Connection
from app.session.window import SessionWindow

log = logging.getLogger("mooring.session")

REPORTS_WITHIN = 4.0  # seconds; history is written before the last event is sent, 1.6 ms on an idle server
FIRST_SILENCE = 60.0  # seconds without a message while a task of ours runs, before the socket is reopened
LONGEST_SILENCE = 1800.0


@dataclass(slots=True)
class OpenPeriod:
    """One opening of the socket: when, the states of our tasks since then, and which events it delivered."""

    connection: Connection
    since: float  # by the clock that is never set
    opened_at: float
    states: dict[PromptId, TaskState] = field(default_factory=dict)
    reported: dict[PromptId, set[str]] = field(default_factory=dict)

    def keep(self, held: Container[PromptId]) -> None:
        """Forget tasks that the window no longer holds: a socket may stay open for thousands of them."""
        self.states = {prompt_id: state for prompt_id, state in self.states.items() if prompt_id in held}
        self.reported = {prompt_id: news for prompt_id, news in self.reported.items() if prompt_id in held}


class DeafnessDetector:
    """Compares polls with the socket's events, and closes a deaf socket; `WindowSocket` reopens it."""

    def __init__(self, window: SessionWindow) -> None:
        self._window = window
        self._state = window.state
        self._opening: OpenPeriod | None = None
        self._patience = FIRST_SILENCE
        self.taking_in = asyncio.Lock()  # held while arrived messages are handled: until then, none of them is missing

    def opened(self, connection: Connection) -> None:
        """Note that the socket is open: from now on it should deliver events."""
        clock = self._state.ports.clock
        self._opening = OpenPeriod(connection, clock.steady(), clock.now())
        self._state.spawn(self._mind_silence(self._opening), "mind silence")

    def closed(self) -> None:
        """Note that the socket is closed: nothing is expected of it."""
        self._opening = None

    def heard(self, prompt_id: PromptId, message: events.Message) -> None:
        """Note an event about a task of ours."""
        if self._opening is None:
            return
        self._patience = FIRST_SILENCE
        if prompt_id not in self._opening.reported:
            self._opening.keep(self._window.get("watch").tasks)
        reported = self._opening.reported.setdefault(prompt_id, set())
        reported.add("end" if isinstance(message, events.EndMessage) else "start")

    def seen(self, task: Task, evidence: Evidence, began: float) -> None:
        """Compare a poll that found a task running or ended with the events that the socket should have delivered.

        A poll that began before the socket opened may have been answered by a server that was restarted since; `began`
        is of the clock that is never set.
        """
        opening = self._opening
        if opening is None or began < opening.since or not self._is_reported_here(task):
            return
        states = opening.states.get(task.prompt_id)
        was_ahead = states is TaskState.QUEUED or (states is None and task.created_at > opening.opened_at)
        match evidence:
            case Seen(_, is_running):
                opening.states[task.prompt_id] = TaskState.RUNNING if is_running else TaskState.QUEUED
                if is_running and was_ahead:
                    self._expect(opening, task.prompt_id, {"start", "end"})
            case Finished() if was_ahead or states is TaskState.RUNNING:
                self._expect(opening, task.prompt_id, {"end"})

    def has_had(self, task: Task) -> bool:
        """Return whether the task was seen on its server since this socket opened, so without a restart between."""
        opening = self._opening
        return opening is not None and task.prompt_id in opening.states and self._is_reported_here(task)

    def _is_reported_here(self, task: Task) -> bool:
        socket, window = self._window.socket, self._window.get("watch")
        is_mine = task.client_id == window.client_id and not task.is_ward
        return is_mine and socket.state == "open" and socket.server_id == task.server_id

    def _expect(self, opening: OpenPeriod, prompt_id: PromptId, news: set[str]) -> None:
        if not news & opening.reported.get(prompt_id, set()):
            self._state.spawn(self._prove(opening, prompt_id, news), "prove deafness")

    async def _prove(self, opening: OpenPeriod, prompt_id: PromptId, news: set[str]) -> None:
        await self._state.ports.clock.sleep(REPORTS_WITHIN)
        async with self.taking_in:
            pass
        if self._opening is not opening or news & opening.reported.get(prompt_id, set()):
            return
        log.warning("the socket is deaf: it did not report %s of %s", min(news), prompt_id)
        self._window.set_socket(replace(self._window.socket, deaf=self._window.socket.deaf + 1))
        await self._reopen(opening, "deaf")

    async def _mind_silence(self, opening: OpenPeriod) -> None:
        clock = self._state.ports.clock
        while self._opening is opening:
            await clock.sleep(self._patience / 4)
            last = self._window.socket.last_event_at or opening.since
            is_silent = clock.steady() - max(last, opening.since) >= self._patience
            if self._opening is opening and is_silent and self._has_running():
                log.info("silent for %.0f s; reopening the socket", self._patience)
                self._patience = min(LONGEST_SILENCE, self._patience * 2)
                await self._reopen(opening, "silent")

    async def _reopen(self, opening: OpenPeriod, cause: str) -> None:
        """Close the socket, which is reopened to the same server. A second missing event during that proves nothing."""
        self._opening = None
        log.info("closing the socket: %s", cause)
        self._state.note("socket_reopened", server_id=self._window.socket.server_id, cause=cause)
        await opening.connection.close()

    def _has_running(self) -> bool:
        unfinished = self._window.get("watch").unfinished
        return any(task.state is TaskState.RUNNING and self._is_reported_here(task) for task in unfinished)
