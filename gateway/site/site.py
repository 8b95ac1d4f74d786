"""The page and its files, with the security headers of our origin."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from urllib.parse import urlsplit

from aiohttp import ETag, web

from gateway.flags import is_loopback
from gateway.http.refusal import Refusal, RefusedRequest
from gateway.install.snapshot import MemorySnapshot
from gateway.page.home_screen import MANIFEST, MANIFEST_PATH, NO_WORKER, WORKER, manifest_text, worker_text
from gateway.page.tree import LOGIN, PAGE, Tree, digest, text_of
from gateway.site.builds import PageBuilds, best_coding
from gateway.site.codings import accepted
from gateway.site.first_screens import CatalogueLines, FirstScreens, Viewer
from gateway.site.policy import header_policy
from gateway.site.published import Published
from gateway.site.shared_reads import SharedReads
from gateway.site.snapshots import PageSnapshots
from wire.media import IMAGE_TYPES
from wire.refusals import Cause

TYPES: Mapping[str, str] = MappingProxyType(
    {
        **IMAGE_TYPES,
        ".css": "text/css; charset=utf-8",
        ".html": "text/html; charset=utf-8",
        ".ico": "image/x-icon",
        ".js": "text/javascript; charset=utf-8",
        ".json": "application/json",
        ".map": "application/json",
        ".mjs": "text/javascript; charset=utf-8",
        ".mo": "application/octet-stream",
        ".py": "text/x-python; charset=utf-8",
        ".toml": "application/toml",
        ".txt": "text/plain; charset=utf-8",
        ".wasm": "application/wasm",
        ".webmanifest": "application/manifest+json",
        ".whl": "application/zip",
        ".woff2": "font/woff2",
        ".zip": "application/zip",
    }
)

FOR_EVER = "private, max-age=31536000, immutable"
MOST_DOCUMENTS = 32


@dataclass(frozen=True, slots=True)
class IndexDocument:
    """One `index.html` as it is served, and compressed."""

    plain: bytes
    packed: bytes  # gzip
    etag: str

    @classmethod
    def of(cls, html: str) -> IndexDocument:
        """Compress a page."""
        data = html.encode()
        return cls(data, gzip.compress(data, compresslevel=6, mtime=0), digest(data))

    def answer(self, request: web.BaseRequest, headers: dict[str, str], *, is_personal: bool) -> web.Response:
        """Return the page, or that the browser has it; one of a user is stored nowhere."""
        is_packed = "gzip" in accepted(request.headers.get("Accept-Encoding", ""))
        etag = f"{self.etag}-gzip" if is_packed else self.etag
        headers |= {"Content-Type": TYPES[".html"], "Vary": "Accept-Encoding, Accept-Language, Cookie"}
        if is_packed:
            headers["Content-Encoding"] = "gzip"
        if is_personal:
            headers["Cache-Control"] = "private, no-store"
        else:
            headers["ETag"] = f'"{etag}"'
            if etag in {known.value for known in request.if_none_match or ()}:
                return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
        return web.Response(body=self.packed if is_packed else self.plain, headers=headers)


@dataclass(frozen=True, slots=True)
class Present:
    """The page's files now, and their memory snapshot if there is one."""

    tree: Tree
    snapshot: MemorySnapshot | None


class Site:
    """Serves the files below the repository's root that belong to the page."""

    def __init__(self, root: Path, published: Published, catalogue: Callable[[str], CatalogueLines | None]) -> None:
        self._root = root.resolve()
        self._first_screens = FirstScreens(self._root, published, catalogue)
        self._documents: dict[object, IndexDocument] = {}  # by what they were made from
        self._builds = PageBuilds(self._root)
        self._snapshots = PageSnapshots(self._root)
        self._reads = SharedReads(self._read)

    async def close(self) -> None:
        """End the background work."""
        await self._first_screens.close()
        await self._builds.close()
        await self._snapshots.close()

    async def draw_ahead(self, viewer: Viewer) -> None:
        """Have the first screens drawn for those who come first."""
        await self._first_screens.draw_ahead((await self.present()).tree, viewer)

    async def present(self) -> Present:
        """Return what is served now; store the build, and start making its snapshot, if they are missing."""
        return await self._reads.fresh()

    async def _read(self) -> Present:
        tree = await self._builds.current()
        return Present(tree, await self._snapshots.current(tree))

    async def login(self, request: web.BaseRequest, origin: str) -> web.StreamResponse:
        """Serve the login page."""
        return await self._made(request, LOGIN, origin)

    async def page(
        self, request: web.BaseRequest, origin: str, present: Present, viewer: Viewer, *, is_personal: bool = False
    ) -> web.Response:
        """Serve `index.html`, which names the files of the present build and the matching memory snapshot, and has the
        first screen of a new window.

        The viewer's facts are in it as `data-` attributes. A page of a user is stored nowhere.
        """
        tree, snapshot = present.tree, present.snapshot
        if not tree.page.html:
            raise RefusedRequest(Refusal(Cause.NOT_LISTED, f"There is no file {PAGE}."))
        screen = await self._first_screens.find(tree, viewer)
        facts = tree.build.key, snapshot, tuple(viewer.about.items()), screen
        document = self._documents.get(facts)
        if document is None:
            link = "" if snapshot is None else snapshot_link(snapshot)
            document = IndexDocument.of(tree.page.write(f"/b/{tree.build.key}/", link, viewer.about, screen))
            if len(self._documents) >= MOST_DOCUMENTS:
                self._documents.clear()
            self._documents[facts] = document
        return document.answer(request, page_headers(origin), is_personal=is_personal)

    async def home_screen(
        self, request: web.BaseRequest, path: str, origin: str, *, has_worker: bool
    ) -> web.StreamResponse:
        """Serve the app's manifest, or the service worker of the present build: without one, a text that removes it."""
        tree = (await self.present()).tree
        source = MANIFEST if path == MANIFEST_PATH else WORKER if has_worker else NO_WORKER
        text = await asyncio.to_thread(text_of, tree, source)
        if not text:
            raise RefusedRequest(Refusal(Cause.NOT_LISTED, f"There is no file {source}."))
        if source == MANIFEST:
            text = manifest_text(text, "/")
        elif source == WORKER:
            text = worker_text(text, f"/b/{tree.build.key}/")
        return _answer(request, text.encode(), digest(text.encode()), type_of(path), origin)

    async def built(self, request: web.BaseRequest, key: str, path: str, origin: str) -> web.StreamResponse:
        """Serve a file of the present build or an earlier one, compressed if the browser accepts it."""
        found = await self._builds.find(key, path)
        if found is None:
            raise RefusedRequest(
                Refusal(Cause.NOT_LISTED, f"There is no file {path} in this build, or the build is gone.")
            )
        headers = page_headers(origin) | {"Content-Type": type_of(path), "Cache-Control": FOR_EVER}
        if isinstance(found, bytes):
            return web.Response(body=found, headers=headers)
        # A range is a range of the uncompressed file, whatever else the browser accepts.
        codings = accepted("" if "Range" in request.headers else request.headers.get("Accept-Encoding", ""))
        file, coding = await asyncio.to_thread(best_coding, found, codings)
        if coding:
            headers["Content-Encoding"] = coding
        return web.FileResponse(file, headers=headers | {"Vary": "Accept-Encoding"})

    async def snapshot(self, request: web.BaseRequest, key: str, origin: str, *, is_plain: bool) -> web.StreamResponse:
        """Serve a memory snapshot; 204 if there is none: the page starts without it, which is no failure."""
        headers = page_headers(origin)
        found = await self._snapshots.find(key, None if is_plain else request.headers.get("Accept-Encoding", ""))
        if found is None:
            return web.Response(status=HTTPStatus.NO_CONTENT, headers=headers | {"Cache-Control": "no-store"})
        file, coding = found
        headers |= {"Content-Type": "application/octet-stream", "Cache-Control": FOR_EVER}
        if not is_plain:
            headers |= {"Content-Encoding": coding, "Vary": "Accept-Encoding"}
        return web.FileResponse(file, headers=headers)

    async def file(self, request: web.BaseRequest, path: str, origin: str) -> web.StreamResponse:
        """Serve one present file, by its path below the root. `Refused` if it is missing, or outside the root."""
        found = await asyncio.to_thread(self._find, path)
        if found is None:
            return await self._made(request, path, origin)
        return web.FileResponse(found, headers=page_headers(origin) | {"Content-Type": type_of(found.name)})

    async def app_archive(self, request: web.BaseRequest, origin: str) -> web.Response:
        """Serve `/app.zip` of the present sources."""
        archive = (await self.present()).tree.archive
        return _answer(request, archive.data, archive.etag, TYPES[".zip"], origin)

    async def _made(self, request: web.BaseRequest, path: str, origin: str) -> web.StreamResponse:
        """Serve a file that is generated from others, or any file of a wheel."""
        tree = (await self.present()).tree
        content = tree.build.files.get(path, "")
        data = tree.contents.get(content)
        if data is None:
            raise RefusedRequest(Refusal(Cause.NOT_LISTED, f"There is no file {path}."))
        if isinstance(data, Path):
            return web.FileResponse(data, headers=page_headers(origin) | {"Content-Type": type_of(path)})
        return _answer(request, data, content, type_of(path), origin)

    def _find(self, path: str) -> Path | None:
        """Return the real file; None if there is none, or a link leads out of its folder."""
        try:
            found = (self._root / path).resolve(strict=True)
        except OSError:
            return None
        area = self._root / Path(path).parts[0]
        return found if found.is_file() and (found == area or area in found.parents) else None


def _answer(request: web.BaseRequest, data: bytes, etag: str, kind: str, origin: str) -> web.Response:
    """Answer with these bytes and their tag, or that the browser has them already."""
    headers = page_headers(origin) | {"ETag": f'"{etag}"'}
    if etag in {known.value for known in request.if_none_match or ()}:
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    response = web.Response(body=data, headers=headers | {"Content-Type": kind})
    response.etag = ETag(etag)
    return response


def type_of(path: str) -> str:
    """Return the media type of one of our files, by its name."""
    return TYPES.get(PurePosixPath(path).suffix.lower(), "application/octet-stream")


def snapshot_link(snapshot: MemorySnapshot) -> str:
    """Return the link to a snapshot in the page, which `static/js/boot.mjs` reads."""
    return (
        f'<link rel="mooring-snapshot" id="snapshot" href="/snapshots/{snapshot.key}"'
        f' data-plain="/snapshots/{snapshot.key}.raw"'
        f' data-size="{snapshot.size}" data-sum="{snapshot.sum}">'
    )


def page_headers(origin: str) -> dict[str, str]:
    """Return the headers of our own files for a page at this origin."""
    parts = urlsplit(origin)
    # Browsers differ on whether 'self' covers WebSockets, so name the origin's own.
    sockets = f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}"
    headers = {
        "Content-Security-Policy": header_policy(sockets),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-cache",
    }
    if parts.scheme == "https" or is_loopback(parts.hostname or ""):
        # On plain http under a host name, browsers ignore it and complain in the console.
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
    return headers
