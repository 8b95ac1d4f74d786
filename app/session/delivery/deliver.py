"""Delivery of results: each output's bytes are fetched from its task's own server and kept in this browser's store.

It ends as kept (or its thumbnail alone, as the user chose), gone (the real server answered 404), overwritten (the
file is not of this task's time: those bytes are never shown as its result), or not kept (the store is full).
Until then it is retried, for ever. A thumbnail of each picture is kept whatever happens to the picture itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from app.core.errors import (
    AffinityError,
    ComfyError,
    NotOwner,
    StorageError,
    TaskNotFound,
    TransportError,
)
from app.core.model import Delivery, Output, PromptId, Task
from app.core.ports.blobs import Blob
from app.core.window import Window
from app.session.delivery.fetch import fetch_output, with_output
from app.session.state import State
from app.session.timing import first_of

log = logging.getLogger("mooring.session")

FIRST_PAUSE = 1.0  # seconds
LONGEST_PAUSE = 60.0


class Courier:
    """Fetches the undelivered outputs of ended tasks. `on_arrival` is called when an output's record was updated."""

    def __init__(self, state: State, on_arrival: Callable[[], None]) -> None:
        self._state = state
        self._on_arrival = on_arrival
        self._busy: set[PromptId] = set()
        self._hurry = asyncio.Event()

    def refresh(self) -> None:
        """Start a delivery for every ended task that still has something to fetch."""
        window = self._state.window
        for task in window.tasks.values() if isinstance(window, Window) else ():
            if task.state.is_end and not task.is_delivered and task.prompt_id not in self._busy:
                self._busy.add(task.prompt_id)
                self._state.spawn(self._deliver(task.prompt_id), f"deliver {task.prompt_id}")

    def hurry(self) -> None:
        """Retry now."""
        self._hurry.set()
        self.refresh()

    async def _deliver(self, prompt_id: PromptId) -> None:
        pause = FIRST_PAUSE
        try:
            while not await self._deliver_once(prompt_id):
                self._hurry.clear()
                await first_of(self._state.ports.clock.sleep(pause), self._hurry.wait())
                pause = min(LONGEST_PAUSE, pause * 2)
        except (NotOwner, TaskNotFound) as error:
            log.info("no longer delivered: %r", error)
        finally:
            self._busy.discard(prompt_id)

    async def _deliver_once(self, prompt_id: PromptId) -> bool:
        """Try everything that is pending once; return whether all is delivered."""
        task = self._state.get_task("deliver", prompt_id)
        for index, output in enumerate(task.outputs):
            if output.delivery is Delivery.PENDING:
                await self._deliver_output(task, index, output)
        return self._state.get_task("deliver", prompt_id).is_delivered

    async def _deliver_output(self, task: Task, index: int, output: Output) -> None:
        """Try one output once. What cannot be fetched now stays pending."""
        state, prompt_id = self._state, task.prompt_id
        try:
            fetched = await self._fetch(task, index, output)
        except (NotOwner, TaskNotFound) as error:
            state.let_go(task, error)
            raise
        except (TransportError, ComfyError, AffinityError) as error:
            log.info("not delivered yet: %r", error)
            topic = f"deliver {prompt_id} {index}"
            state.note("undelivered", topic=topic, echo=True, prompt_id=prompt_id, index=index, error=error)
            return
        amended = await state.amend(prompt_id, partial(with_output_at, index=index, output=fetched))
        if amended is None or amended.outputs[index] != fetched:
            return
        self._on_arrival()
        state.note(
            "delivered",
            prompt_id=prompt_id,
            server_id=task.server_id,
            index=index,
            delivery=fetched.delivery,
            size=fetched.size,
        )

    async def _fetch(self, task: Task, index: int, output: Output) -> Output:
        fetched, blob = await fetch_output(self._state, task, output)
        return fetched if blob is None else await self._keep(task, index, fetched, blob)

    async def _keep(self, task: Task, index: int, output: Output, blob: Blob) -> Output:
        store, now = self._state.ports.store, self._state.ports.clock.now()
        try:
            await store.keep_thumbnail(task, index, blob, now)
        except StorageError as error:
            log.warning("thumbnail not kept: %r", error)
        try:
            is_kept = await store.keep_result(task, index, blob, now)
        except StorageError as error:
            log.warning("result not kept: %r", error)
            return replace(output, delivery=Delivery.NOT_KEPT)
        return replace(output, delivery=Delivery.KEPT if is_kept else Delivery.THUMBNAIL)


def with_output_at(task: Task, index: int, output: Output) -> Task:
    """Like `with_output`, unless a later poll has changed the order: then its bytes are stored under another index.

    The output stays pending then, and is fetched again.
    """
    return with_output(task, output) if task.outputs[index].file == output.file else task
