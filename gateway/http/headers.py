"""The headers that pass between browser and server, and how an answer's content may be shown. Pure.

Both lists name what passes; everything else is dropped: hop-by-hop headers, cookies and logins of the browser,
`Set-Cookie`, CORS permissions and headers named like the gateway's own from the server.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from wire.media import INLINE_TYPES, OPAQUE

_TO_SERVER = (
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "If-Unmodified-Since",
    "Range",
)
_TO_BROWSER = (
    "Accept-Ranges",
    "Content-Encoding",
    "Content-Range",
    "ETag",
    "Last-Modified",
    "Retry-After",
)
_FOR_ALL = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}
OWN_HEADERS = _FOR_ALL | {"Cache-Control": "no-store"}  # of the gateway's own answers
_PROTECTIONS = {
    # A server overwrites and reuses file names, so a cached picture must be revalidated.
    True: _FOR_ALL | {"Cache-Control": "private, no-cache"},
    False: OWN_HEADERS,
}
_DATA_TYPES = frozenset({"application/json", "text/plain"})


def request_headers(headers: Mapping[str, str], *, origin: str) -> dict[str, str]:
    """Return the headers for the server; a claimed Origin becomes the server's own."""
    passed = {name: value for name in _TO_SERVER if (value := headers.get(name)) is not None}
    if "Origin" in headers:
        passed["Origin"] = origin
    return passed


def response_headers(headers: Mapping[str, str], *, is_view: bool, filename: str) -> dict[str, str]:
    """Return the headers for the browser, with the protections that every answer gets."""
    passed = {name: value for name in _TO_BROWSER if (value := headers.get(name)) is not None}
    passed |= _PROTECTIONS[is_view]
    passed |= _content(headers.get("Content-Type", ""), is_view=is_view, filename=filename)
    return passed


def _content(content_type: str, *, is_view: bool, filename: str) -> dict[str, str]:
    kind = content_type.partition(";")[0].strip().lower()
    if kind in INLINE_TYPES:
        return {"Content-Type": kind, "Content-Disposition": _disposition("inline", filename)}
    if kind in _DATA_TYPES and not is_view:
        return {"Content-Type": f"{kind}; charset=utf-8"}
    return {"Content-Type": OPAQUE, "Content-Disposition": _disposition("attachment", filename)}


def _disposition(how: str, filename: str) -> str:
    """Take the name from the request: a server's own header is raw bytes, which would have to be checked."""
    name = filename.replace("\\", "/").rpartition("/")[2]
    return f"{how}; filename*=UTF-8''{quote(name, safe='')}" if name and name.isprintable() else how
