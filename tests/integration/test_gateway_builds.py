"""Builds of the page over a real socket: cached for ever, compressed, and still there after an upgrade."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import re
import zipfile
from pathlib import Path

import aiohttp
import pytest

from gateway.install.builds import KEPT, Builds, packed
from gateway.install.place import Installation
from tests.kit.codings import decompressed
from tests.kit.gateways import Running, open_gateway, until

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
    """Wait until a file is compressed in both codings, and return its address."""
    path = await build_path(browser, gateway)
    builds = Builds(Installation(site))
    build = builds.read(path.split("/")[2])
    assert build
    file = builds.file(build.files["static/js/grid.js"])
    await until(packed(file, "zstd").exists)  # the last one
    return f"{gateway.url}{path}static/js/grid.js"


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [("gzip, deflate, br, zstd", "zstd"), ("gzip, deflate", "gzip"), ("zstd;q=0, gzip", "gzip"), ("", None)],
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
    assert (decompressed(data, coding) if coding else data).decode() == GRID
    async with browser.head(address, headers=headers) as reply:
        assert reply.headers["Content-Length"] == str(len(data))
    async with browser.get(address, headers={**headers, "If-None-Match": tag}) as reply:
        assert reply.status == 304


async def test_each_content_coding_has_its_own_etag(
    gateway: Running, browser: aiohttp.ClientSession, site: Path
) -> None:
    address = await compress_grid(site, browser, gateway)
    tags = set()
    for accepted in ("zstd", "gzip", "identity"):
        async with browser.get(address, headers={"Accept-Encoding": accepted}) as reply:
            tags.add(reply.headers["ETag"])
    assert len(tags) == 3


async def test_range_is_a_part_of_the_uncompressed_file(
    gateway: Running, browser: aiohttp.ClientSession, site: Path
) -> None:
    address = await compress_grid(site, browser, gateway)
    async with browser.get(address, headers={"Range": "bytes=4-7", "Accept-Encoding": "zstd, gzip"}) as reply:
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


async def test_gateway_compresses_missing_files_while_it_serves(
    gateway: Running, browser: aiohttp.ClientSession, site: Path
) -> None:
    path = await build_path(browser, gateway)
    await compress_grid(site, browser, gateway)
    assert await build_path(browser, gateway) == path, "its name depends on its content, not on compression"


async def test_next_gateway_continues_interrupted_compression(site: Path, browser: aiohttp.ClientSession) -> None:
    async with open_gateway({"a": "http://127.0.0.1:1"}, root=site) as gateway:
        await compress_grid(site, browser, gateway)
    files = Installation(site).state / "builds" / "files"
    lost = next(files.glob("*-zst"))
    lost.unlink()
    async with open_gateway({"a": "http://127.0.0.1:1"}, root=site) as gateway:
        await build_path(browser, gateway)
        await until(lost.exists)


async def test_failed_compression_is_logged_once_and_files_are_served(
    site: Path, browser: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_gateway({"a": "http://127.0.0.1:1"}, root=site) as gateway:
        await compress_grid(site, browser, gateway)
    files = Installation(site).state / "builds" / "files"
    lost = next(files.glob("*-zst"))
    lost.unlink()
    # A folder where a file should be: permissions mean nothing to root.
    lost.with_name(f"{lost.name}.{os.getpid()}.new").mkdir()
    async with open_gateway({"a": "http://127.0.0.1:1"}, root=site) as gateway:
        path = await build_path(browser, gateway)
        await until(lambda: "could not be packed" in caplog.text)
        assert await read_grid(browser, gateway, path) == GRID
    assert caplog.text.count("first visits load more") == 1
