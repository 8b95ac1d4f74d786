"""Bringing results home: each output's bytes, from its task's own server, into this browser's store (DESIGN 4, step 8).

Ends as kept, gone (the real server answered 404), overwritten (the file is newer than the task's own end: those bytes
are never shown as its result), or not kept (the store is full). Until then it is tried again, for ever.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import partial

from app.core import comfy
from app.core.errors import (
    AffinityError,
    ComfyError,
    NotOwner,
    ProtocolError,
    StorageError,
    TaskNotFound,
    TransportError,
)
from app.core.model import Delivery, Output, PromptId, Task
from app.core.ports import Blob, Response
from app.core.window import Window, get_api_base_url
from app.session.state import State
from app.session.timing import first_of

log = logging.getLogger("mooring.session")

FIRST_PAUSE = 1.0  # seconds
LONGEST_PAUSE = 60.0
FILE_CLOCK_SLACK = 2.0  # seconds: Last-Modified has whole ones, and a write may be dated after the event


_NEVER_GIVEN = frozenset({400, 403, 404, 410})  # the real server has no such file, or will not hand it out


class Courier:
    """Fetches what has ended and is not home yet."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._busy: set[PromptId] = set()
        self._hurry = asyncio.Event()

    def refresh(self) -> None:
        """Begin with every ended task that still has something to fetch."""
        window = self._state.window
        for task in window.tasks.values() if isinstance(window, Window) else ():
            if task.state.is_end and not task.is_delivered and task.prompt_id not in self._busy:
                self._busy.add(task.prompt_id)
                self._state.spawn(self._deliver(task.prompt_id), f"deliver {task.prompt_id}")

    def hurry(self) -> None:
        """Try again at once."""
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
        """One try at everything that is pending; whether all is done."""
        task = self._state.get_task("deliver", prompt_id)
        is_all = True
        for index, output in enumerate(task.outputs):
            if output.delivery is not Delivery.PENDING:
                continue
            try:
                fetched = await self._fetch(task, index, output)
            except (TransportError, ComfyError, AffinityError) as error:
                if isinstance(error, NotOwner | TaskNotFound):
                    raise
                log.info("not delivered yet: %r", error)
                self._state.note("undelivered", prompt_id=prompt_id, index=index, error=error)
                is_all = False
                continue
            if await self._state.amend(prompt_id, partial(_with_output, output=fetched)) is None:
                return True
            told = {"delivery": fetched.delivery, "size": fetched.size}
            self._state.note("delivered", prompt_id=prompt_id, server_id=task.server_id, index=index, **told)
        return is_all and self._state.get_task("deliver", prompt_id).is_delivered

    async def _fetch(self, task: Task, index: int, output: Output) -> Output:
        base = get_api_base_url("deliver", task, self._state.fleet)
        async with self._state.lane(task.server_id):
            response = await self._state.ports.http.fetch(comfy.view_request(base, task, output))
        comfy.check_arrived(response, task.server_id)
        if response.status in _NEVER_GIVEN:
            return replace(output, delivery=Delivery.GONE)
        comfy.check_done(response, task.server_id)
        if _is_newer_than_its_end(response, task):
            return replace(output, delivery=Delivery.OVERWRITTEN)
        return await self._keep(task, index, output, response.blob)

    async def _keep(self, task: Task, index: int, output: Output, blob: Blob | None) -> Output:
        if blob is None:
            raise ProtocolError(task.server_id, "an answer without a body")
        fetched = replace(output, size=blob.size, media_type=blob.media_type)
        try:
            await self._state.ports.store.keep_result(task, index, blob, self._state.ports.clock.now())
        except StorageError as error:
            log.warning("result not kept: %r", error)
            return replace(fetched, delivery=Delivery.NOT_KEPT)
        return replace(fetched, delivery=Delivery.KEPT)


def _with_output(task: Task, output: Output) -> Task:
    """The task with what became of one output; by its file, since a late look may have changed the order."""
    return replace(task, outputs=tuple(output if item.file == output.file else item for item in task.outputs))


def _is_newer_than_its_end(response: Response, task: Task) -> bool:
    """Both times are the server's own clock."""
    dated = response.headers.get("last-modified")
    if dated is None or task.server_ended_ms is None:
        return False
    try:
        modified = parsedate_to_datetime(dated)
    except ValueError:
        return False
    if modified.tzinfo is None:
        modified = modified.replace(tzinfo=UTC)
    return modified.timestamp() > task.server_ended_ms / 1000 + FILE_CLOCK_SLACK
