"""Builds of the page over a real socket: cached for ever, compressed, and still there after an upgrade."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import io
import os
import re
import sys
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from gateway.install.builds import KEPT, PACKER, Builds, packed
from gateway.install.place import Place
from tests.integration.rig import PATIENCE, Running, open_gateway, until
from tests.platform_kit import posix_only, put_program

GRID = "let grid; " * 50
PAGE = """<!doctype html><link rel="stylesheet" href="static/css/a.css"><!-- boot -->
<script type="module" src="static/js/grid.js"></script>"""
FILES = {
    "index.html": PAGE,
    "pyscript.toml": "",
    "app/main.py": "x = 1",
    "app/core/model.py": "y = 1",
    "static/css/a.css": "a {}",
    "static/js/grid.js": GRID,
    "static/icon.png": "png",
}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A small repository."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
async def gateway(site: Path) -> AsyncIterator[Running]:
    async with open_gateway({"a": "http://127.0.0.1:1"}, root=site) as running:
        yield running


async def build_path(browser: aiohttp.ClientSession, gateway: Running) -> str:
    """Return the path of the build that is served now, `/b/…/`."""
    async with browser.get(gateway.url, headers={"Accept-Encoding": "identity"}) as reply:
        assert reply.headers["Cache-Control"] == "no-cache"
        found = re.search(r'src="(/b/[0-9a-f]{32}/)static/js/grid.js"', await reply.text())
    assert found
    return found[1]


async def read_grid(browser: aiohttp.ClientSession, gateway: Running, path: str) -> str | None:
    """Return the text of a file of this build, or None if it is gone."""
    address = f"{gateway.url}{path}static/js/grid.js"
    async with browser.get(address, headers={"Accept-Encoding": "identity"}) as reply:
        if reply.status == 404:
            assert reply.headers["X-Mooring-Gateway"] == "not-listed; sent=no"
            return None
        assert reply.status == 200
        return await reply.text()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("static/js/grid.js", "text/javascript; charset=utf-8"),
        ("static/page.css", "text/css; charset=utf-8"),
        ("static/icon.png", "image/png"),
        ("static/locales/index.json", "application/json"),
        ("app/main.py", "text/x-python; charset=utf-8"),
        ("app.zip", "application/zip"),
    ],
)
async def test_build_file_is_cached_for_ever(
    gateway: Running, browser: aiohttp.ClientSession, path: str, kind: str
) -> None:
    address = f"{gateway.url}{await build_path(browser, gateway)}{path}"
    plain = {"Accept-Encoding": "identity"}  # a build is packed in the background, and each coding has a tag of its own
    async with browser.get(address, headers=plain) as reply:
        assert reply.status == 200
        assert reply.headers["Cache-Control"] == "private, max-age=31536000, immutable"
        assert reply.headers["Content-Type"] == kind
        assert reply.headers["Vary"] == "Accept-Encoding"
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        assert reply.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "script-src 'self'" in reply.headers["Content-Security-Policy"]
        tag = reply.headers["ETag"]
    async with browser.get(address, headers={**plain, "If-None-Match": tag}) as reply:
        assert (reply.status, await reply.read()) == (304, b"")
    async with browser.head(address) as reply:
        assert (reply.status, await reply.read()) == (200, b"")


@pytest.mark.parametrize("path", ["static/css/a.css", "static/missing.js", "app/core/model.py", "../serve.py", ""])
async def test_file_that_no_page_loads_is_in_no_build(
    gateway: Running, browser: aiohttp.ClientSession, path: str
) -> None:
    path = await build_path(browser, gateway)
    async with browser.get(f"{gateway.url}{path}{path}") as reply:
        assert reply.status == 404
    async with browser.get(f"{gateway.url}/b/{'0' * 32}/static/js/grid.js") as reply:
        assert reply.status == 404


async def compress_grid(site: Path, browser: aiohttp.ClientSession, gateway: Running) -> str:
    """Compress a file in both codings, as set-up does, and return its address."""
    path = await build_path(browser, gateway)
    builds = Builds(Place(site))
    build = builds.read(path.split("/")[2])
    assert build
    file = builds.file(build.files["static/js/grid.js"])
    packed(file, "br").write_bytes(b"as brotli")
    await until(packed(file, "gzip").exists)
    return f"{gateway.url}{path}static/js/grid.js"


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [("gzip, deflate, br, zstd", "br"), ("gzip, deflate", "gzip"), ("br;q=0, gzip", "gzip"), ("", None)],
)
async def test_content_coding_follows_accept_encoding(
    gateway: Running, browser: aiohttp.ClientSession, site: Path, accepted: str, coding: str | None
) -> None:
    address = await compress_grid(site, browser, gateway)
    headers = {"Accept-Encoding": accepted}
    async with browser.get(address, headers=headers) as reply:
        assert reply.headers.get("Content-Encoding") == coding
        assert reply.headers["Vary"] == "Accept-Encoding"
        assert reply.headers["Content-Type"] == "text/javascript; charset=utf-8"
        data = await reply.read()
        tag = reply.headers["ETag"]
    match coding:
        case "br":
            assert data == b"as brotli"
        case "gzip":
            assert gzip.decompress(data).decode() == GRID
        case None:
            assert data.decode() == GRID
    async with browser.head(address, headers=headers) as reply:
        assert reply.headers["Content-Length"] == str(len(data))
    async with browser.get(address, headers={**headers, "If-None-Match": tag}) as reply:
        assert reply.status == 304


async def test_each_content_coding_has_its_own_etag(
    gateway: Running, browser: aiohttp.ClientSession, site: Path
) -> None:
    address = await compress_grid(site, browser, gateway)
    tags = set()
    for accepted in ("br", "gzip", "identity"):
        async with browser.get(address, headers={"Accept-Encoding": accepted}) as reply:
            tags.add(reply.headers["ETag"])
    assert len(tags) == 3


async def test_range_is_a_part_of_the_uncompressed_file(
    gateway: Running, browser: aiohttp.ClientSession, site: Path
) -> None:
    address = await compress_grid(site, browser, gateway)
    async with browser.get(address, headers={"Range": "bytes=4-7", "Accept-Encoding": "br, gzip"}) as reply:
        assert (reply.status, await reply.read()) == (206, b"grid")
        assert reply.headers["Content-Range"] == f"bytes 4-7/{len(GRID)}"
        assert "Content-Encoding" not in reply.headers
    async with browser.get(address, headers={"Range": "bytes=9999-"}) as reply:
        assert reply.status == 416


@pytest.mark.parametrize("name", ["static/js/grid.js", "static/css/a.css", "app/core/model.py", "index.html"])
async def test_edit_makes_another_build_and_notifies_windows(
    gateway: Running, browser: aiohttp.ClientSession, site: Path, name: str
) -> None:
    async with browser.ws_connect(f"{gateway.url}/fleet/ws", origin=gateway.url) as window:
        old = await build_path(browser, gateway)
        assert old == f"/b/{(await window.receive_json())['build']}/"
        (site / name).write_text(FILES[name] + "\n")
        new = await build_path(browser, gateway)
        assert new != old
        while (await window.receive_json())["build"] not in new:
            pass
    assert await read_grid(browser, gateway, old) == GRID, "an older window loads its own build"
    assert await read_grid(browser, gateway, new) == (site / "static/js/grid.js").read_text()


async def test_only_the_last_builds_survive_a_restart(site: Path, browser: aiohttp.ClientSession) -> None:
    homes = []
    for number in range(KEPT + 2):
        (site / "static/js/grid.js").write_text(f"let grid = {number};")
        (site / "app/core/model.py").write_text(f"y = {number}")
        async with open_gateway({"a": "http://127.0.0.1:1"}, root=site) as gateway:
            homes.append(await build_path(browser, gateway))
            found = [await read_grid(browser, gateway, path) for path in homes]
            kept = [f"let grid = {at};" for at in range(number + 1)]
            assert found == [None] * (len(kept) - KEPT) + kept[-KEPT:]
            async with browser.get(f"{gateway.url}{homes[max(0, number - KEPT + 1)]}app.zip") as reply:
                archive = zipfile.ZipFile(io.BytesIO(await reply.read()))
            assert archive.read("app/core/model.py").decode() == f"y = {max(0, number - KEPT + 1)}"


async def test_read_only_repository_is_served(
    site: Path, browser: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    (site / ".mooring").write_text("a file where a folder should be")  # permissions mean nothing to root
    async with open_gateway({"a": "http://127.0.0.1:1"}, root=site) as gateway:
        path = await build_path(browser, gateway)
        assert await read_grid(browser, gateway, path) == GRID
        async with browser.get(f"{gateway.url}{path}static/page.css") as reply:
            assert (reply.status, await reply.text()) == (200, "/* static/css/a.css */\na {}")
            assert reply.headers["Cache-Control"].endswith("immutable")
    assert caplog.text.count("files could not be stored") == 1


async def test_two_gateways_share_one_repository(site: Path, browser: aiohttp.ClientSession) -> None:
    async with contextlib.AsyncExitStack() as stack:
        servers = {"a": "http://127.0.0.1:1"}
        one, other = [await stack.enter_async_context(open_gateway(servers, root=site)) for _ in range(2)]
        for number in range(KEPT):
            (site / "static/js/grid.js").write_text(f"let grid = {number};")
            homes = await asyncio.gather(build_path(browser, one), build_path(browser, other))
            assert homes[0] == homes[1]
            for gateway in (one, other):
                assert await read_grid(browser, gateway, homes[0]) == f"let grid = {number};"


# A stand-in for Node. It begins to write as the packer does, and hangs or fails if the environment says so.
NODE = f"""#!{sys.executable}
import os, pathlib, sys, time
for name in sys.argv[2:]:
    fresh = pathlib.Path(f"{{name}}-br.{{os.getpid()}}.new")
    fresh.write_bytes(b"half")
    if "HANGS" in os.environ:
        pathlib.Path(os.environ["HANGS"]).write_text(str(os.getpid()))
        time.sleep(600)
    if "FAILS" in os.environ: sys.exit("this Node is too old")
    fresh.write_bytes(b"as brotli")
    fresh.rename(f"{{name}}-br")
"""


@pytest.fixture
def unpacked_site(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Prepare a repository in which nothing is compressed yet, with a Node."""
    (tools := tmp_path / "tools").mkdir()
    put_program(tools / "node", NODE)
    monkeypatch.setenv("PATH", str(tools))  # which also hides `nice`
    (site / PACKER).parent.mkdir(parents=True)
    (site / PACKER).write_text("//")
    return site


async def coding_of(browser: aiohttp.ClientSession, gateway: Running) -> tuple[str | None, bytes]:
    """Return the content coding of a file for a browser that accepts all codings, and its bytes."""
    address = f"{gateway.url}{await build_path(browser, gateway)}static/js/grid.js"
    async with browser.get(address, headers={"Accept-Encoding": "gzip, br"}) as reply:
        assert reply.status == 200
        return reply.headers.get("Content-Encoding"), await reply.read()


async def wait_for_coding(browser: aiohttp.ClientSession, gateway: Running, coding: str) -> tuple[str | None, bytes]:
    async with asyncio.timeout(PATIENCE):
        while (found := await coding_of(browser, gateway))[0] != coding:  # noqa: ASYNC110 (another process compresses)
            await asyncio.sleep(0.02)
    return found


async def test_gateway_compresses_missing_files_while_it_serves(
    unpacked_site: Path, browser: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    at_work = tmp_path / "at work"
    monkeypatch.setenv("HANGS", str(at_work))
    async with open_gateway({"a": "http://127.0.0.1:1"}, root=unpacked_site) as gateway:
        await until(at_work.exists)
        path = await build_path(browser, gateway)
        coding, data = await coding_of(browser, gateway)
        assert (coding, gzip.decompress(data).decode()) == ("gzip", GRID), "no request waits for a slow Node"
    monkeypatch.delenv("HANGS")
    async with open_gateway({"a": "http://127.0.0.1:1"}, root=unpacked_site) as gateway:
        assert await wait_for_coding(browser, gateway, "br") == ("br", b"as brotli")
        assert await build_path(browser, gateway) == path, "its name depends on its content, not on compression"


@posix_only("no signal asks whether a process runs")
async def test_next_gateway_continues_interrupted_compression(
    unpacked_site: Path, browser: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    at_work = tmp_path / "at work"
    monkeypatch.setenv("HANGS", str(at_work))
    async with open_gateway({"a": "http://127.0.0.1:1"}, root=unpacked_site):
        await until(lambda: at_work.exists() and at_work.read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(int(at_work.read_text()), 0)
    files = unpacked_site / ".mooring" / "builds" / "files"
    assert list(files.glob("*.new")), "it was interrupted"
    assert not list(files.glob("*-br"))
    monkeypatch.delenv("HANGS")
    async with open_gateway({"a": "http://127.0.0.1:1"}, root=unpacked_site) as gateway:
        assert await wait_for_coding(browser, gateway, "br") == ("br", b"as brotli")
        await until(lambda: not list(files.glob("*.new")))


async def test_failed_compression_is_logged_once_and_files_are_served(
    unpacked_site: Path,
    browser: aiohttp.ClientSession,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("FAILS", "1")
    async with open_gateway({"a": "http://127.0.0.1:1"}, root=unpacked_site) as gateway:
        await until(lambda: "this Node is too old" in caplog.text)
        coding, data = await coding_of(browser, gateway)
        assert (coding, gzip.decompress(data).decode()) == ("gzip", GRID)
    assert caplog.text.count("first visits load more") == 1
