"""The memory snapshot over a real socket: named in the page if it fits, compressed for the browser, and renewed."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path

import aiohttp
import pytest

from gateway.install.place import Installation
from gateway.install.snapshot import SCRIPTS, Snapshots
from gateway.page.archive import digest_sources
from tests.kit.codings import decompressed
from tests.kit.gateways import PATIENCE, Running, open_gateway
from tests.kit.platforms import put_program

MEMORY = b"memory" * 1000
PAGE = "<!doctype html><head><!-- boot --></head>"
# A stand-in for Node that writes what the maker writes. `lazy` exists in the file system once it has begun.
NODE = f"""#!{sys.executable}
import json, os, pathlib, sys, time
out = sys.argv[-1]
if "FAILS" in os.environ: sys.exit("this Node is too old")
pathlib.Path(out + ".raw").write_bytes(b"memory" * 1000)
pathlib.Path(out + ".json").write_text(json.dumps({{"size": 6000, "sum": 77}}))
if "HANGS" in os.environ:
    pathlib.Path(os.environ["HANGS"]).write_text(str(os.getpid()))
    time.sleep(600)
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Prepare a small repository with a runtime and a stand-in for Node."""
    root, tools = tmp_path / "site", tmp_path / "tools"
    texts = {"index.html": PAGE, "app/__init__.py": "", "app/model.py": "x = 1", **dict.fromkeys(SCRIPTS, "//")}
    texts["static/vendor/mooring.json"] = json.dumps({"from": "locked", "files": {"python/site.zip": 1}})
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    tools.mkdir()
    put_program(tools / "node", NODE)
    monkeypatch.setenv("PATH", str(tools))  # which also hides `nice`
    return root


async def snapshot_of(browser: aiohttp.ClientSession, gateway: Running) -> str:
    """Return the snapshot that the page names, or an empty text."""
    async with browser.get(gateway.url, headers={"Accept-Encoding": "identity"}) as reply:
        assert reply.status == 200
        found = re.search(r'<link [^>]*id="snapshot"[^>]*>', await reply.text())
    return found[0] if found else ""


async def wait_for_snapshot(browser: aiohttp.ClientSession, gateway: Running) -> str:
    async with asyncio.timeout(PATIENCE):
        while not (found := await snapshot_of(browser, gateway)):  # noqa: ASYNC110 (another process makes it)
            await asyncio.sleep(0.02)
    return found


def address(link: str) -> str:
    found = re.search(r'href="(/snapshots/[0-9a-f]{32})"', link)
    assert found
    return found[1]


async def test_missing_snapshot_is_made_and_named_in_the_page(
    gateway: Running, browser: aiohttp.ClientSession, site: Path
) -> None:
    link = await wait_for_snapshot(browser, gateway)
    assert 'data-size="6000" data-sum="77"' in link
    key = Snapshots(Installation(site)).key(digest_sources(site))
    assert address(link) == f"/snapshots/{key}"


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br, zstd", "zstd"),  # https, and this machine
        ("gzip, deflate", "gzip"),  # plain HTTP under a host name
    ],
)
async def test_snapshot_is_compressed_for_the_browser_and_cached_for_ever(
    gateway: Running, browser: aiohttp.ClientSession, accepted: str, coding: str
) -> None:
    path = address(await wait_for_snapshot(browser, gateway))
    async with browser.get(gateway.url + path, headers={"Accept-Encoding": accepted}) as reply:
        assert reply.status == 200
        assert reply.headers["Content-Encoding"] == coding
        assert reply.headers["Cache-Control"] == "private, max-age=31536000, immutable"
        assert reply.headers["Vary"] == "Accept-Encoding"
        assert "Content-Security-Policy" in reply.headers
        assert len(await reply.read()) < len(MEMORY) == len(decompressed(await reply.read(), coding))


async def test_snapshot_is_uncompressed_for_identity_requests(gateway: Running, browser: aiohttp.ClientSession) -> None:
    link = await wait_for_snapshot(browser, gateway)
    assert f'data-plain="{address(link)}.raw"' in link
    async with browser.get(f"{gateway.url}{address(link)}.raw", headers={"Accept-Encoding": "gzip, zstd"}) as reply:
        assert reply.status == 200
        assert "Content-Encoding" not in reply.headers
        assert reply.headers["Cache-Control"] == "private, max-age=31536000, immutable"
        assert await reply.read() == MEMORY


async def test_missing_snapshot_is_an_empty_answer(gateway: Running, browser: aiohttp.ClientSession) -> None:
    """Browsers log each 404 as an error, and a missing snapshot is none: the page starts without it."""
    path = address(await wait_for_snapshot(browser, gateway))
    for target, accepted in ((f"/snapshots/{'0' * 32}", "zstd"), (path, "identity"), (path, "")):
        async with browser.get(gateway.url + target, headers={"Accept-Encoding": accepted}) as reply:
            assert (reply.status, await reply.read()) == (204, b"")
            assert reply.headers["Cache-Control"] == "no-store"


async def test_page_with_other_sources_gets_no_old_snapshot(
    gateway: Running, browser: aiohttp.ClientSession, site: Path
) -> None:
    first = await wait_for_snapshot(browser, gateway)
    (site / "app" / "model.py").write_text("x = 22")
    assert await snapshot_of(browser, gateway) != first
    assert address(await wait_for_snapshot(browser, gateway)) != address(first)
    (site / "app" / "model.py").write_text("x = 1")
    assert await snapshot_of(browser, gateway) == first, "the one before is kept"


async def test_damaged_snapshot_is_not_named_and_replaced(
    gateway: Running, browser: aiohttp.ClientSession, site: Path
) -> None:
    link = await wait_for_snapshot(browser, gateway)
    file = next((site / ".mooring" / "snapshots").glob("*.zst"))
    file.write_bytes(b"")
    assert await snapshot_of(browser, gateway) == ""
    assert await wait_for_snapshot(browser, gateway) == link
    assert decompressed(file.read_bytes(), "zstd") == MEMORY


async def test_etag_of_the_page_changes_with_its_snapshot(gateway: Running, browser: aiohttp.ClientSession) -> None:
    await wait_for_snapshot(browser, gateway)
    async with browser.get(gateway.url) as reply:
        tag = reply.headers["ETag"]
        assert reply.headers["Cache-Control"] == "no-cache"
    async with browser.get(gateway.url, headers={"If-None-Match": tag}) as reply:
        assert (reply.status, await reply.read()) == (304, b"")


async def test_failing_node_costs_only_the_snapshot(
    site: Path, browser: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("FAILS", "1")
    async with open_gateway({"a": "http://127.0.0.1:1"}, root=site) as gateway:
        async with asyncio.timeout(PATIENCE):
            while "windows open more slowly" not in caplog.text:
                assert await snapshot_of(browser, gateway) == ""
                await asyncio.sleep(0.02)
        assert "this Node is too old" in caplog.text
        for _ in range(3):
            assert await snapshot_of(browser, gateway) == ""
    assert caplog.text.count("windows open more slowly") == 1, "it is not retried"


async def test_stopping_gateway_stops_its_snapshot_maker(
    site: Path, tmp_path: Path, browser: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = tmp_path / "begun"
    monkeypatch.setenv("HANGS", str(begun))
    async with asyncio.timeout(PATIENCE), open_gateway({"a": "http://127.0.0.1:1"}, root=site) as gateway:
        while not begun.exists():
            assert await snapshot_of(browser, gateway) == ""
            await asyncio.sleep(0.02)
    monkeypatch.delenv("HANGS")
    async with open_gateway({"a": "http://127.0.0.1:1"}, root=site) as gateway:
        assert await wait_for_snapshot(browser, gateway), "an interruption is no failure"
