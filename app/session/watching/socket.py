"""The window's one socket: open to the server that holds the window, and to no other.

It reconnects to that same server for as long as work is pending there, and closes after a short grace when the window
is free. It is open once the server has greeted: the gateway answers before it has reached the server, and if it does
not, closes with a code of its own (4502 and the like: a failed connect, which is retried). Only `REPLACED` ends the
retries.

Messages are passed on by prompt_id; one about another user's prompt, or about none, is dropped. A preview that names
none is of the prompt that runs, by the messages before it: a server runs one prompt at a time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import NoReturn

from app.core import comfy, events
from app.core.errors import AffinityError, ServerMoved, SocketClosed
from app.core.model import PromptId, Task
from app.core.ports.sockets import BinaryFrame, Connection, Frame
from app.core.window import Moored, get_api_base_url
from app.session.facts import Preview, SocketFacts
from app.session.timing import first_of, until_set
from app.session.watching.deafness import DeafnessDetector
from app.session.watching.forecast import Forecast
from app.session.watching.watch import Watch
from app.session.window import SessionWindow

log = logging.getLogger("mooring.session")

OPEN_DEADLINE = 15.0  # seconds
GREETING_DEADLINE = 30.0  # the gateway may wait for an older socket of ours to end, then for the server
REPLACED = 4409  # the gateway's close code: another page has opened a socket under our client_id
GONE = frozenset({4404, 4410})  # gateway codes: the fleet no longer has this server, or has it at another address
BRIEFLY = 2.0  # how long a run waits for the socket before it continues without
GRACE = 5.0  # the socket stays that long after the last work, for the next click
FIRST_BACKOFF = 0.5
LONGEST_BACKOFF = 30.0
USUAL_RATE = 8  # frames a second of an animated preview that was not announced
UNTIL_REPORTED = 5.0  # at least: the fleet is about to report where that server is, and earlier attempts would fail


class WindowSocket:
    """Keeps the socket where the mooring is."""

    def __init__(self, window: SessionWindow, watch: Watch, forecast: Forecast, hearing: DeafnessDetector) -> None:
        self._window = window
        self._state = window.state
        self._watch = watch
        self._forecast = forecast
        self._hearing = hearing
        self._connection: Connection | None = None
        self._hurry = asyncio.Event()
        self._retake = asyncio.Event()
        self._greeted = asyncio.Event()
        self._serial = 0
        self._running: PromptId | None = None  # by the messages of this connection, whosever it is
        self._rate = USUAL_RATE
        self._remaining = 0  # prompts on the server, by the last message on the socket

    def hurry(self) -> None:
        """End a backoff early: the network is back, or the window woke up."""
        self._hurry.set()

    def retake(self) -> None:
        """Allow a replaced socket to be reopened: the user is at this window."""
        self._retake.set()

    async def connect_briefly(self) -> None:
        """Wait for the socket, but not for long: polling alone is enough."""
        if self._window.socket.state == "replaced":
            return
        target = self._window.target
        if target is None or target.server_id != self._window.socket.server_id:
            self._greeted.clear()  # the greeting was another server's
        self._hurry.set()
        await until_set(self._greeted, self._state.ports.clock, BRIEFLY)

    def reset(self) -> None:
        """Close the socket, as the user asked, and reopen it to the same server; if it is not open, open it now."""
        self.hurry()
        self.retake()
        if self._connection is not None:
            log.info("closing the socket: asked")
            self._state.note("socket_reopened", server_id=self._window.socket.server_id, cause="asked")
            self._state.spawn(self._connection.close(), "close socket")

    async def keep(self) -> None:
        """Keep the socket where the mooring is, for as long as the window lives."""
        failures = 0
        while True:
            target = self._window.target
            if target is None:
                self._hurry.clear()
                await first_of(self._state.wait_change(), self._hurry.wait())
                failures = 0
                continue
            try:
                await self._live(target)
            except (SocketClosed, AffinityError) as error:
                failures = 1 if self._window.socket.state in {"open", "closing"} else failures + 1
                log.info("socket to %s: %r", target.server_id, error)
                self._state.note(
                    "socket_ended",
                    topic=f"socket of {self._window.window_id}",
                    echo=True,
                    server_id=target.server_id,
                    error=error,
                )
                if isinstance(error, SocketClosed) and error.code == REPLACED:
                    await self._stand_back()
                    continue
                is_gone = isinstance(error, SocketClosed) and error.code in GONE
                await self._after(target, failures, UNTIL_REPORTED if is_gone else 0.0)

    async def _stand_back(self) -> None:
        """Wait, because another page has our client_id: both would replace each other's socket without end.

        Polling alone delivers every task. The next attempt is when the user is at this window, or asks for it.
        """
        self._greeted.clear()
        self._retake.clear()
        self._watch.doubt(self._window.socket.server_id)
        log.warning("another page has this window's client_id and keeps its socket")
        self._show(replace(self._window.socket, state="replaced", url=""))
        await self._retake.wait()
        self._show(SocketFacts(reconnects=self._window.socket.reconnects, deaf=self._window.socket.deaf))

    async def _after(self, tried: Moored, failures: int, least: float) -> None:
        self._greeted.clear()
        self._watch.doubt(self._window.socket.server_id)  # polling finds what was missed
        target = self._window.target
        if target is None or target.server_id != tried.server_id:  # nothing has failed
            self._show(SocketFacts(reconnects=self._window.socket.reconnects, deaf=self._window.socket.deaf))
            return
        self._show(replace(self._window.socket, state="waiting", url="", reconnects=self._window.socket.reconnects + 1))
        ceiling = min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** min(failures, 10))
        self._hurry.clear()
        pause = max(least, ceiling * self._state.ports.random.fraction())
        await first_of(self._state.ports.clock.sleep(pause), self._hurry.wait())

    async def _live(self, target: Moored) -> NoReturn:
        """Open the socket and take in what it delivers, until SocketClosed or AffinityError."""
        state = self._state
        client_id = self._window.get("connect").client_id
        base = get_api_base_url("connect", target, state.servers.fleet)
        facts = SocketFacts(
            server_id=target.server_id, reconnects=self._window.socket.reconnects, deaf=self._window.socket.deaf
        )
        self._show(replace(facts, state="opening", base=base))
        path = comfy.socket_path(base, client_id)
        connection = self._connection = await state.ports.sockets.open(path, OPEN_DEADLINE)
        self._running = None
        leaving = state.spawn(self._leave_when_free(target, base, connection), "leave when free")
        waiting = state.spawn(self._leave_ungreeted(connection), "leave ungreeted")
        try:
            await connection.send(events.FLAGS)
            self._show(replace(self._window.socket, url=connection.url))
            while True:
                await self._hear(target, connection)
        finally:
            leaving.cancel()
            waiting.cancel()
            self._hearing.closed()
            self._forecast.interrupted(self._window.get("watch").tasks)
            self._connection = None
            await connection.close()

    async def _leave_ungreeted(self, connection: Connection) -> None:
        """Close a socket on which the server sends nothing: ComfyUI greets every client."""
        await self._state.ports.clock.sleep(GREETING_DEADLINE)
        if self._window.socket.state == "opening":
            log.info("no greeting on the socket to %s", self._window.socket.server_id)
            await connection.close()

    async def _leave_when_free(self, target: Moored, base: str, connection: Connection) -> None:
        """Close once nothing holds the window (after a grace), or another server does."""
        while True:
            now = self._window.target
            if now is None:
                await first_of(self._state.ports.clock.sleep(GRACE), self._until_moored())
                now = self._window.target
            if now is None or not self._is_still_at(now, target, base):
                self._show(replace(self._window.socket, state="closing"))
                await connection.close()
                return
            await self._state.wait_change()

    def _is_still_at(self, now: Moored, target: Moored, base: str) -> bool:
        """Whether a socket opened to `target` at `base` is where the mooring is now; not if that server moved."""
        try:
            is_there = get_api_base_url("connect", now, self._state.servers.fleet) == base
        except ServerMoved:
            return False
        return is_there and (now.server_id, now.address) == (target.server_id, target.address)

    async def _until_moored(self) -> None:
        while self._window.target is None:
            await self._state.wait_change()

    def _show(self, facts: SocketFacts) -> None:
        was = self._window.socket
        self._window.set_socket(facts)
        if (was.server_id, was.state) != (facts.server_id, facts.state):
            is_retry = facts.state in {"opening", "waiting"}
            window_id = self._window.window_id
            self._state.note(
                "socket", topic=f"socket of {window_id}", echo=is_retry, window_id=window_id, **asdict(facts)
            )
        self._state.changed()

    # Messages

    async def _hear(self, target: Moored, connection: Connection) -> None:
        frames = await connection.receive()
        if self._window.socket.state == "opening":  # it is open now: the server itself has sent something
            self._show(replace(self._window.socket, state="open"))
            self._hearing.opened(connection)
            self._watch.poll_soon()
        async with self._hearing.taking_in:
            await self._take_in(target, frames)
        self._window.set_socket(replace(self._window.socket, last_event_at=self._state.ports.clock.steady()))
        self._state.moved()

    async def _take_in(self, target: Moored, frames: Sequence[Frame]) -> None:
        for frame in frames:
            message = events.read_text(frame) if isinstance(frame, str) else events.read_binary(frame.head)
            if isinstance(message, events.StatusMessage | events.UnknownMessage):
                self._greeted.set()
                if isinstance(message, events.StatusMessage):
                    self._count(target, message.queue_remaining)
                continue
            prompt_id = self._prompt_of(message)
            task = self._mine(target, prompt_id)
            if task is not None:
                self._hearing.heard(task.prompt_id, message)
                await self._handle(task, message, frame)
                if (task := self._mine(target, prompt_id)) is not None:  # reread: it may have ended
                    self._forecast.received(task, message)

    def _count(self, target: Moored, remaining: int) -> None:
        """Note how many prompts remain; only this message shows that another user has removed waiting ones."""
        if remaining < self._remaining:
            self._watch.queue_shrank(target.server_id)
        self._remaining = remaining

    def _prompt_of(self, message: events.Message) -> PromptId | None:
        """The prompt that a message is about; of a preview that names none, the running one."""
        match message:
            case events.AnimationMessage() | events.PreviewMessage(prompt_id=None):
                return self._running
            case events.ExecutingMessage(prompt_id, node=None):
                self._running = None
                return prompt_id
        prompt_id = getattr(message, "prompt_id", None)
        self._running = prompt_id or self._running
        return prompt_id

    def _mine(self, target: Moored, prompt_id: PromptId | None) -> Task | None:
        """That task, if it is this window's and on this socket's server."""
        window = self._window.restored
        task = window.tasks.get(prompt_id) if window is not None and prompt_id else None
        is_here = task is not None and (task.server_id, task.address) == (target.server_id, target.address)
        return task if is_here else None

    async def _handle(self, task: Task, message: events.Message, frame: Frame) -> None:
        now, age = self._state.ports.clock.now(), self._state.live.age_of(task.prompt_id)
        self._watch.movements.moved(task.prompt_id)
        if (evidence := events.evidence_of(message, now, age)) is not None:
            await self._state.records.witness(task.prompt_id, evidence)
        match message:
            case events.EndMessage() | events.ExecutingMessage(node=None):
                self._watch.poll_soon()
            case events.PreviewMessage() if isinstance(frame, BinaryFrame):
                self._preview(task, message, frame)
            case events.AnimationMessage():
                self._rate = message.rate
                if (preview := self._state.live.previews.get(task.prompt_id)) is not None:
                    self._state.live.show_preview(task.prompt_id, replace(preview, frames={}))

    def _preview(self, task: Task, message: events.PreviewMessage, frame: BinaryFrame) -> None:
        if task.state.is_end:
            return
        self._serial += 1
        preview = Preview(
            frame.image(message.offset).body,
            message.media_type,
            self._serial,
            message.node,
            is_named=message.prompt_id is not None,
        )
        if message.index is not None:
            preview = preview.as_frame(message.index, self._rate, self._state.live.previews.get(task.prompt_id))
        self._state.live.show_preview(task.prompt_id, preview)
