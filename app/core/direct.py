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
from app.core.errors import ConfigError
from app.core.model import Health, Server, ServerId
from app.core.ports.http import Response
from app.core.server_stats import Device

DEMO_MARK = "--mooring-demo"  # in the demo's argv
FLAG = "--enable-cors-header"  # ComfyUI's own
MOST_DEVICES = 16  # of one server that are shown
_STATUSES = {401: "login", 403: "forbidden", 407: "login", 429: "busy"}
_PAGE = re.compile(r"\s*(<!doctype|<html)", re.IGNORECASE)
_PASSWORD = re.compile(r"type\s*=\s*[\"']?password|log ?in|sign ?in", re.IGNORECASE)
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
class Site:
    """Where this page came from: its origin, and its own policy (empty if it has none)."""

    origin: str
    policy: str = ""


@dataclass(frozen=True, slots=True)
class Reach:
    """What is known of a server whose answer could not be read."""

    answers: bool = False  # something answered
    greets: bool = False  # its WebSocket opened and sent ComfyUI's greeting
    is_turned: bool = False  # the request was redirected to another address


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """The result of one probe. `detail` is plain text, the same while nothing changes."""

    health: Health = Health.UNKNOWN
    cause: str = ""
    detail: str = ""
    version: str = ""
    is_demo: bool = False
    devices: tuple[Device, ...] = ()
    running: int = 0
    pending: int = 0


@dataclass(frozen=True, slots=True)
class Listed:
    """The list beside the page: its servers, whose `base` is their own address, and the build of the export."""

    servers: tuple[Server, ...] = ()
    build: str = ""


def read_listed(text: str) -> Listed:
    """Parse the list; ConfigError if it is invalid."""
    try:
        parsed = json.loads(text)
        servers = tuple(_listed(item) for item in parsed["servers"])
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ConfigError(f"not a list of servers: {error!r}") from error
    if len({server.server_id for server in servers}) < len(servers):
        raise ConfigError("the list of servers has an id twice")
    return Listed(servers, str(parsed.get("build") or ""))


def _listed(item: Mapping[str, Any]) -> Server:
    address = str(item["address"]).rstrip("/")
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or "@" in address:
        raise ValueError(f"{address!r} is no address of a server")
    weight = item.get("weight")
    return Server(
        server_id=ServerId(str(item["id"])),
        name=str(item.get("name") or item["id"]),
        address=address,
        base=address,
        colour=str(item.get("colour") or ""),
        weight=float(weight) if isinstance(weight, int | float) and weight > 0 else 1.0,
        tags=tuple(str(tag) for tag in item.get("tags") or ()),
        is_drained=item.get("drained") is True,
    )


def origin_of(address: str) -> str:
    """The scheme and host of an address."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def forbidden(address: str, site: Site) -> Sight | None:
    """Why the browser would block a request, found before it is sent; None if it would not."""
    parts = urlsplit(address)
    is_loopback = _LOOPBACK.fullmatch(parts.hostname or "") is not None
    if site.origin.startswith("https:") and parts.scheme == "http" and not is_loopback:
        return Sight(health=Health.REFUSES, cause=Refusal.MIXED.value)
    if site.policy and origin_of(address) not in site.policy.replace(";", " ").split():
        return Sight(health=Health.REFUSES, cause=Refusal.POLICY.value)
    return None


def judge_silence(address: str, site: Site, reach: Reach) -> Sight:
    """Why the answer of a server could not be read, although the page may request it."""
    parts = urlsplit(address)
    flag = f"{FLAG} {site.origin}"
    if reach.greets:
        return Sight(health=Health.REFUSES, cause=Refusal.NO_CORS.value, detail=flag)
    if reach.is_turned:
        return Sight(health=Health.NOT_COMFYUI, cause=Refusal.BETWEEN.value)
    if reach.answers:
        is_here = _LOOPBACK.fullmatch(parts.hostname or "") is not None
        cause = Refusal.ORIGIN if is_here else Refusal.UNSEEN
        return Sight(health=Health.REFUSES, cause=cause.value, detail=flag)
    return Sight(health=Health.DOWN, cause=Refusal.NO_HTTPS.value if parts.scheme == "https" else "")


def judge_answers(stats: Response, line: Response) -> Sight:
    """What the answers to `GET /system_stats` and `GET /prompt` show."""
    for response in (stats, line):
        if response.status != 200:
            return _judge_status(response.status)
    parsed, waits = _parsed(stats.text), _parsed(line.text)
    match parsed, waits:
        case (
            {"system": dict(system), "devices": list(devices)},
            {"exec_info": {"queue_remaining": int(count)}},
        ):
            argv = system.get("argv")
            return Sight(
                health=Health.WELL,
                version=str(system.get("comfyui_version") or ""),
                is_demo=isinstance(argv, list) and DEMO_MARK in argv,
                devices=tuple(_device(item) for item in devices[:MOST_DEVICES] if isinstance(item, dict)),
                running=min(1, max(0, count)),  # ComfyUI runs one at a time
                pending=max(0, count - 1),
            )
    return _judge_strange(line.text if parsed is not None else stats.text)


def _judge_status(status: int) -> Sight:
    detail = f"it answers with status {status}"
    if status in _STATUSES:
        return Sight(health=Health.REFUSES, cause=_STATUSES[status], detail=detail)
    return Sight(health=Health.DOWN if status >= 500 else Health.NOT_COMFYUI, detail=detail)


def _judge_strange(text: str) -> Sight:
    cause = "" if not _PAGE.match(text) else "login" if _PASSWORD.search(text) else "web-page"
    return Sight(health=Health.NOT_COMFYUI, cause=cause, detail="its answer is not ComfyUI's")


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _device(item: Mapping[str, Any]) -> Device:
    name, kind = item.get("name"), item.get("type")
    return Device(
        name=name if isinstance(name, str) else "",
        kind=kind if isinstance(kind, str) else "",
        total=_bytes(item.get("vram_total")),
        free=_bytes(item.get("vram_free")),
    )


def _bytes(value: object) -> int | None:
    is_size = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**63
    return int(value) if is_size else None  # type: ignore[call-overload]


def loads_response(loads: Mapping[ServerId, Queue | str]) -> Response:
    """Return each server's queue, or why it gave none, as the gateway answers `/fleet/loads` (`comfy.read_loads`)."""
    servers = {
        server_id: {"ok": False, "cause": load}
        if isinstance(load, str)
        else {"ok": True, "running": load.running, "pending": load.pending}
        for server_id, load in loads.items()
    }
    return Response(200, text=json.dumps({"servers": servers}))
