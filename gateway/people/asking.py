"""What a server is asked on a person's behalf: JSON, or the refusal that is true about its not being there."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp

from gateway.looks import NotComfyError, StatusError, fetch_body, parse_json
from gateway.people.projection import Row, ShapeError, read_rows
from gateway.refusal import Cause, Refusal, Refused, Sent
from gateway.upstream import Upstream

HISTORY_FOR_FILES = 1_000  # prompts that are looked through for a made file
_FOR_A_THREAD = 262_144  # bytes


async def fetch(upstream: Upstream, path: str, query: str = "") -> Any:
    """The JSON that a server answers, or `Refused`; megabytes of it are read in a thread."""
    where = f"{path}?{query}" if query else path
    try:
        async with upstream.place(upstream.reads), asyncio.timeout(upstream.deadlines.read):
            body = await fetch_body(upstream, where)
        return parse_json(body, path) if len(body) < _FOR_A_THREAD else await asyncio.to_thread(parse_json, body, path)
    except StatusError as error:
        raise Refused(_status(upstream.server.id, error.status)) from error
    except NotComfyError as error:
        raise Refused(strange(upstream.server.id)) from error
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise Refused(upstream.explain(error)) from error


def _status(server_id: str, status: int) -> Refusal:
    if status == 404:
        return Refusal(Cause.NOT_LISTED, f"{server_id} does not have this.")
    return Refusal(Cause.UPSTREAM_REFUSED, f"{server_id} answered with status {status}.", Sent.NO)


def strange(server_id: str) -> Refusal:
    return Refusal(Cause.NOT_COMFYUI, f"{server_id} does not answer as ComfyUI does.")


async def fetch_rows(upstream: Upstream) -> tuple[Row, ...]:
    """A server's queue, as rows."""
    try:
        return read_rows(await fetch(upstream, "/queue"))
    except ShapeError as error:
        raise Refused(strange(upstream.server.id)) from error


async def fetch_history(upstream: Upstream) -> Any:
    """The latest entries of a server's history, everybody's."""
    return await fetch(upstream, "/history", f"max_items={HISTORY_FOR_FILES}")
