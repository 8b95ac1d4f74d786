"""Mooring beside ComfyUI's frontend and a real ComfyUI's own page: addresses, and pages that report when they are up.

    async with frontends() as found:
        for one in found:
            async with profile() as (context, folder):
                await context.add_init_script(WATCH % one.ready)
                page = await context.new_page()
                await page.goto(one.address)

Behind all is a demo server, or the real ComfyUI at the address in MOORING_REAL_COMFYUI, which has a page itself.
ComfyUI's frontend (`comfyui-frontend-package` as the tests have it) is served as Mooring's page is: compressed once,
into `benchmarks/out/peer/`, with the same functions (`gateway/install/compression.py`), sent by the same handler
(`aiohttp.web.FileResponse`), and cached for ever where names follow contents (`assets/`).
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from aiohttp import web

from benchmarks.kit.report import OUT
from gateway.install.builds import packed
from gateway.install.compression import ENDINGS, compress
from gateway.site.builds import best_coding
from gateway.site.codings import accepted
from gateway.site.site import FOR_EVER, type_of
from tests.kit.browser.chromium import wait_for_drawing, wait_for_snapshot
from tests.kit.services import start_gateway
from tests.oracle.editor_site import EditorSite, package_files, serve_site

OURS, PEER, ITSELF = "Mooring", "ComfyUI's", "itself"
FOLDER = OUT / "peer"
PACKED = {".css", ".html", ".js", ".json", ".svg", ".wasm"}
PATIENCE = 180_000  # milliseconds
REAL = os.environ.get("MOORING_REAL_COMFYUI", "")  # its address
IS_OURS_UP = "document.body && !document.body.matches('.is-booting') && document.querySelector('[data-testid=run]')"
# The canvas exists, the splash screen is gone, and the classes of nodes are known.
IS_PEER_UP = """globalThis.app?.rootGraph && app.vueAppReady && document.querySelector("canvas#graph-canvas")
  && !document.querySelector("#splash-loader") && Object.keys(LiteGraph.registered_node_types).length > 10"""
# Notes when the page is up. Checks whenever the page is idle.
WATCH = """
globalThis.mooringKeepAfter = 0; // a user's window keeps its snapshot some seconds later
performance.setResourceTimingBufferSize(2000);
{
  const look = () => { if (%s) globalThis.upAt = performance.now(); else setTimeout(look); };
  look();
}
"""
IS_UP = "() => globalThis.upAt"


@dataclass(frozen=True, slots=True)
class Frontend:
    """One of them: its name, its address, and the condition in its page that means it is ready for use."""

    name: str
    address: str
    ready: str


@contextlib.asynccontextmanager
async def frontends() -> AsyncIterator[list[Frontend]]:
    """Run all, with the same server behind them."""
    async with own_frontend() as ours, serve_peer(await catalogue_of(ours.address)) as peer:
        itself = [Frontend(ITSELF, REAL, IS_PEER_UP)] if REAL else []
        yield [ours, Frontend(PEER, peer, IS_PEER_UP), *itself]


@contextlib.asynccontextmanager
async def own_frontend() -> AsyncIterator[Frontend]:
    """Run Mooring alone, once its first screen and its memory snapshot are made."""
    with start_gateway("--server", f"real={REAL}") if REAL else start_gateway(demo=1) as gateway:
        await wait_for_snapshot(gateway.url)
        await wait_for_drawing(gateway.url)
        yield Frontend(OURS, gateway.url, IS_OURS_UP)


def behind() -> str:
    """Return what is behind all, in words."""
    if not REAL:
        return "a demo server"
    with urllib.request.urlopen(f"{REAL}/system_stats") as answer:
        return f"ComfyUI {json.load(answer)['system']['comfyui_version']}"


async def catalogue_of(base: str) -> str:
    """Return the node catalogue of the server behind a gateway."""
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{base}/fleet") as answer:
            (server,) = (await answer.json())["servers"]
        async with session.get(f"{base}/servers/{server['id']}/object_info") as answer:
            return await answer.text()


def prepare() -> Path:
    """Return the compressed files, made if necessary, which takes a minute or two."""
    source = package_files("comfyui_frontend_package", "static")
    done = FOLDER / "packed"
    if not done.exists():
        shutil.rmtree(FOLDER, ignore_errors=True)
        shutil.copytree(source, FOLDER / "static", ignore=shutil.ignore_patterns("*.map"))
        for path in [path for path in (FOLDER / "static").rglob("*") if path.suffix in PACKED]:
            for coding in ENDINGS:
                packed(path, coding).write_bytes(compress(path.read_bytes(), coding))
        done.touch()
    return FOLDER / "static"


class Peer(EditorSite):
    """The editor's site with our way of sending files."""

    async def file(self, request: web.Request) -> web.StreamResponse:
        """Send a file in an encoding that the browser accepts."""
        path = (self.static / (request.match_info["path"] or "index.html")).resolve()
        if not path.is_relative_to(self.static) or not path.is_file():
            return web.Response(status=404)
        is_named_by_content = path.is_relative_to(self.static / "assets")
        headers = {
            "Content-Type": type_of(path.name),
            "Cache-Control": FOR_EVER if is_named_by_content else "no-cache",
            "Vary": "Accept-Encoding",
        }
        sent, coding = best_coding(path, accepted(request.headers.get("Accept-Encoding", "")))
        return web.FileResponse(sent, headers=headers | ({"Content-Encoding": coding} if coding else {}))


@contextlib.asynccontextmanager
async def serve_peer(object_info: str) -> AsyncIterator[str]:
    """Serve it, and yield its address."""
    async with serve_site(Peer(object_info, prepare())) as address:
        yield address
