"""The page as plain files for any web server, with the list of servers that the page contacts directly.

    DIR/index.html        names the build, and contains the page's policy, which allows the listed servers only
    DIR/fleet.json        the servers, without any login
    DIR/worker.js         the service worker, for a page on a home screen, with manifest.webmanifest
    DIR/b/KEY/…           the build, under names made from its content
    DIR/snapshots/KEY.bin the memory that windows start from, compressed; KEY.raw is uncompressed

A plain web server has no media type for `.mjs`, negotiates no encoding and adds no headers, so none of these are
needed. All addresses are relative to the page, which may be below any path.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import urlsplit

from gateway.errors import ConfigError
from gateway.export.site import forget_old
from gateway.fleet.fleet import Fleet
from gateway.fleet.state import VERSION
from gateway.http.servers import Server
from gateway.install.builds import KEPT
from gateway.install.place import Installation
from gateway.install.snapshot import PLAIN, MemorySnapshot, Snapshots
from gateway.page.home_screen import (
    MANIFEST,
    MANIFEST_PATH,
    NO_WORKER,
    WORKER,
    WORKER_PATH,
    manifest_text,
    page_facts,
    worker_text,
)
from gateway.page.tree import PAGE, Tree, text_of
from gateway.site.policy import document_policy
from gateway.whole_file import PUBLIC, write_whole
from wire.operator_facts import operator_facts_json

LIST = "fleet.json"
SNAPSHOT_CODING = "gzip"  # supported by each browser, while scripts cannot unpack others
_OURS = ("static/js/", "static/vendor/pyodide/")  # modules in these folders are renamed, and so are their imports
_SCRIPT = (".js", ".mjs", ".html")
_CHARSET = '<meta charset="utf-8">'


@dataclass(frozen=True, slots=True)
class PlainSite:
    """The files that were written; `left_out` are servers of the fleet that no page may contact directly."""

    servers: tuple[Server, ...]
    left_out: tuple[Server, ...]
    has_snapshot: bool


def write_plain(place: Installation, tree: Tree, fleet: Fleet, folder: Path) -> PlainSite:
    """Write the site, `index.html` last, so that a site in use stays consistent. ConfigError, OSError."""
    servers = tuple(server for server in fleet.servers if server.is_direct)
    if not servers:
        raise ConfigError(
            "pages may contact no server directly: set direct = true for those that they may",
            file=fleet.files[0].path if fleet.files else None,
            key="direct",
        )
    _check_folder(folder)
    _write_build(tree, folder / "b" / tree.build.key)
    snapshots = Snapshots(place)
    key = snapshots.key(tree.archive.sources)
    snapshot = None if key is None else snapshots.find(key)
    if snapshot is not None:
        for ending, coding in (("bin", SNAPSHOT_CODING), ("raw", PLAIN)):
            _write(folder / "snapshots" / f"{snapshot.key}.{ending}", snapshots.file(snapshot.key, coding).read_bytes())
    _write(folder / LIST, list_text(servers, tree.build.key).encode())
    home, has_worker = f"./b/{tree.build.key}/", fleet.rules.home_screen
    worker = worker_text(text_of(tree, WORKER), home) if has_worker else text_of(tree, NO_WORKER)
    _write(folder / WORKER_PATH, worker.encode())
    _write(folder / MANIFEST_PATH, manifest_text(text_of(tree, MANIFEST), home, is_whole_site=False).encode())
    _write(folder / PAGE, page_text(tree, servers, snapshot, has_worker=has_worker).encode())
    forget_old(folder / "b", KEPT)
    forget_old(folder / "snapshots", KEPT * 2)
    left_out = tuple(server for server in fleet.servers if not server.is_direct)
    return PlainSite(servers, left_out, snapshot is not None)


def list_text(servers: tuple[Server, ...], build: str) -> str:
    """Return `fleet.json`, as `app/core/direct.py` reads it."""
    listed = [{"id": server.id, "address": server.address, **operator_facts_json(server)} for server in servers]
    return json.dumps({"v": VERSION, "build": build, "servers": listed}, ensure_ascii=False, indent=1) + "\n"


def page_text(
    tree: Tree, servers: tuple[Server, ...], snapshot: MemorySnapshot | None, *, has_worker: bool = True
) -> str:
    """Return `index.html` for this site."""
    link = "" if snapshot is None else _link(snapshot)
    html = tree.page.write(f"./b/{tree.build.key}/", link, {"fleet": LIST} | page_facts(has_worker=has_worker))
    policy = escape(document_policy(_origin(server) for server in servers))
    meta = f'{_CHARSET}\n    <meta http-equiv="Content-Security-Policy" content="{policy}">'
    return _renamed(html.replace(_CHARSET, meta, 1), tree)


def _link(snapshot: MemorySnapshot) -> str:
    return (
        f'<link rel="mooring-snapshot" id="snapshot" href="./snapshots/{snapshot.key}.bin"'
        f' data-plain="./snapshots/{snapshot.key}.raw"'
        f' data-size="{snapshot.size}" data-sum="{snapshot.sum}" data-coding="{SNAPSHOT_CODING}">'
    )


def _origin(server: Server) -> str:
    parts = urlsplit(server.address)
    return f"{parts.scheme}://{parts.netloc}"


def _write_build(tree: Tree, folder: Path) -> None:
    for name, content in tree.build.files.items():
        source = tree.contents[content]
        data = source if isinstance(source, bytes) else source.read_bytes()
        if name.startswith(_OURS) and name.endswith(_SCRIPT):
            data = _renamed(data.decode("utf-8"), tree).encode("utf-8")
        _write(folder / _plain_name(name), data)
    os.utime(folder)  # the latest, even if it existed before


def _plain_name(name: str) -> str:
    return f"{name.removesuffix('.mjs')}.js" if name.startswith(_OURS) and name.endswith(".mjs") else name


def _renamed(text: str, tree: Tree) -> str:
    """Rename our modules to `.js` in a text: nginx and others do not serve `.mjs` as a script."""
    modules = {name for name in tree.build.files if name.startswith(_OURS) and name.endswith(".mjs")}
    names = "|".join(sorted(re.escape(Path(name).name) for name in modules))
    return re.sub(rf"(?<![\w.-])({names})(?![\w.])", lambda found: f"{found[1][:-4]}.js", text) if names else text


def _check_folder(folder: Path) -> None:
    """Raise ConfigError if the folder has files that are not an earlier export."""
    if folder.is_dir() and any(folder.iterdir()) and not ((folder / LIST).exists() and (folder / "b").is_dir()):
        raise ConfigError(f"{folder} has other files in it: name a new folder, or one that was exported before")


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, data, PUBLIC)
