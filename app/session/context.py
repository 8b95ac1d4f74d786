"""What all parts of a session use: its ports, journal, listeners and background work. It belongs to one event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from app.core.balancer import Leaning
from app.core.model import ServerId
from app.core.ports import Ports
from app.core.previews import Previews
from app.session.journal_writer import JournalWriter

log = logging.getLogger("mooring.session")

Listener = Callable[[], None]


class Context:
    """The ports, and who is notified of changes. `project`, `previews` and `leanings` are the user's for new runs."""

    def __init__(self, ports: Ports) -> None:
        self.ports = ports
        self.journal_writer = JournalWriter(ports.clock, ports.journal)
        self.project = ""
        self.previews = Previews.AUTOMATIC
        self.leanings: dict[ServerId, Leaning] = {}
        self._listeners: list[tuple[Listener, Listener | None]] = []
        self._background: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()

    def note(self, kind: str, *, topic: str = "", echo: bool = False, **facts: Any) -> None:
        """Add an entry to the journal. It never fails, and nothing waits for it."""
        self.journal_writer.note(kind, facts, topic=topic, echo=echo)

    # Listeners

    def subscribe(self, listener: Listener, on_move: Listener | None = None) -> Callable[[], None]:
        """Call `listener` after every change, `on_move` after every step of progress; the returned function ends it."""
        entry = listener, on_move
        self._listeners.append(entry)
        return lambda: self._listeners.remove(entry)

    def changed(self) -> None:
        """Notify all listeners of a change."""
        event, self._changed = self._changed, asyncio.Event()
        event.set()
        for listener, _ in tuple(self._listeners):
            listener()

    def moved(self) -> None:
        """Notify those who follow it of a change of progress or previews alone: there are many in a second."""
        for _, on_move in tuple(self._listeners):
            if on_move is not None:
                on_move()

    async def wait_change(self) -> None:
        """Return after the next change; a step of progress is none."""
        await self._changed.wait()

    # Background work

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run in the background. The task is held until it is done, and its error is logged."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._background.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s ended: %r", task.get_name(), error, exc_info=error)

    async def stop(self) -> None:
        """Cancel all background work and wait for it."""
        while self._background:  # what ends may notify a listener that begins something
            for task in self._background:
                task.cancel()
            await asyncio.gather(*self._background, return_exceptions=True)
