"""Servers that a page probes directly, without a gateway: the list beside the page, and the result of a probe.

A browser hides from a page nearly all of why a server refused it. What it does show distinguishes the causes
(docs/comfyui.md 7): whether anything answers a request whose answer the page may not read, and whether a
WebSocket greets as ComfyUI does. A server on another host checks the Origin of neither; one on this machine refuses
both.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

from app.core.comfy import Queue
from app.core.errors import ConfigError, reason_of
from app.core.model import Server, ServerId
from app.core.ports.http import Response
from wire.health import Condition, Health, judge_status, page_cause
from wire.operator_facts import read_operator_facts
from wire.queue import QueueError, read_remaining
from wire.system_stats import ProbeResult, StatsError, read_stats

FLAG = "--enable-cors-header"  # ComfyUI's own
_LOOPBACK = re.compile(r"localhost|.*\.localhost|127(\.\d{1,3}){3}|::1")


class Refusal(Enum):
    """Why a browser does not let this page use a server: the `cause` of its health."""

    NO_CORS = "no-cors"  # ComfyUI answers, but the page may not read it
    ORIGIN = "origin-refused"  # ComfyUI on this machine refuses pages of other origins (403)
    MIXED = "mixed-content"  # a page loaded by https may not request a plain http server
    POLICY = "not-in-policy"  # the page's own Content-Security-Policy lacks this address
    BETWEEN = "in-between"  # it redirects requests to another address: a login page
    UNSEEN = "unseen"  # it answers, and nothing shows what: a login page, a proxy, a newer ComfyUI
    NO_HTTPS = "no-https"  # no answer from an https address: perhaps its certificate


@dataclass(frozen=True, slots=True)
class ExportedSite:
    """Where this page came from: its origin, and its own policy (empty if it has none)."""

    origin: str
    policy: str = ""


@dataclass(frozen=True, slots=True)
class Reach:
    """What is known of a server whose answer could not be read."""

    answers: bool = False  # something answered
    greets: bool = False  # its WebSocket opened and sent ComfyUI's greeting
    is_turned: bool = False  # the request was redirected to another address


@dataclass(frozen=True, slots=True)
class ListedServers:
    """The list beside the page: its servers, whose `base` is their own address, and the build of the export."""

    servers: tuple[Server, ...] = ()
    build: str = ""


def read_listed(text: str) -> ListedServers:
    """Parse the list; ConfigError if it is invalid."""
    try:
        parsed = json.loads(text)
        servers = tuple(_listed(item) for item in parsed["servers"])
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ConfigError(f"not a list of servers: {reason_of(error)}") from error
    if len({server.server_id for server in servers}) < len(servers):
        raise ConfigError("the list of servers has an id twice")
    return ListedServers(servers, str(parsed.get("build") or ""))


def _listed(item: Mapping[str, Any]) -> Server:
    address = str(item["address"]).rstrip("/")
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or "@" in address:
        raise ValueError(f"{address!r} is no address of a server")
    return Server(server_id=ServerId(str(item["id"])), address=address, base=address, **read_operator_facts(item))


def origin_of(address: str) -> str:
    """The scheme and host of an address."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def forbidden(address: str, site: ExportedSite) -> Condition | None:
    """Why the browser would block a request, found before it is sent; None if it would not."""
    parts = urlsplit(address)
    is_loopback = _LOOPBACK.fullmatch(parts.hostname or "") is not None
    if site.origin.startswith("https:") and parts.scheme == "http" and not is_loopback:
        return Condition(health=Health.REFUSES, cause=Refusal.MIXED.value)
    if site.policy and origin_of(address) not in site.policy.replace(";", " ").split():
        return Condition(health=Health.REFUSES, cause=Refusal.POLICY.value)
    return None


def judge_silence(address: str, site: ExportedSite, reach: Reach) -> Condition:
    """Why the answer of a server could not be read, although the page may request it."""
    parts = urlsplit(address)
    flag = f"{FLAG} {site.origin}"
    if reach.greets:
        return Condition(health=Health.REFUSES, cause=Refusal.NO_CORS.value, detail=flag)
    if reach.is_turned:
        return Condition(health=Health.NOT_COMFYUI, cause=Refusal.BETWEEN.value)
    if reach.answers:
        is_here = _LOOPBACK.fullmatch(parts.hostname or "") is not None
        cause = Refusal.ORIGIN if is_here else Refusal.UNSEEN
        return Condition(health=Health.REFUSES, cause=cause.value, detail=flag)
    return Condition(health=Health.DOWN, cause=Refusal.NO_HTTPS.value if parts.scheme == "https" else "")


def judge_answers(stats: Response, line: Response) -> ProbeResult:
    """What the answers to `GET /system_stats` and `GET /prompt` show."""
    for response in (stats, line):
        if response.status != 200:
            return ProbeResult(judge_status(response.status))
    try:
        seen = read_stats(_parsed(stats.text))
    except StatsError:
        return _judge_strange(stats.text)
    try:
        count = read_remaining(_parsed(line.text))
    except QueueError:
        return _judge_strange(line.text)
    return seen.with_queue(running=min(1, count), pending=max(0, count - 1))  # ComfyUI runs one at a time


def _judge_strange(text: str) -> ProbeResult:
    cause = page_cause(text.encode("utf-8", "replace"))
    return ProbeResult(Condition(Health.NOT_COMFYUI, "its answer is not ComfyUI's", cause=cause))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def loads_response(loads: Mapping[ServerId, Queue | str]) -> Response:
    """Return each server's queue, or why it gave none, as the gateway answers `/fleet/loads` (`comfy.read_loads`)."""
    servers = {
        server_id: {"ok": False, "cause": load}
        if isinstance(load, str)
        else {"ok": True, "running": load.running, "pending": load.pending}
        for server_id, load in loads.items()
    }
    return Response(200, text=json.dumps({"servers": servers}))
