"""Requests to a server on a user's behalf: values made from its answer, or the matching refusal."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar
from urllib.parse import quote

import aiohttp

from gateway.fleet.probes import StatusError, read_answer, work_on_answer
from gateway.fleet.server_answers import ENTRY, JOBS, PAGE, QUEUE, SMALL, NotComfyError, not_json, parse_json
from gateway.http.budget import Held
from gateway.http.json_reader import Bounds, JsonError, Scan
from gateway.http.refusal import Refusal, RefusedRequest, Sent
from gateway.http.upstream import Upstream
from gateway.http.worker_process import SMALL_SIZE, Heavy
from gateway.people.projection import FoundPrompt, Row, ShapeError, find_entry, own_rows, read_rows_text
from gateway.people.user import User
from wire.refusals import Cause

LONGEST_HISTORY = 16_384  # entries; ComfyUI keeps some 10,000
FIRST_PAGE, LONGEST_PAGE = 16, 64  # entries
PAGES_BEFORE_LARGER = 8
_BEGINNING = 65_536  # bytes that are read of an answer of which the beginning is enough

T = TypeVar("T")
_log = logging.getLogger(__name__)


async def fetch(upstream: Upstream, path: str, query: str = "") -> Any:
    """Return the JSON of a server's answer, or raise `Refused`."""
    where = f"{path}?{query}" if query else path
    return await fetch_as(upstream, where, _bounds(path), parse_json, path)


async def fetch_as(
    upstream: Upstream,
    where: str,
    bounds: Bounds,
    work: Callable[..., T],
    *arguments: object,
    held: Held | None = None,
) -> T:
    """Return the result of `work` on a server's answer, or raise `Refused`; large ones go to another process.

    With `held`, the result is about as large as the answer, which is charged before it is read. The server has a place
    free again once its answer is in memory.
    """
    reserve = None if held is None else held.reserve
    try:
        async with contextlib.AsyncExitStack() as memory:
            if isinstance(work, Heavy):
                await memory.enter_async_context(upstream.place_for_heavy())
            async with upstream.place(upstream.reads), asyncio.timeout(upstream.deadlines.read):
                answer = await read_answer(upstream, where, bounds, memory, reserve)
            return await work_on_answer(upstream, answer, work, *arguments)
    except StatusError as error:
        raise RefusedRequest(_status(upstream.server.id, error.status)) from error
    except NotComfyError as error:
        raise RefusedRequest(unexpected_answer(upstream.server.id, error)) from error
    except ShapeError as error:
        raise RefusedRequest(unexpected_answer(upstream.server.id)) from error
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise RefusedRequest(upstream.explain(error)) from error


def _bounds(path: str) -> Bounds:
    if path.startswith(("/history/", "/api/jobs/")):
        return ENTRY
    return JOBS if path == "/api/jobs" else SMALL


def _status(server_id: str, status: int) -> Refusal:
    if status == 404:
        return Refusal(Cause.NOT_LISTED, f"{server_id} does not have this.")
    return Refusal(Cause.UPSTREAM_REFUSED, f"{server_id} answered with status {status}.", Sent.NO)


def unexpected_answer(server_id: str, error: NotComfyError | None = None) -> Refusal:
    """Return the refusal for an answer that is not ComfyUI's, or too large."""
    if error is not None and error.cause == "too-much":
        return Refusal(Cause.ANSWER_TOO_LARGE, f"{server_id} answers more than the gateway reads: {error}")
    return Refusal(Cause.NOT_COMFYUI, f"{server_id} does not answer as ComfyUI does.")


async def fetch_rows(upstream: Upstream) -> tuple[Row, ...]:
    """Return a server's queue as rows with their owners."""
    return await fetch_as(upstream, "/queue", QUEUE, read_rows_text)


async def find_prompt(upstream: Upstream, user: User, prompt_id: str, rows: tuple[Row, ...]) -> FoundPrompt:
    """Find a prompt in these rows or in the history."""
    server_id = upstream.server.id
    there = [row for row in rows if row.prompt_id == prompt_id]
    where = f"/history/{quote(prompt_id, safe='')}"
    found = await fetch_as(upstream, where, ENTRY, Heavy(find_entry), prompt_id, user, server_id)
    if not there:
        return found
    is_own = found.is_own is not False and len(own_rows(there, user, server_id)) == len(there)
    return FoundPrompt(is_own, found.run if is_own else None)


async def work_on(upstream: Upstream, work: Callable[..., T], text: bytes, *arguments: object) -> T:
    """Return the result of `work` on a text that was read before; a large one goes to another process."""
    scan = Scan(Bounds(len(text), values=len(text)))
    if len(text) <= SMALL_SIZE:
        scan.feed(text)
    else:
        scan.size = len(text)
    try:
        return await upstream.worker.run(scan, work, text, *arguments)
    except JsonError as error:
        raise RefusedRequest(unexpected_answer(upstream.server.id, not_json("/", error, b""))) from error


async def history_pages(upstream: Upstream, most: int, work: Callable[..., T], *arguments: object) -> AsyncIterator[T]:
    """Yield the results of `work` on a server's history, page by page, latest first, `most` entries in total.

    A page that is too large is read in smaller ones. A single entry that is too large is left out, so that one user's
    large entry does not hide the history of others.
    """
    length = await _history_length(upstream)
    first, end, size = max(0, length - most), length, FIRST_PAGE
    small = 0  # pages to be read in this size, since larger ones were too large here
    while end > first:
        start = max(first, end - size)
        where = f"/history?max_items={end - start}&offset={start}"
        try:
            yield await fetch_as(upstream, where, PAGE, Heavy(work), *arguments)
        except RefusedRequest as error:
            if error.refusal.cause is not Cause.ANSWER_TOO_LARGE:
                raise
            if end - start > 1:
                size, small = (end - start) // 4 or 1, PAGES_BEFORE_LARGER
                continue
            _log.warning("%s: a history entry is left out: %s", upstream.server.id, error.refusal.message)
        small -= 1
        end, size = start, size if small > 0 else min(size * 2, LONGEST_PAGE)


async def _history_length(upstream: Upstream) -> int:
    """Return the number of entries in a server's history: the lowest index without one."""
    least, beyond = 0, LONGEST_HISTORY
    while least < beyond:
        middle = (least + beyond) // 2
        least, beyond = (middle + 1, beyond) if await _has_entry(upstream, middle) else (least, middle)
    return least


async def _has_entry(upstream: Upstream, index: int) -> bool:
    """Return whether a history has an entry with this index, from the beginning of the answer: an entry is large."""
    try:
        async with (
            upstream.place(upstream.reads),
            asyncio.timeout(upstream.deadlines.read),
            upstream.session(is_fresh=False).get(upstream.url("/history", f"max_items=1&offset={index}")) as reply,
        ):
            if reply.status != 200:
                raise RefusedRequest(_status(upstream.server.id, reply.status))
            begun = b""
            while len(begun) < _BEGINNING and (chunk := await reply.content.readany()):
                begun += chunk
            if len(begun) >= _BEGINNING:
                reply.close()  # the rest is not wanted
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise RefusedRequest(upstream.explain(error)) from error
    opened = begun.lstrip()
    if not opened.startswith(b"{"):
        raise RefusedRequest(unexpected_answer(upstream.server.id))
    return not opened[1:].lstrip().startswith(b"}")
