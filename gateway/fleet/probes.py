"""Probes of a server: its answers to `/system_stats`, `/queue` and `/features`, parsed into values.

An answer counts only if it has ComfyUI's shape: a login page, a redirect or another program on the port is reported
as such, and not as a server that is down.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable
from typing import TypeVar

import aiohttp

from gateway.fleet.server_answers import (
    QUEUE,
    SMALL,
    NotComfyError,
    QueueAnswer,
    not_json,
    parse_json,
    parse_stats,
    read_queue_answer,
)
from gateway.http.json_reader import Bounds, JsonError, Scan
from gateway.http.server_proof import AnotherServerError
from gateway.http.upstream import Redirected, Upstream, short_reason
from gateway.http.worker_process import is_small
from wire.features import JOBS, Features, lists_jobs, read_features
from wire.health import Condition, Health, judge_status
from wire.system_stats import ProbeResult

LATE = "late"  # the cause of a server that may just have been slow; a refused connection is certain
_WAY_IN = re.compile(r"log-?in|sign-?in|auth|sso|session", re.IGNORECASE)  # in the address of a redirect

T = TypeVar("T")


class StatusError(Exception):
    """The answer has another status than 200."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(f"status {status}")


async def condition_of(upstream: Upstream) -> Condition:
    """Return the present condition of a server. Never raises for what the server or the network does."""
    return (await probe_closely(upstream)).condition


async def probe_closely(upstream: Upstream) -> ProbeResult:
    """Probe a server. Never raises for what the server or the network does."""
    try:
        async with asyncio.timeout(upstream.deadlines.probe):
            seen = parse_stats(await fetch_json(upstream, "/system_stats"))
            queue = await read_queue(upstream)
    except (aiohttp.ClientError, OSError, TimeoutError, NotComfyError, StatusError) as error:
        return ProbeResult(judge_failure(error))
    return seen.with_queue(running=len(queue.running), pending=len(queue.pending))


async def read_queue(upstream: Upstream) -> QueueAnswer:
    """Return the present queue; raises the errors that `judge_failure` understands."""
    return await ask(upstream, "/queue", QUEUE, read_queue_answer)


async def fetch_features(upstream: Upstream) -> Features:
    """Return the features that the server announces."""
    return read_features(await _answer(upstream, "/features"))


async def has_jobs(upstream: Upstream) -> bool:
    """Whether the server has the newer jobs API. The gateway asks, because browsers log failed requests."""
    return lists_jobs(await _answer(upstream, f"{JOBS}?limit=1"))


async def _answer(upstream: Upstream, path: str) -> object:
    """Return the JSON at a path, or None if the server does not answer with any."""
    try:
        async with asyncio.timeout(upstream.deadlines.probe):
            return await fetch_json(upstream, path)
    except (aiohttp.ClientError, OSError, TimeoutError, NotComfyError, StatusError):
        return None


async def fetch_json(upstream: Upstream, path: str) -> object:
    """Return the JSON at a path, for small answers."""
    return parse_json(await fetch_body(upstream, path, SMALL), path)


async def fetch_body(upstream: Upstream, path: str, bounds: Bounds) -> bytes:
    """Return the body of a small answer, within these bounds."""
    with upstream.hold():
        async with upstream.session(is_fresh=False).get(upstream.url(path)) as reply:
            if reply.status != 200:
                raise StatusError(reply.status)
            return upstream.secrets.mask(await read_bounded(reply, path, bounds))


async def read_bounded(reply: aiohttp.ClientResponse, path: str, bounds: Bounds) -> bytes:
    """Return the whole body of a small answer, or raise `NotComfyError`."""
    answer = ProbeAnswer(path, bounds)
    async for chunk in reply.content.iter_any():
        answer.feed(chunk)
    return bytes(answer.body)


async def ask(
    upstream: Upstream,
    path: str,
    bounds: Bounds,
    work: Callable[..., T],
    *arguments: object,
    reserve: Callable[[int], Awaitable[None]] | None = None,
) -> T:
    """Return the result of `work` on the answer to a path, of any size within the bounds.

    A larger answer is refused while it arrives, before any of it is parsed. Each server has one large answer in memory
    at a time, and those of all servers share the room for large texts. `reserve` is called with the size of a large one
    before it is read.
    """
    async with contextlib.AsyncExitStack() as memory:
        answer = await read_answer(upstream, path, bounds, memory, reserve)
        return await work_on_answer(upstream, answer, work, *arguments)


async def read_answer(
    upstream: Upstream,
    path: str,
    bounds: Bounds,
    memory: contextlib.AsyncExitStack,
    reserve: Callable[[int], Awaitable[None]] | None = None,
) -> ProbeAnswer:
    """Return the answer to a path. What a large one needs of the memory is returned when `memory` ends."""
    answer = ProbeAnswer(path, bounds)
    with upstream.hold():
        async with upstream.session(is_fresh=False).get(upstream.url(path)) as reply:
            if reply.status != 200:
                raise StatusError(reply.status)
            has_room = False
            async for chunk in reply.content.iter_any():
                answer.feed(chunk)
                if not has_room and not is_small(answer.scan):
                    size = min(reply.content_length or bounds.size, bounds.size)
                    if reserve is not None:
                        await reserve(size)
                    await memory.enter_async_context(upstream.large.hold())
                    await memory.enter_async_context(upstream.worker.room(size))
                    has_room = True
    return answer


async def work_on_answer(upstream: Upstream, answer: ProbeAnswer, work: Callable[..., T], *arguments: object) -> T:
    """Return the result of `work` on the text of an answer."""
    try:
        body = upstream.secrets.mask(answer.body)
        return await upstream.worker.run(answer.scan, work, body, *arguments)
    except JsonError as error:
        raise not_json(answer.path, error, b"") from error


class ProbeAnswer:
    """An answer while it arrives."""

    def __init__(self, path: str, bounds: Bounds) -> None:
        self.path = path
        self.scan = Scan(bounds)
        self.body = bytearray()

    def feed(self, chunk: bytes) -> None:
        """Add the next part; `NotComfyError` once the answer exceeds its bounds."""
        try:
            self.scan.feed(chunk)
        except JsonError as error:
            raise not_json(self.path, error, self.body + chunk) from error
        self.body += chunk


def judge_failure(error: Exception) -> Condition:
    """Return the condition that a failed probe shows."""
    match error:
        case StatusError(status=status):
            return judge_status(status)
        case NotComfyError(cause=cause):
            return Condition(Health.NOT_COMFYUI, str(error), cause=cause)
        case Redirected(location=location):
            cause = "login" if _WAY_IN.search(location) else "redirect"
            return Condition(Health.NOT_COMFYUI, f"it answers with a redirect, {error}", cause=cause)
        case aiohttp.ConnectionTimeoutError():
            return Condition(Health.DOWN, "no connection in time", cause=LATE)
        case TimeoutError():
            return Condition(Health.TIMEOUT, "no answer in time", cause=LATE)
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return Condition(Health.REFUSES, short_reason(error), cause="certificate")
        case AnotherServerError():
            return Condition(Health.DOWN, str(error), cause="another")
        case aiohttp.ClientResponseError() | aiohttp.ClientPayloadError():
            return Condition(Health.NOT_COMFYUI, short_reason(error))
        case _:
            return Condition(Health.DOWN, short_reason(error))
