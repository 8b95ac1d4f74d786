"""The answers of real ComfyUI servers, from the recordings of all versions.

Exchanges are found anywhere in a file: an answer by its method, url and status, a queue and a history
entry by their keys, a socket by its messages.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from app.core.ports.http import Response
from app.core.workflow import ApiWorkflow, parse_workflow
from tests import recordings
from tests.recordings import OLDEST, VERSIONS


@dataclass(frozen=True)
class Exchange:
    """One request and its answer."""

    where: str
    method: str
    url: str
    response: Response


@dataclass(frozen=True)
class Frames:
    """The messages of one socket: texts, and binary frames as described."""

    where: str
    messages: tuple[dict[str, Any], ...]


@cache
def _files() -> dict[str, Any]:
    return {
        f"{version}/{name}": recordings.read(name, version)
        for version in VERSIONS
        for name in recordings.names(version)
    }


def one(name: str, version: str = OLDEST) -> Any:
    """Return one recording by the prefix of its name."""
    return next(value for stem, value in _files().items() if stem.startswith(f"{version}/{name}"))


def exchanges() -> list[Exchange]:
    """Every HTTP exchange."""
    return [
        Exchange(where, found["method"], found["url"].split("?")[0].lstrip("/"), response_of(found))
        for where, found in _walk()
        if isinstance(found, dict) and {"method", "url", "status"} <= found.keys() and "body" in found
    ]


def queues() -> list[tuple[str, dict[str, Any]]]:
    """Every whole queue."""
    return [(where, found) for where, found in _walk() if isinstance(found, dict) and "queue_running" in found]


def entries() -> list[tuple[str, dict[str, Any]]]:
    """Every whole history entry."""
    return [
        (where, found)
        for where, found in _walk()
        if isinstance(found, dict) and {"prompt", "outputs", "status"} <= found.keys()
    ]


def sockets() -> list[Frames]:
    """Every socket's messages."""
    return [
        Frames(where, tuple(found))
        for where, found in _walk()
        if isinstance(found, list) and found and all(isinstance(item, dict) and "t" in item for item in found)
    ]


def workflow_of(prompt_id: str) -> ApiWorkflow | None:
    """The workflow of a captured prompt: from a queue, a history entry or the capture of its run, or None."""
    for _, found in _walk():
        if not isinstance(found, dict):
            continue
        if (
            isinstance(found.get("prompt"), dict)
            and (found.get("post") or {}).get("body", {}).get("prompt_id") == prompt_id
        ):
            return parse_workflow(found["prompt"])
        items = [found.get("prompt"), *found.get("queue_running", ()), *found.get("queue_pending", ())]
        for item in items:
            if isinstance(item, list) and len(item) > 2 and item[1] == prompt_id:
                return parse_workflow(item[2])
    return None


def response_of(found: dict[str, Any]) -> Response:
    """A captured answer as our Http port would return it."""
    body = found["body"]
    headers = {name.lower(): value for name, value in (found.get("headers") or {}).items()}
    return Response(found["status"], headers, body if isinstance(body, str) else json.dumps(body))


def binary(message: dict[str, Any]) -> bytes:
    """The beginning of a binary frame, rebuilt from its description."""
    head = bytes.fromhex(message["hex_first_16"])
    if message["event_type"] != 4:
        return head
    meta = json.dumps(message["metadata"]).encode()
    assert len(meta) == message["metadata_length"]
    return head[:8] + meta + bytes.fromhex(message["image_magic"])


def _walk() -> Iterator[tuple[str, Any]]:
    for stem, value in _files().items():
        yield from _walk_into(stem, value)


def _walk_into(where: str, value: Any) -> Iterator[tuple[str, Any]]:
    yield where, value
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, child in children:
        yield from _walk_into(f"{where}/{name}", child)
