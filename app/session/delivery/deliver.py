"""Delivery of results: each output's bytes are fetched from its task's own server and kept in this browser's store.

It ends as kept (or its thumbnail alone, as the user chose), gone (the real server answered 404), overwritten (the
file is not of this task's time: those bytes are never shown as its result), or not kept (the store is full).
Until then it is retried, for ever. A thumbnail of each picture is kept whatever happens to the picture itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
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
from app.core.origin import is_of, needs_confirmation
from app.core.ports.blobs import Blob
from app.core.ports.http import Response
from app.core.window import Window, get_api_base_url
from app.session.state import State
from app.session.timing import first_of

log = logging.getLogger("mooring.session")

FIRST_PAUSE = 1.0  # seconds
LONGEST_PAUSE = 60.0

# Where users log in, the gateway itself judges a file by the seal that the output carries.
_WITHHELD = {"picture-changed": Delivery.OVERWRITTEN, "not-yours": Delivery.GONE, "link-expired": Delivery.GONE}
_NEVER_GIVEN = frozenset({400, 403, 404, 410})  # the real server has no such file, or will not serve it


@dataclass(frozen=True, slots=True)
class TextBlob:
    """The bytes of a text."""

    text: str
    media_type: str = "text/plain;charset=utf-8"

    @property
    def size(self) -> int:
        return len(self.text.encode("utf-8", "replace"))

    async def read(self) -> bytes:
        return self.text.encode("utf-8", "replace")


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


async def fetch_output(state: State, task: Task, output: Output) -> tuple[Output, Blob | None]:
    """Fetch one output's bytes from its task's own server; return the updated output with them.

    Without bytes, the output says why: gone, or overwritten (the file is not of this task's time or, if it was fetched
    before, not the file of then). Such bytes are never returned. Raises the error that kept the server from answering.
    """
    if output.is_text:
        blob = TextBlob(output.text)
        return replace(output, size=blob.size, media_type="text/plain"), blob
    base = get_api_base_url("deliver", task, state.fleet)
    async with state.lane(task.server_id):
        response = await state.ports.http.fetch(comfy.view_request(base, task, output))
    if (ended := _WITHHELD.get(comfy.gateway_cause(response))) is not None:
        return replace(output, delivery=ended), None
    comfy.check_arrived(response, task.server_id)
    if response.status in _NEVER_GIVEN:
        return replace(output, delivery=Delivery.GONE), None
    comfy.check_done(response, task.server_id)
    if response.blob is None:
        raise ProtocolError(task.server_id, "an answer without a body")
    seen = replace(output, size=response.blob.size, media_type=response.blob.media_type, etag=_etag(response))
    modified = _modified(response)
    if not is_of(task, output, modified) or _is_another(output, seen):
        return replace(output, delivery=Delivery.OVERWRITTEN), None
    is_same_file = bool(output.etag) and output.etag == seen.etag
    if not is_same_file and needs_confirmation(task, output, modified) and not await _has_in_history(state, task):
        return replace(output, delivery=Delivery.OVERWRITTEN), None
    return seen, response.blob


async def _has_in_history(state: State, task: Task) -> bool:
    """Whether the server has the task in its history: then it is the one that ran it, and not another at its address.

    Asked after the bytes: it must be the same server that sent them.
    """
    base = get_api_base_url("deliver", task, state.fleet)
    response = await state.ask(task.server_id, comfy.history_request(base, task.prompt_id))
    return comfy.read_history(response, task.server_id, task.prompt_id, state.ports.clock.now()) is not None


def _etag(response: Response) -> str:
    """The server's ETag of the bytes; a proxy that compresses them marks it as weak."""
    return response.headers.get("etag", "").removeprefix("W/")


def _is_another(known: Output, seen: Output) -> bool:
    """Whether this is another file than the one fetched before: by its size, and by its ETag if the server sent one."""
    was_fetched = known.delivery is not Delivery.PENDING
    has_new_etag = bool(known.etag and seen.etag) and known.etag != seen.etag
    return was_fetched and (known.size != seen.size or has_new_etag)


def with_output(task: Task, output: Output) -> Task:
    """The task with an updated output, found by its file, since a later poll may have changed the order."""
    return replace(task, outputs=tuple(output if item.file == output.file else item for item in task.outputs))


def with_output_at(task: Task, index: int, output: Output) -> Task:
    """Like `with_output`, unless a later poll has changed the order: then its bytes are stored under another index.

    The output stays pending then, and is fetched again.
    """
    return with_output(task, output) if task.outputs[index].file == output.file else task


def _modified(response: Response) -> float | None:
    """When the file was written, by the server's clock; seconds since the epoch."""
    dated = response.headers.get("last-modified")
    if dated is None:
        return None
    try:
        modified = parsedate_to_datetime(dated)
    except ValueError:
        return None
    return (modified if modified.tzinfo else modified.replace(tzinfo=UTC)).timestamp()
