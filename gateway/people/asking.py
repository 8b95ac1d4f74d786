"""What a server is asked on a person's behalf: values made of its answer, or the refusal that is true about it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import aiohttp

from gateway.json_reader import Bounds
from gateway.looks import StatusError, ask
from gateway.people.projection import Row, ShapeError, read_rows_text
from gateway.refusal import Cause, Refusal, Refused, Sent
from gateway.shapes import ENTRY, JOBS, PAGE, QUEUE, SMALL, NotComfyError, parse_json
from gateway.upstream import Upstream

HISTORY_FOR_FILES = 1_000  # prompts that are looked through for a made file
LARGEST_HISTORY = 16 * 1024 * 1024  # bytes of these
LONGEST_HISTORY = 16_384  # entries; ComfyUI keeps some 10,000
FIRST_PAGE, LONGEST_PAGE = 16, 64  # entries

T = TypeVar("T")
_log = logging.getLogger(__name__)


async def fetch(upstream: Upstream, path: str, query: str = "") -> Any:
    """The JSON that a server answers, or `Refused`."""
    where = f"{path}?{query}" if query else path
    return await fetch_as(upstream, where, _bounds(path), parse_json, path)


async def fetch_as(upstream: Upstream, where: str, bounds: Bounds, work: Callable[..., T], *arguments: object) -> T:
    """What `work` makes of the text that a server answers, or `Refused`. Large texts are read in another process."""
    try:
        async with upstream.place(upstream.reads), asyncio.timeout(upstream.deadlines.read):
            return await ask(upstream, where, bounds, work, *arguments)
    except StatusError as error:
        raise Refused(_status(upstream.server.id, error.status)) from error
    except NotComfyError as error:
        raise Refused(strange(upstream.server.id, error)) from error
    except ShapeError as error:
        raise Refused(strange(upstream.server.id)) from error
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


def strange(server_id: str, error: NotComfyError | None = None) -> Refusal:
    """The refusal of an answer that is not ComfyUI's, or is larger than the gateway reads."""
    if error is not None and error.cause == "too-much":
        return Refusal(Cause.ANSWER_TOO_LARGE, f"{server_id} answers more than the gateway reads: {error}")
    return Refusal(Cause.NOT_COMFYUI, f"{server_id} does not answer as ComfyUI does.")


async def fetch_rows(upstream: Upstream, whole: str = "") -> tuple[Row, ...]:
    """A server's queue as rows that say whose each is, without the prompts themselves but for the one of that id."""
    return await fetch_as(upstream, "/queue", QUEUE, read_rows_text, whole)


async def fetch_history(upstream: Upstream) -> dict[str, Any]:
    """The latest entries of a server's history, everybody's, the oldest first; as many as memory is meant for."""
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
    """What `work` makes of a server's history, page by page, the latest first, `most` entries in all.

    A page that is too large is read in smaller ones. A single entry that is too large is left out: what one person has
    put there takes nobody else's history away.
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
            _log.warning("%s: an entry of its history is left out: %s", upstream.server.id, error.refusal.message)
        end, size = start, min(size * 2, LONGEST_PAGE)


async def _history_length(upstream: Upstream) -> int:
    """How many entries a server's history has: the least index at which none is."""
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
