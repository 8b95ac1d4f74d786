"""The page and its files, with the protections of our own origin."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from aiohttp import ETag, web

from gateway.archive import AppArchive
from gateway.flags import is_loopback
from gateway.refusal import Cause, Refusal, Refused

_TYPES: Mapping[str, str] = MappingProxyType(
    {
        ".css": "text/css; charset=utf-8",
        ".gif": "image/gif",
        ".html": "text/html; charset=utf-8",
        ".ico": "image/x-icon",
        ".jpg": "image/jpeg",
        ".js": "text/javascript; charset=utf-8",
        ".json": "application/json",
        ".map": "application/json",
        ".mjs": "text/javascript; charset=utf-8",
        ".mo": "application/octet-stream",
        ".png": "image/png",
        ".po": "text/plain; charset=utf-8",
        ".py": "text/x-python; charset=utf-8",
        ".svg": "image/svg+xml",
        ".toml": "application/toml",
        ".txt": "text/plain; charset=utf-8",
        ".wasm": "application/wasm",
        ".webmanifest": "application/manifest+json",
        ".webp": "image/webp",
        ".whl": "application/zip",
        ".woff2": "font/woff2",
        ".zip": "application/zip",
    }
)
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-eval' 'wasm-unsafe-eval'; style-src 'self'; "
    "img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self' {sockets}; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


class Site:
    """Serves the files below the repository's root that belong to the page."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._archive = AppArchive(self._root)

    async def build(self) -> str:
        """Which build of the page is served now; the archive is made for it if need be."""
        return (await asyncio.to_thread(self._archive.current)).build

    async def file(self, path: str, origin: str) -> web.StreamResponse:
        """One file by its path below the root. `Refused` if it is not there, or not really there."""
        found = await asyncio.to_thread(self._find, path)
        if found is None:
            raise Refused(Refusal(Cause.NOT_LISTED, f"There is no file {path}."))
        headers = page_headers(origin)
        headers["Content-Type"] = _TYPES.get(found.suffix.lower(), "application/octet-stream")
        return web.FileResponse(found, headers=headers)

    async def app_archive(self, request: web.BaseRequest, origin: str) -> web.Response:
        """`/app.zip`."""
        archive = await asyncio.to_thread(self._archive.current)
        headers = page_headers(origin) | {"ETag": f'"{archive.etag}"'}
        known = {etag.value for etag in request.if_none_match or ()}
        if archive.etag in known:
            return web.Response(status=304, headers=headers)
        response = web.Response(body=archive.data, headers=headers | {"Content-Type": "application/zip"})
        response.etag = ETag(archive.etag)
        return response

    def _find(self, path: str) -> Path | None:
        """The real file; None if there is none or a link leads out of where it seems to be."""
        try:
            found = (self._root / path).resolve(strict=True)
        except OSError:
            return None
        area = self._root / Path(path).parts[0]
        return found if found.is_file() and (found == area or area in found.parents) else None


def page_headers(origin: str) -> dict[str, str]:
    """The headers of our own files for a page at this origin."""
    parts = urlsplit(origin)
    # Browsers differ on whether 'self' covers WebSockets, so the origin's own are named.
    sockets = f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}"
    headers = {
        "Content-Security-Policy": _POLICY.format(sockets=sockets),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-cache",
    }
    if parts.scheme == "https" or is_loopback(parts.hostname or ""):
        # On plain http under a name, browsers ignore it and complain in the console.
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
    return headers
