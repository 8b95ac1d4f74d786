"""The results kept in this browser, and how much: reading, settings, deleting, fetching what is not kept.

A kept result may have been dropped for newer ones, by any window. `_sweep` then updates the task's record, so that the
page says so instead of showing nothing; the server is asked for the picture only when the user opens
it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from app.core.errors import StorageError, TaskNotFound
from app.core.model import Delivery, PromptId, Task, TaskDelivery
from app.core.ports.blobs import Blob, KeepSettings, Usage
from app.session.delivery.fetch import fetch_output
from app.session.facts import Fresh
from app.session.state import State

log = logging.getLogger("mooring.session")

MOST_FRESH = 8  # deliveries; a hidden page draws none, and reads them from the store once it is shown


class Results:
    """The kept results, as the page sees them."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._is_due = False
        self._is_promise_sought = False
        self._fresh: dict[tuple[PromptId, int], Fresh] = {}
        self._usage: Usage | None = None
        self.deletions = 0  # how often this window has deleted everything

    @property
    def usage(self) -> Usage | None:
        """How much all windows keep, as it was at the last `refresh` of this tab."""
        return self._usage

    # One result

    async def read(self, prompt_id: PromptId, index: int = 0) -> Blob | None:
        """Return the bytes of one output as kept in this browser, or None."""
        kept = await self._state.ports.store.read_result(prompt_id, index)
        return kept.blob if kept else None

    async def read_thumbnail(self, prompt_id: PromptId, index: int = 0) -> Blob | None:
        """Return a thumbnail of one output, or None."""
        return await self._state.ports.store.read_thumbnail(prompt_id, index)

    async def read_fresh(self, prompt_id: PromptId, index: int) -> Fresh | None:
        """Read what has just been kept of an output; None if the store does not answer."""
        try:
            return Fresh(await self.read(prompt_id, index), await self.read_thumbnail(prompt_id, index))
        except StorageError as error:
            log.info("not read: %r", error)
            return None

    def take_fresh(self) -> Mapping[tuple[PromptId, int], Fresh]:
        """Return the latest deliveries, each once: the page draws them together with their records."""
        fresh, self._fresh = self._fresh, {}
        return fresh

    async def fetch(self, prompt_id: PromptId, index: int = 0) -> Blob | None:
        """Fetch an output that is not kept from its task's own server; None if that no longer has it.

        In that case the record says why: gone, or overwritten. Raises the error that kept the server from answering.
        """
        task = await self._task(prompt_id)
        output = task.delivery.outputs[index]
        if task is self._state.live.visited.get(prompt_id):
            output = replace(output, delivery=Delivery.PENDING)  # it was never fetched here
        fetched, blob = await fetch_output(self._state, task, output)
        if blob is None and output.delivery.is_fetchable and prompt_id in self._state.records.tasks:
            await self._state.records.amend_delivery(prompt_id, lambda known: known.with_output(fetched))
        return blob

    async def keep_drawing(self, prompt_id: PromptId, index: int, drawing: Blob) -> None:
        """Keep a picture of a 3D model as its thumbnail, if the task is one of this session's."""
        task = self._state.records.tasks.get(prompt_id)
        if task is not None:
            await self._state.ports.store.keep_thumbnail(task, index, drawing, self._state.ports.clock.now())

    async def _task(self, prompt_id: PromptId) -> Task:
        """A task of this session, a past task, or one that only its server knows."""
        tasks, past = self._state.records.tasks, self._state.ports.past
        if prompt_id not in tasks and past is not None and (task := await past.read_past_task(prompt_id)):
            return task
        if prompt_id not in tasks and (visited := self._state.live.visited.get(prompt_id)) is not None:
            return visited
        return self._state.records.get_task("fetch", prompt_id)

    # All of them

    def refresh_soon(self) -> None:
        """Refresh in the background; many requests in a row cause one refresh."""
        if not self._is_due:
            self._is_due = True
            self._state.spawn(self.refresh(), "results")

    def arrived(self, prompt_id: PromptId, index: int, fresh: Fresh | None) -> None:
        """Note that a result has just been delivered, with its bytes if they are kept."""
        if fresh is not None:
            self._fresh[prompt_id, index] = fresh
        if len(self._fresh) > MOST_FRESH:
            del self._fresh[next(iter(self._fresh))]
        if not self._is_promise_sought:
            self._is_promise_sought = True
            self._state.spawn(self._seek_promise(), "promise")
        self.refresh_soon()

    async def refresh(self) -> None:
        """Find what is kept now: update the records of dropped results, and add up the usage."""
        self._is_due = False
        try:
            await self._sweep()
            self._usage = await self._state.ports.store.usage()
        except StorageError as error:
            log.info("the kept results could not be read: %r", error)
            return
        self._state.changed()

    async def _sweep(self) -> None:
        """Update the records of dropped results: a record says "kept" only after the bytes are kept."""
        said = {
            (task.prompt_id, index): task for task in self._state.records.tasks.values() for index in _kept_by(task)
        }
        if not said:
            return
        there = await self._state.ports.store.read_kept(said)
        for (prompt_id, index), task in said.items():
            if (prompt_id, index) not in there:
                try:
                    drop = partial(TaskDelivery.with_dropped, file=task.delivery.outputs[index].file)
                    await self._state.records.amend_delivery(prompt_id, drop)
                except TaskNotFound as error:  # another window's now, or deleted: no reason to leave out the others
                    log.info("no longer swept: %r", error)

    async def configure(self, settings: KeepSettings) -> None:
        """Set how much is kept, for all windows; older results over the limit are deleted immediately."""
        await self._state.ports.store.write_settings(settings)
        await self._state.records.retry_writes()  # there may be room now
        await self.refresh()

    async def delete_all(self) -> None:
        """Delete all kept results and thumbnails, of all windows."""
        await self._state.ports.store.delete_results()
        self.deletions += 1
        await self._state.records.retry_writes()
        await self.refresh()

    async def _seek_promise(self) -> None:
        """Ask the browser, once, for persistent storage, now that there is something to keep."""
        try:
            log.info("the browser's promise to keep the storage: %s", await self._state.ports.store.persist())
        except StorageError as error:
            log.info("no promise was sought: %r", error)

    async def ask_promise(self) -> None:
        """Ask the browser for persistent storage at the user's request."""
        await self._state.ports.store.persist(is_asked=True)
        await self.refresh()


def _kept_by(task: Task) -> list[int]:
    return [index for index, output in enumerate(task.delivery.outputs) if output.delivery is Delivery.KEPT]
