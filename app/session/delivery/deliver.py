"""Delivery of results: each output's bytes are fetched from its task's own server and kept in this browser's store.

It ends as kept (or its thumbnail alone, as the user chose), gone (the real server answered 404), overwritten (the
file is not of this task's time: those bytes are never shown as its result), or not kept (the store is full).
Until then it is retried, for ever. A thumbnail of each picture is kept whatever happens to the picture itself.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from app.core.errors import (
    AffinityError,
    ComfyError,
    NotOwner,
    StorageError,
    TaskNotFound,
    TransportError,
)
from app.core.file_facts import HEAD, has_facts, read_beginning, read_facts
from app.core.model import Delivery, Output, PromptId, Task
from app.core.ports.blobs import Blob
from app.session.delivery.fetch import fetch_output
from app.session.delivery.past import Past
from app.session.delivery.results import Results
from app.session.state import State
from app.session.timing import first_of
from wire.media import viewer_of

log = logging.getLogger("mooring.session")

FIRST_PAUSE = 1.0  # seconds
LONGEST_PAUSE = 60.0


class Courier:
    """Fetches the undelivered outputs of ended tasks."""

    def __init__(self, state: State, results: Results, past: Past) -> None:
        self._state = state
        self._results = results
        self._past = past
        self._busy: set[PromptId] = set()
        self._hurry = asyncio.Event()

    def deliver(self, task: Task) -> None:
        """Fetch what is left of an ended task in the background, unless that is under way."""
        if task.state.is_end and not task.is_delivered and task.prompt_id not in self._busy:
            self._busy.add(task.prompt_id)
            self._state.spawn(self._deliver(task.prompt_id), f"deliver {task.prompt_id}")

    def hurry(self) -> None:
        """Deliver all ended tasks, and retry now what has failed."""
        self._hurry.set()
        for task in self._state.records.tasks.values():
            self.deliver(task)

    async def _deliver(self, prompt_id: PromptId) -> None:
        pause = FIRST_PAUSE
        try:
            while True:
                task = self._state.records.get_task("deliver", prompt_id)
                for index, output in enumerate(task.delivery.outputs):
                    if output.delivery is Delivery.PENDING:
                        await self._deliver_output(task, index, output)
                if self._state.records.get_task("deliver", prompt_id).is_delivered:
                    return
                self._hurry.clear()
                wait = max(pause, self._state.servers.busy_for(task.server_id))
                await first_of(self._state.ports.clock.sleep(wait), self._hurry.wait())
                pause = min(LONGEST_PAUSE, pause * 2)
        except (NotOwner, TaskNotFound) as error:
            log.info("no longer delivered: %r", error)
        finally:
            self._busy.discard(prompt_id)

    async def _deliver_output(self, task: Task, index: int, output: Output) -> None:
        """Try one output once. What cannot be fetched now stays pending."""
        state, prompt_id = self._state, task.prompt_id
        try:
            fetched, blob = await fetch_output(state, task, output)
            if blob is not None:
                fetched = await self._keep(task, index, await _with_facts(fetched, blob), blob)
        except (NotOwner, TaskNotFound) as error:
            state.records.disown(task, error)
            raise
        except (TransportError, ComfyError, AffinityError) as error:
            log.info("not delivered yet: %r", error)
            topic = f"deliver {prompt_id} {index}"
            state.note("undelivered", topic=topic, echo=True, prompt_id=prompt_id, index=index, error=error)
            return
        fresh = None if blob is None else await self._results.read_fresh(prompt_id, index)
        amended = await state.records.amend_delivery(prompt_id, lambda known: known.with_output_at(index, fetched))
        if amended is None or amended.delivery.outputs[index] != fetched:
            return
        self._results.arrived(prompt_id, index, fresh)
        self._past.refresh()
        state.note(
            "delivered",
            prompt_id=prompt_id,
            server_id=task.server_id,
            index=index,
            delivery=fetched.delivery,
            size=fetched.size,
        )

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


async def _with_facts(output: Output, blob: Blob) -> Output:
    """Return the output with what its first bytes say; they stay in the record even if the bytes are not kept."""
    if output.is_text or not has_facts(output.filename, output.media_type):
        return output
    head = await blob.read(HEAD)
    is_text = viewer_of(output.media_type, output.filename) == "text"
    text = read_beginning(head) if is_text else ""
    return replace(output, facts=read_facts(output.filename, head), text=text)
