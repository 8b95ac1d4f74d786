"""The queries of requests to servers: read with single keys, judged, and written from what was judged. Pure.

Readers differ about a key that occurs twice, a key or a value with a broken escape, and a key without a value. So
such a query is refused, and a server only ever gets the text of `write_query`, which every reader understands alike.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import quote, unquote_to_bytes

from wire.model_files import METADATA, is_inside

SEAL = "seal"  # a key for the gateway itself: `gateway/people/seals.py`
OWN_MARK = "mooring"  # a key that the page adds to /view addresses, so that a reused name is another address
VIEW_KEYS = ("filename", "subfolder", "type")  # of a file on a server, in the order in which the page writes them
_OWN_KEYS = frozenset({SEAL, OWN_MARK})
_KEY = re.compile(r"[A-Za-z0-9_]+", re.ASCII)
_BROKEN = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NUMBER = re.compile(r"-?[0-9]{1,9}", re.ASCII)
_CONVERSIONS = frozenset({"preview", "channel"})
# ComfyUI converts on its event loop: 16 megapixels take it four seconds, in which it answers no one else.
_NO_CONVERSION = "A server does not convert pictures for one request, since all its users would wait: ask for the file."
_BY_CONTENT = "blake3:"  # ComfyUI 0.30 then shows any file with this hash, whatever folder the query names
# A server's keys, by its path; a path that is not listed takes no query.
_KEYS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "/view": frozenset(VIEW_KEYS) | _OWN_KEYS,
        "/history": frozenset({"max_items", "offset"}),
        "/userdata": frozenset({"dir", "recurse", "full_info", "split"}),
        "/api/jobs": frozenset({"status", "workflow_id", "sort_by", "sort_order", "limit", "offset"}),
    }
)


class QueryError(ValueError):
    """A query that is refused; the message says why."""


def read_query(raw: str) -> dict[str, str]:
    """Return the values of a raw query by key, or raise `QueryError`."""
    named: dict[str, str] = {}
    for part in raw.split("&") if raw else ():
        key, equals, value = part.partition("=")
        if not _KEY.fullmatch(key) or not equals:
            raise QueryError("A query is a list of key=value, with keys of letters, digits and underscores.")
        if key in named:
            raise QueryError(f"The query has the key {key} twice.")
        named[key] = _decode(key, value)
    return named


def write_query(named: Mapping[str, str]) -> str:
    """Return the query text of these keys and values."""
    return "&".join(f"{key}={quote(value, safe='')}" for key, value in named.items())


def judge_query(path: str, raw: str) -> dict[str, str]:
    """Return the judged values of a request to this path of a server, our own keys included, or raise `QueryError`."""
    named = read_query(raw)
    if path.startswith(f"{METADATA}/"):
        if list(named) != ["filename"] or not is_inside(named["filename"]):
            raise QueryError("The query must be one filename inside the folder.")
        return named
    unknown = named.keys() - _KEYS.get(path, frozenset())
    if path == "/view" and unknown & _CONVERSIONS:
        raise QueryError(_NO_CONVERSION)
    if unknown:
        raise QueryError(f"This route has no query key {min(unknown)}.")
    if path == "/view" and named.get("filename", "").startswith(_BY_CONTENT):
        raise QueryError("A file is named by its folder and its name, not by its content.")
    if path == "/userdata" and named.get("dir") != "workflows":
        raise QueryError("Of a server's user data only dir=workflows can be listed.")
    if path == "/history" and not all(_NUMBER.fullmatch(value) for value in named.values()):
        raise QueryError("max_items and offset are numbers.")
    return named


def for_server(named: Mapping[str, str]) -> str:
    """Return the query text for the server: without our own keys."""
    return write_query({key: value for key, value in named.items() if key not in _OWN_KEYS})


def _decode(key: str, value: str) -> str:
    if _BROKEN.search(value):
        raise QueryError(f"The value of {key} has an invalid percent escape.")
    try:
        text = unquote_to_bytes(value.replace("+", " ")).decode("utf-8")
    except UnicodeDecodeError as error:
        raise QueryError(f"The value of {key} is not UTF-8.") from error
    if "\0" in text:
        raise QueryError(f"The value of {key} contains a NUL.")
    return text
