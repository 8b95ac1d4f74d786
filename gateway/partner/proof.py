"""The proof that a server keeps keys to itself: an invented key is sent to it, and searched in what it answers.

    proofs = Proofs()
    await proofs.demand(upstream)      # Refused unless this process of the server has passed

The invented key is sent with a small picture's prompt. While that runs, it is in `/queue`, where ComfyUI 0.3.64 shows
keys to all; afterwards it is in `/history`. Its history entry stays on the server: histories are in memory, so it is
proof that this is still the same process.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import uuid
import weakref
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import aiohttp

from gateway.fleet.probes import StatusError, ask
from gateway.fleet.server_answers import ENTRY, MOST_ROWS, QUEUE, NotComfyError, parse_json
from gateway.http.refusal import Refusal, RefusedRequest, Sent
from gateway.http.secret import contains
from gateway.http.upstream import Upstream
from wire.partner import API_KEY
from wire.queue import QueueError, read_rows
from wire.refusals import Cause

# Pictures in one prompt. A fast server finishes a few before its queue is read, so then it gets more of them.
_PICTURES = (2, 8, 32, 128)
_SIDE = 256  # pixels
_PAUSE = 0.05  # seconds between two reads while the prompt waits

_log = logging.getLogger(__name__)
T = TypeVar("T")


class ExaminationError(Exception):
    """The server shows keys, or could not be examined; the text says which, for users."""


class Proofs:
    """The servers that have passed, each by the prompt_id of its proof. Call `close` at the end."""

    def __init__(self) -> None:
        self._passed: weakref.WeakKeyDictionary[Upstream, str] = weakref.WeakKeyDictionary()
        self._under_way: dict[Upstream, asyncio.Task[str]] = {}

    async def demand(self, upstream: Upstream) -> None:
        """Return if the present process of the server has passed or passes soon; otherwise raise `Refused`.

        An examination that takes longer continues, so that a later call returns.
        """
        name = upstream.server.id
        try:
            async with asyncio.timeout(upstream.deadlines.partner_proof):
                passed = self._passed.get(upstream)
                if passed is None or not await _is_in_history(upstream, passed):
                    self._passed.pop(upstream, None)
                    self._passed[upstream] = await asyncio.shield(self._examination(upstream))
        except ExaminationError as error:
            message = f"{name} gets no keys for partner nodes: {error}."
            raise RefusedRequest(Refusal(Cause.NO_PARTNER_SERVER, message)) from error
        except TimeoutError as error:
            message = f"{name} is busy: whether it keeps keys to itself is not known yet. Retry in a moment."
            raise RefusedRequest(Refusal(Cause.UPSTREAM_BUSY, message)) from error
        except (aiohttp.ClientError, OSError) as error:
            raise RefusedRequest(replace(upstream.explain(error), sent=Sent.NO)) from error
        except (NotComfyError, StatusError, QueueError) as error:
            message = f"Whether {name} keeps keys to itself could not be examined: {error}."
            raise RefusedRequest(Refusal(Cause.NO_PARTNER_SERVER, message)) from error

    async def close(self) -> None:
        """Stop all examinations."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _examination(self, upstream: Upstream) -> asyncio.Task[str]:
        """Return the examination that is under way, or begin one."""
        task = self._under_way.get(upstream)
        if task is None:
            task = self._under_way[upstream] = asyncio.create_task(_examine(upstream))
            task.add_done_callback(partial(self._end, upstream))
        return task

    def _end(self, upstream: Upstream, task: asyncio.Task[str]) -> None:
        del self._under_way[upstream]
        if task.cancelled():
            return
        if (error := task.exception()) is not None:
            _log.warning("%s gets no keys for partner nodes: %s", upstream.server.id, error)
        else:
            self._passed[upstream] = task.result()


async def _examine(upstream: Upstream) -> str:
    """Return the prompt_id of an examination that was passed; `ExaminationError` otherwise."""
    for pictures in _PICTURES:
        prompt_id, fake = str(uuid.uuid4()), f"comfyui-{secrets.token_hex(32)}"
        is_passed = False
        try:
            async with asyncio.timeout(upstream.deadlines.partner_examination):
                await _post(upstream, "/prompt", _prompt(prompt_id, fake, pictures))
                is_passed = await _has_run_unseen(upstream, prompt_id, fake)
        finally:
            if not is_passed:
                await _withdraw(upstream, prompt_id)
        if is_passed:
            return prompt_id
    raise ExaminationError("its queue never showed the prompt of the examination")


async def _has_run_unseen(upstream: Upstream, prompt_id: str, fake: str) -> bool:
    """Follow the prompt to its end; return whether the queue and the history have shown it, and never the key."""
    has_run = False
    while True:
        is_queued, is_running = await _search(upstream, "/queue", fake, _find_row, prompt_id)
        has_run = has_run or is_running
        await _search_job(upstream, prompt_id, fake)
        if not is_queued:
            break
        await asyncio.sleep(0 if is_running else _PAUSE)
    has_ended = await _search(upstream, f"/history/{prompt_id}", fake, _has_entry, prompt_id)
    await _search_job(upstream, prompt_id, fake)
    return has_run and has_ended


async def _search(upstream: Upstream, path: str, fake: str, work: Callable[[object, str], T], prompt_id: str) -> T:
    found: T
    found, is_shown = await ask(
        upstream, path, QUEUE if path == "/queue" else ENTRY, _searched, fake, path, work, prompt_id
    )
    if is_shown:
        raise ExaminationError(f"it shows them to everyone, at {path.partition(prompt_id)[0]}")
    return found


def _searched(
    body: bytes | bytearray, fake: str, path: str, work: Callable[[object, str], T], prompt_id: str
) -> tuple[T, bool]:
    return work(parse_json(body, path), prompt_id), contains(body, fake)


async def _search_job(upstream: Upstream, prompt_id: str, fake: str) -> None:
    """Search the jobs API, which older servers do not have."""
    try:
        await _search(upstream, f"/api/jobs/{prompt_id}", fake, _has_entry, prompt_id)
    except StatusError as error:
        if error.status not in {404, 405}:
            raise


def _find_row(answer: object, prompt_id: str) -> tuple[bool, bool]:
    """Return whether the prompt waits or runs, and whether it runs."""
    rows = [row for row in read_rows(answer, most=MOST_ROWS) if row.prompt_id == prompt_id]
    return bool(rows), any(row.is_running for row in rows)


def _has_entry(answer: object, prompt_id: str) -> bool:
    return isinstance(answer, dict) and prompt_id in answer


async def _is_in_history(upstream: Upstream, prompt_id: str) -> bool:
    path = f"/history/{prompt_id}"
    return _has_entry(await ask(upstream, path, ENTRY, parse_json, path), prompt_id)


async def _withdraw(upstream: Upstream, prompt_id: str) -> None:
    """Remove a prompt that proved nothing; one that runs already ends by itself."""
    try:
        async with asyncio.timeout(upstream.deadlines.probe):
            for path in ("/queue", "/history"):
                await _post(upstream, path, {"delete": [prompt_id]})
    except (aiohttp.ClientError, OSError, TimeoutError, StatusError) as error:
        _log.info("%s: the prompt of an examination was not removed (%s)", upstream.server.id, type(error).__name__)


async def _post(upstream: Upstream, path: str, body: object) -> None:
    headers = {"Content-Type": "application/json"}
    with upstream.hold():
        session = upstream.session(is_fresh=True)
        async with session.post(upstream.url(path), data=json.dumps(body).encode(), headers=headers) as reply:
            if reply.status != 200:
                raise StatusError(reply.status)


def _prompt(prompt_id: str, fake: str, pictures: int) -> dict[str, Any]:
    """Return a submit of classes that every ComfyUI has. Its colour is new, so that nothing comes from a cache."""
    size = {"width": _SIDE, "height": _SIDE, "batch_size": pictures, "color": secrets.randbelow(0x1000000)}
    title = {"title": "Mooring: does this server keep keys to itself?"}
    return {
        "prompt": {
            "1": {"class_type": "EmptyImage", "inputs": size, "_meta": title},
            "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}, "_meta": title},
        },
        "prompt_id": prompt_id,
        "client_id": f"mooring-proof-{prompt_id}",
        "front": True,
        "extra_data": {API_KEY: fake},
    }
