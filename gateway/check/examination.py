"""The examination of one server for `serve.py check`: it asks for more than a probe does, and changes nothing.

Only a server that may get keys for partner nodes runs a small prompt, as before the first prompt with a key.

    report = await examine(upstream)

A report holds facts; `gateway/check/output.py` says what they mean and what to do.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime

import aiohttp
from aiohttp import WSMsgType

from gateway.fleet.probes import StatusError, fetch_features, has_jobs, judge_failure, probe_closely, read_bounded
from gateway.fleet.server_answers import SMALL, NotComfyError, parse_json, parse_stats
from gateway.fleet.state import DEFAULT_MAX_UPLOAD
from gateway.http.refusal import RefusedRequest
from gateway.http.servers import Server
from gateway.http.upstream import Redirected, Upstream
from gateway.partner.proof import Proofs
from wire.health import Condition, Health
from wire.system_stats import Device

_SOCKET_BYTES = 1_000_000  # the largest greeting that is read


@dataclass(frozen=True, slots=True)
class Report:
    """The facts about one server. What could not be requested is None, or empty."""

    server: Server
    condition: Condition
    devices: tuple[Device, ...] = ()
    distrust: str = ""  # why its certificate is not trusted
    location: str = ""  # the target of a redirect, without its query
    seconds: float | None = None  # until /system_stats was answered, connecting included
    clock: float | None = None  # seconds that the server's clock is ahead of ours, within about a second
    socket: str | None = None  # empty: it sends its greeting; otherwise why not
    has_jobs: bool | None = None
    upload: int | None = None  # bytes that the server accepts
    keeps_keys: str | None = None  # empty: it may get keys for partner nodes; otherwise why not. None: it is not marked
    admits: str = ""  # the origin whose pages may read its answers, or *

    @property
    def is_well(self) -> bool:
        """Whether the server can be used."""
        return self.condition.health is Health.WELL and not self.socket


@dataclass(frozen=True, slots=True)
class _Answer:
    """One answer, and when it came."""

    body: bytes
    seconds: float
    clock: float | None
    admits: str


async def examine(upstream: Upstream, now: Callable[[], float] = time.time) -> Report:
    """Examine a server. Never raises for what the server or the network does."""
    server = upstream.server
    try:
        async with asyncio.timeout(upstream.deadlines.probe):
            answer = await _ask(upstream, "/system_stats", now)
            parse_stats(parse_json(answer.body, "/system_stats"))
    except (aiohttp.ClientError, OSError, TimeoutError, NotComfyError, StatusError) as error:
        return Report(server, judge_failure(error), distrust=_distrust(error), location=_location(error))
    seen = await probe_closely(upstream)
    report = Report(
        server, seen.condition, devices=seen.devices, seconds=answer.seconds, clock=answer.clock, admits=answer.admits
    )
    if report.condition.health is not Health.WELL:
        return report
    return replace(
        report,
        socket=await _try_socket(upstream),
        has_jobs=await has_jobs(upstream),
        upload=(await fetch_features(upstream)).max_upload or DEFAULT_MAX_UPLOAD,
        keeps_keys=await _try_key(upstream) if server.is_partner else None,
    )


async def _try_key(upstream: Upstream) -> str:
    """Return why the server gets no keys for partner nodes, or an empty text."""
    proofs = Proofs()
    try:
        await proofs.demand(upstream)
    except RefusedRequest as error:
        return error.refusal.message
    finally:
        await proofs.close()
    return ""


async def _ask(upstream: Upstream, path: str, now: Callable[[], float]) -> _Answer:
    began, asked_at = time.monotonic(), now()
    async with upstream.session(is_fresh=True).get(upstream.url(path)) as reply:
        seconds = time.monotonic() - began
        if reply.status != 200:
            raise StatusError(reply.status)
        body = await read_bounded(reply, path, SMALL)
        clock = _ahead(reply.headers.get("Date", ""), asked_at + seconds / 2)
        return _Answer(body, seconds, clock, reply.headers.get("Access-Control-Allow-Origin", ""))


def _ahead(date: str, at: float) -> float | None:
    """Return the seconds by which a Date header, which has whole seconds, is ahead of a time."""
    try:
        server_time = parsedate_to_datetime(date).timestamp() + 0.5
    except (ValueError, OverflowError):
        return None
    return server_time - at


async def _try_socket(upstream: Upstream) -> str:
    """Open a WebSocket; return why that failed, or an empty text. ComfyUI greets each new socket with its status."""
    try:
        socket = await upstream.open_socket(f"mooring-check-{uuid.uuid4()}", _SOCKET_BYTES)
    except RefusedRequest as error:
        return error.refusal.message
    try:
        async with asyncio.timeout(upstream.deadlines.probe):
            message = await socket.receive()
            if message.type not in {WSMsgType.TEXT, WSMsgType.BINARY}:
                return "its WebSocket closes immediately"
            await socket.say_close()
            await socket.gone()
    except TimeoutError:
        return "its WebSocket opens and sends nothing"
    except (aiohttp.ClientError, OSError):
        return "its WebSocket fails immediately"
    finally:
        socket.abort()
    return ""


def _distrust(error: Exception) -> str:
    if not isinstance(error, aiohttp.ClientConnectorCertificateError):
        return ""
    return str(getattr(error.certificate_error, "verify_message", ""))


def _location(error: Exception) -> str:
    return error.location.partition("?")[0] if isinstance(error, Redirected) else ""
