"""Looks at a server: its answers to `/system_stats`, `/queue` and `/features`, read as values.

An answer counts only if it has ComfyUI's shape: a log-in page, a redirect or another program on the port is told
apart from a server that is down.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp

from gateway.json_reader import Bounds, JsonError, read_json
from gateway.proof import AnotherServerError
from gateway.state import DEFAULT_MAX_UPLOAD, Condition, Health
from gateway.upstream import Redirected, Upstream, short_reason
from gateway.vitals import MOST_DEVICES, Device, read_device

DEMO_MARK = "--mooring-demo"  # stands in the demo's argv
LARGEST_ANSWER = 64 * 1024 * 1024  # bytes; /queue carries everybody's whole prompts
_BOUNDS = Bounds(LARGEST_ANSWER)
_LOOKED_INTO = 65_536  # bytes of a page for people
_LONGEST_VERSION = 80  # characters; each window is told it
_LOGIN = {401: "login", 403: "forbidden", 407: "login", 429: "busy"}


_WAY_IN = re.compile(r"log-?in|sign-?in|auth|sso|session", re.IGNORECASE)  # in the address that a redirect leads to
_PASSWORD = re.compile(rb"type\s*=\s*[\"']?password|log ?in|sign ?in", re.IGNORECASE)
_PAGE = re.compile(rb"\s*(<!doctype|<html)", re.IGNORECASE)


class NotComfyError(Exception):
    """The answer has not ComfyUI's shape. `cause` is what it is instead, where that can be told."""

    def __init__(self, message: str, cause: str = "") -> None:
        self.cause = cause
        super().__init__(message)


class StatusError(Exception):
    """The answer has another status than 200."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(f"status {status}")


@dataclass(frozen=True, slots=True)
class Stats:
    """What matters of `/system_stats`."""

    version: str
    is_demo: bool
    devices: tuple[Device, ...] = ()


@dataclass(frozen=True, slots=True)
class Queue:
    """The prompt_ids of `/queue`, in the order in which they will run."""

    running: tuple[str, ...]
    pending: tuple[str, ...]
    marks: Mapping[str, str] = field(default_factory=dict)  # by prompt_id, the owner's mark where there is one


@dataclass(frozen=True, slots=True)
class Look:
    """What one look has shown: the condition, and what changes too often to be told to everybody."""

    condition: Condition
    devices: tuple[Device, ...] = ()


async def look(upstream: Upstream) -> Condition:
    """The condition of a server now. Never raises for what the server or the network does."""
    return (await look_closely(upstream)).condition


async def look_closely(upstream: Upstream) -> Look:
    """One look at a server. Never raises for what the server or the network does."""
    try:
        async with asyncio.timeout(upstream.deadlines.probe):
            stats = parse_stats(await fetch_json(upstream, "/system_stats"))
            queue = parse_queue(await fetch_json(upstream, "/queue"))
    except (aiohttp.ClientError, OSError, TimeoutError, NotComfyError, StatusError) as error:
        return Look(judge_failure(error))
    condition = Condition(
        health=Health.WELL,
        running=len(queue.running),
        pending=len(queue.pending),
        version=stats.version,
        is_demo=stats.is_demo,
    )
    return Look(condition, stats.devices)


async def read_queue(upstream: Upstream) -> Queue:
    """The queue now; raises whatever `judge_failure` understands."""
    return parse_queue(await fetch_json(upstream, "/queue"))


async def read_max_upload(upstream: Upstream) -> int:
    """The largest request body that the server takes, in bytes; ComfyUI's default where it does not say."""
    try:
        async with asyncio.timeout(upstream.deadlines.probe):
            answer = await fetch_json(upstream, "/features")
    except (aiohttp.ClientError, OSError, TimeoutError, NotComfyError, StatusError):
        return DEFAULT_MAX_UPLOAD
    size = answer.get("max_upload_size") if isinstance(answer, dict) else None
    return size if isinstance(size, int) and size > 0 else DEFAULT_MAX_UPLOAD


async def has_jobs(upstream: Upstream) -> bool:
    """Whether the server has the newer jobs API. Asked here, so that no page asks in vain: browsers log refusals."""
    try:
        async with asyncio.timeout(upstream.deadlines.probe):
            answer = await fetch_json(upstream, "/api/jobs?limit=1")
    except (aiohttp.ClientError, OSError, TimeoutError, NotComfyError, StatusError):
        return False
    return isinstance(answer, dict) and isinstance(answer.get("jobs"), list)


async def fetch_json(upstream: Upstream, path: str) -> object:
    """The JSON at a path; for answers that are small."""
    return parse_json(await fetch_body(upstream, path), path)


async def fetch_body(upstream: Upstream, path: str, largest: int = LARGEST_ANSWER) -> bytes:
    """What a path answers, up to a size that no healthy server reaches."""
    with upstream.hold():
        async with upstream.session(is_fresh=False).get(upstream.url(path)) as reply:
            if reply.status != 200:
                raise StatusError(reply.status)
            return await read_bounded(reply, path, largest)


async def read_bounded(reply: aiohttp.ClientResponse, path: str, largest: int) -> bytes:
    """The whole body of an answer, or `NotComfyError`."""
    body = bytearray()
    async for chunk in reply.content.iter_any():
        body += chunk
        if len(body) > largest:
            raise NotComfyError(f"{path} is too large")
    return bytes(body)


def parse_json(body: bytes, path: str, bounds: Bounds = _BOUNDS) -> object:
    """The value of a body; megabytes of it are for a thread."""
    try:
        value: object = read_json(body, bounds)
    except JsonError as error:
        raise NotComfyError(f"{path} is not JSON: {error}", _page_cause(body)) from error
    return value


def _page_cause(body: bytes) -> str:
    """What answers instead of ComfyUI, if that is a page for people: one that wants a log-in, or another one."""
    beginning = body[:_LOOKED_INTO]
    if not _PAGE.match(beginning):
        return ""
    return "login" if _PASSWORD.search(beginning) else "web-page"


def judge_failure(error: Exception) -> Condition:
    """The condition that a failed look shows."""
    match error:
        case StatusError(status=status) if status in _LOGIN:
            return Condition(Health.REFUSES, f"it answers with status {status}", cause=_LOGIN[status])
        case StatusError(status=status) if status >= 500:
            return Condition(Health.DOWN, f"it answers with status {status}")
        case NotComfyError(cause=cause):
            return Condition(Health.NOT_COMFYUI, str(error), cause=cause)
        case StatusError():
            return Condition(Health.NOT_COMFYUI, str(error))
        case Redirected(location=location):
            cause = "login" if _WAY_IN.search(location) else "redirect"
            return Condition(Health.NOT_COMFYUI, f"it answers with a redirect, {error}", cause=cause)
        case aiohttp.ConnectionTimeoutError():
            return Condition(Health.DOWN, "no connection in time")
        case TimeoutError():
            return Condition(Health.TIMEOUT, "no answer in time")
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return Condition(Health.REFUSES, short_reason(error), cause="certificate")
        case AnotherServerError():
            return Condition(Health.DOWN, str(error), cause="another")
        case aiohttp.ClientResponseError() | aiohttp.ClientPayloadError():
            return Condition(Health.NOT_COMFYUI, short_reason(error))
        case _:
            return Condition(Health.DOWN, short_reason(error))


def parse_stats(answer: object) -> Stats:
    """What matters of `/system_stats`, or `NotComfyError`."""
    match answer:
        case {"system": {"argv": list(argv), **system}, "devices": list(devices)}:
            version = system.get("comfyui_version", "")
            told = version[:_LONGEST_VERSION] if isinstance(version, str) else ""
            return Stats(told, DEMO_MARK in argv, _devices(devices))
        case {"system": dict(), "devices": list(devices)}:
            return Stats("", is_demo=False, devices=_devices(devices))  # very old servers do not tell their version
        case _:
            raise NotComfyError("/system_stats is not ComfyUI's")


def _devices(items: list[object]) -> tuple[Device, ...]:
    return tuple(read_device(item) for item in items[:MOST_DEVICES] if isinstance(item, dict))


def parse_queue(answer: object) -> Queue:
    """The ids of `/queue`, or `NotComfyError`. Pending items come in heap order and are sorted as they will run."""
    match answer:
        case {"queue_running": list(running), "queue_pending": list(pending)}:
            marks = {item[1]: mark for item in (*running, *pending) if (mark := _mark(item)) is not None}
            return Queue(_ids(running), _ids(sorted(pending, key=_run_order)), marks)
        case _:
            raise NotComfyError("/queue is not ComfyUI's")


def _run_order(item: object) -> tuple[float, str]:
    match item:
        case [int() | float() as number, str(prompt_id), *_]:
            try:
                return float(number), prompt_id
            except OverflowError as error:  # hundreds of digits
                raise NotComfyError("/queue has an item that is not ComfyUI's") from error
        case _:
            raise NotComfyError("/queue has an item that is not ComfyUI's")


def _mark(item: object) -> str | None:
    match item:
        case [_, str(), _, {"mooring": str(mark)}, *_]:
            return mark
        case _:
            return None


def _ids(items: list[object]) -> tuple[str, ...]:
    return tuple(_run_order(item)[1] for item in items)
