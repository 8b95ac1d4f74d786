"""HTTP answers, and what applies to all of them: the guard against foreign origins, conditions and ranges."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import formatdate, parsedate_to_datetime
from typing import Any

from demo_comfyui.model.origin import differs, host_name

TROUBLE = b"500 Internal Server Error\n\nServer got itself in trouble"
TEXT = "text/plain; charset=utf-8"


@dataclass
class Answer:
    """An HTTP answer with header names in lower case."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def json_answer(value: Any, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value).encode(), {"content-type": "application/json; charset=utf-8"})


def text_answer(text: str, status: int) -> Answer:
    return Answer(status, text.encode(), {"content-type": TEXT})


def not_allowed() -> Answer:
    """Return the answer to a POST on a GET route, where ComfyUI's static handler has every path."""
    return Answer(405, b"405: Method Not Allowed", {"content-type": TEXT, "allow": "GET,HEAD"})


def file_answer(data: bytes, written: float, headers: Mapping[str, str]) -> Answer:
    """Return a file with its ETag and date; `written` in seconds since 1970."""
    dated = {
        "etag": f'"{int(written * 1e9):x}-{len(data):x}"',
        "last-modified": formatdate(int(written), usegmt=True),
        "accept-ranges": "bytes",
    }
    return Answer(200, data, {**headers, **dated})


def trouble() -> Answer:
    """Return the answer of ComfyUI's unexpected errors, which close the connection."""
    return Answer(500, TROUBLE, {"content-type": TEXT, "connection": "close"})


def nothing_here() -> Answer:
    """Return the answer of the static handler for an unknown path."""
    return Answer(404, b"", {"content-type": "application/octet-stream", "transfer-encoding": "chunked"})


def conditional(answer: Answer, headers: Mapping[str, str]) -> Answer:
    """Apply the request's conditions to a file's answer: 304, a range, or unchanged."""
    etag = answer.headers.get("etag")
    if answer.status != 200 or etag is None:
        return answer
    if _is_unchanged(answer, headers):
        kept = {key: value for key, value in answer.headers.items() if key != "accept-ranges"}
        return Answer(304, b"", kept)
    if "range" not in headers:
        return answer
    size = len(answer.body)
    first, last = _range(headers["range"], size)
    if first >= size:
        return Answer(416, b"", {**answer.headers, "content-range": f"bytes */{size}"})
    part = answer.body[first : last + 1]
    return Answer(206, part, {**answer.headers, "content-range": f"bytes {first}-{first + len(part) - 1}/{size}"})


def _is_unchanged(answer: Answer, headers: Mapping[str, str]) -> bool:
    if "if-none-match" in headers:
        return answer.headers["etag"] in [each.strip() for each in headers["if-none-match"].split(",")]
    if "if-modified-since" in headers:
        since = parsedate_to_datetime(headers["if-modified-since"])
        return parsedate_to_datetime(answer.headers["last-modified"]) <= since
    return False


def _range(text: str, size: int) -> tuple[int, int]:
    first, _, last = text.removeprefix("bytes=").partition("-")
    if not first:
        return max(0, size - int(last)), size - 1
    return int(first), int(last) if last else size - 1


def is_foreign(headers: Mapping[str, str]) -> bool:
    """Return whether an Origin differs from a loopback Host."""
    host, origin = headers.get("host", ""), headers.get("origin")
    return origin is not None and _is_loopback(host_name(host) or "") and differs(host, origin)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
