"""Requests to a server on a user's behalf: values made from its answer, or the matching refusal."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import aiohttp

from gateway.fleet.probes import StatusError, ask
from gateway.fleet.server_answers import ENTRY, JOBS, PAGE, QUEUE, SMALL, NotComfyError, parse_json
from gateway.http.json_reader import Bounds
from gateway.http.refusal import Cause, Refusal, Refused, Sent
from gateway.http.upstream import Upstream
from gateway.people.projection import Row, ShapeError, read_rows_text

HISTORY_FOR_FILES = 1_000  # prompts that are searched for a made file
LARGEST_HISTORY = 16 * 1024 * 1024  # bytes of these prompts
LONGEST_HISTORY = 16_384  # entries; ComfyUI keeps some 10,000
FIRST_PAGE, LONGEST_PAGE = 16, 64  # entries

T = TypeVar("T")
_log = logging.getLogger(__name__)


async def fetch(upstream: Upstream, path: str, query: str = "") -> Any:
    """Return the JSON of a server's answer, or raise `Refused`."""
    where = f"{path}?{query}" if query else path
    return await fetch_as(upstream, where, _bounds(path), parse_json, path)


async def fetch_as(upstream: Upstream, where: str, bounds: Bounds, work: Callable[..., T], *arguments: object) -> T:
    """Return the result of `work` on a server's answer, or raise `Refused`; large ones go to another process."""
    try:
        async with upstream.place(upstream.reads), asyncio.timeout(upstream.deadlines.read):
            return await ask(upstream, where, bounds, work, *arguments)
    except StatusError as error:
        raise Refused(_status(upstream.server.id, error.status)) from error
    except NotComfyError as error:
        raise Refused(unexpected_answer(upstream.server.id, error)) from error
    except ShapeError as error:
        raise Refused(unexpected_answer(upstream.server.id)) from error
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise Refused(upstream.explain(error)) from error


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


async def fetch_rows(upstream: Upstream, whole: str = "") -> tuple[Row, ...]:
    """Return a server's queue as rows with their owners, and with the prompt itself for the id `whole` only."""
    return await fetch_as(upstream, "/queue", QUEUE, read_rows_text, whole)


async def fetch_history(upstream: Upstream) -> dict[str, Any]:
    """Return the latest entries of a server's history, of all users, oldest first, within the memory limit."""
    pages: list[dict[str, Any]] = []
    size = 0
    async for length, page in history_pages(upstream, HISTORY_FOR_FILES, _sized):
        pages.append(page if isinstance(page, dict) else {})
        size += length
        if size > LARGEST_HISTORY:
            break
    return {name: entry for page in reversed(pages) for name, entry in page.items()}


def _sized(text: bytes | bytearray) -> tuple[int, object]:
    return len(text), parse_json(text, "/history")


async def history_pages(upstream: Upstream, most: int, work: Callable[..., T], *arguments: object) -> AsyncIterator[T]:
    """Yield the results of `work` on a server's history, page by page, latest first, `most` entries in total.

    A page that is too large is read in smaller ones. A single entry that is too large is left out, so that one user's
    large entry does not hide the history of others.
    """
    length = await _history_length(upstream)
    first, end, size = max(0, length - most), length, FIRST_PAGE
    while end > first:
        start = max(first, end - size)
        where = f"/history?max_items={end - start}&offset={start}"
        try:
            yield await fetch_as(upstream, where, PAGE, work, *arguments)
        except Refused as error:
            if error.refusal.cause is not Cause.ANSWER_TOO_LARGE:
                raise
            if end - start > 1:
                size = (end - start) // 4 or 1
                continue
            _log.warning("%s: a history entry is left out: %s", upstream.server.id, error.refusal.message)
        end, size = start, min(size * 2, LONGEST_PAGE)


async def _history_length(upstream: Upstream) -> int:
    """Return the number of entries in a server's history: the lowest index without one."""
    least, beyond = 0, LONGEST_HISTORY
    while least < beyond:
        middle = (least + beyond) // 2
        try:
            is_there = await fetch_as(upstream, f"/history?max_items=1&offset={middle}", PAGE, _has_entries)
        except Refused as error:
            if error.refusal.cause is not Cause.ANSWER_TOO_LARGE:
                raise
            is_there = True
        least, beyond = (middle + 1, beyond) if is_there else (least, middle)
    return least


def _has_entries(text: bytes | bytearray) -> bool:
    return bool(parse_json(text, "/history"))
