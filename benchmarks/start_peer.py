"""ComfyUI's own frontend, served like Mooring's page: compressed beforehand, cached for ever where names allow.

    async with serve_peer(object_info) as address: ...

Its files under `assets/` are named by their content. They are compressed once, into `benchmarks/out/peer/`, with the
same functions as ours (`gateway/install/compression.py`), and sent by the same handler (`aiohttp.web.FileResponse`).
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web

from gateway.install.builds import packed
from gateway.install.compression import ENDINGS, compress
from gateway.site.builds import best_coding
from gateway.site.codings import accepted
from gateway.site.site import FOR_EVER, type_of
from tests.oracle.editor_site import EditorSite, package_files, serve_site

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "benchmarks" / "out" / "peer"
PACKED = {".css", ".html", ".js", ".json", ".svg", ".wasm"}
# Ready for use: the canvas exists, the splash screen is gone, and the classes of nodes are known.
READY = """globalThis.app?.rootGraph && app.vueAppReady && document.querySelector("canvas#graph-canvas")
  && !document.querySelector("#splash-loader") && Object.keys(LiteGraph.registered_node_types).length > 10"""


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
