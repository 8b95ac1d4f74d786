"""The page's own files over a real socket."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from gateway.site.policy import VIEWER_STYLE
from tests.integration.rig import PATIENCE, Running, open_gateway
from tests.platform_kit import link


@pytest.fixture
async def site(tmp_path: Path) -> Path:
    """A small repository."""
    files = {
        "index.html": "<!doctype html>",
        "pyscript.toml": "packages = []",
        "app/main.py": "x = 1",
        "app/core/model.py": "y = 2",
        "static/app.css": "a{}",
        "static/vendor/pyodide/pyodide.mjs": "export {}",
        "static/vendor/pyodide/pyodide.asm.wasm": "\0asm",
        "static/vendor/pyodide/python_stdlib.zip": "PK",
        "static/icon.svg": "<svg/>",
        "static/data.weird": "?",
        "secret.txt": "secret",
    }
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    link(tmp_path / "static" / "link.txt", tmp_path / "secret.txt")
    link(tmp_path / "static" / "inner.css", tmp_path / "static" / "app.css")
    return tmp_path


@pytest.fixture
async def gateway(site: Path) -> AsyncIterator[Running]:
    async with open_gateway({"a": "http://127.0.0.1:1"}, root=site) as running:
        yield running


@pytest.fixture
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE)) as session:
        yield session


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/?lang=zh", "text/html; charset=utf-8"),
        ("/index.html", "text/html; charset=utf-8"),
        ("/pyscript.toml", "application/toml"),
        ("/app/main.py", "text/x-python; charset=utf-8"),
        ("/app.zip", "application/zip"),
        ("/static/app.css", "text/css; charset=utf-8"),
        ("/static/inner.css", "text/css; charset=utf-8"),
        ("/static/icon.svg", "image/svg+xml"),
        ("/static/data.weird", "application/octet-stream"),
        ("/static/vendor/pyodide/pyodide.mjs", "text/javascript; charset=utf-8"),
        ("/static/vendor/pyodide/pyodide.asm.wasm", "application/wasm"),
        ("/static/vendor/pyodide/python_stdlib.zip", "application/zip"),
    ],
)
async def test_files_have_media_type_and_protective_headers(
    gateway: Running, browser: aiohttp.ClientSession, path: str, kind: str
) -> None:
    async with browser.get(gateway.url + path) as reply:
        assert reply.status == 200
        headers = reply.headers
    assert headers["Content-Type"] == kind
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-cache"
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy == {
        "default-src": "'self'",
        "script-src": "'self' 'unsafe-eval' 'wasm-unsafe-eval'",
        "style-src": f"'self' {VIEWER_STYLE}",
        "img-src": "'self' blob: data:",
        "media-src": "'self' blob:",
        "connect-src": f"'self' blob: data: ws://127.0.0.1:{gateway.port}",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "worker-src": "'self' blob:",
        "frame-ancestors": "'none'",
    }
    async with browser.get(gateway.url + path, headers={"If-None-Match": headers["ETag"]}) as reply:
        assert reply.status == 304
    async with browser.head(gateway.url + path) as reply:
        assert (reply.status, await reply.read()) == (200, b"")


@pytest.mark.parametrize(
    "path", ["/static/link.txt", "/static/missing.css", "/static/vendor", "/secret.txt", "/app/core/model.py"]
)
async def test_unpublished_file_is_not_found(gateway: Running, browser: aiohttp.ClientSession, path: str) -> None:
    async with browser.get(gateway.url + path) as reply:
        assert (reply.status, reply.headers["X-Mooring-Gateway"]) == (404, "not-listed; sent=no")


async def test_archive_follows_its_sources(gateway: Running, browser: aiohttp.ClientSession, site: Path) -> None:
    async with browser.get(f"{gateway.url}/app.zip") as reply:
        first = reply.headers["ETag"]
        names = zipfile.ZipFile(io.BytesIO(await reply.read())).namelist()
        assert names == ["app/core/model.py", "app/main.py"]
    (site / "app" / "core" / "model.py").write_text("y = 33")
    async with browser.get(f"{gateway.url}/app.zip", headers={"If-None-Match": first}) as reply:
        assert reply.status == 200
        archive = zipfile.ZipFile(io.BytesIO(await reply.read()))
        assert archive.read("app/core/model.py") == b"y = 33"


async def test_windows_are_notified_when_another_build_is_served(
    gateway: Running, browser: aiohttp.ClientSession, site: Path
) -> None:
    """Older windows are notified when the first window receives the new sources."""
    async with browser.ws_connect(f"{gateway.url}/fleet/ws", origin=gateway.url) as window:
        first = (await window.receive_json())["build"]
        assert first
        (site / "app" / "core" / "model.py").write_text("y = 44")
        async with browser.get(f"{gateway.url}/app.zip") as reply:
            assert reply.status == 200
        while (build := (await window.receive_json())["build"]) == first:
            pass
        assert build


async def test_plain_http_page_gets_no_header_that_browsers_report(site: Path, browser: aiohttp.ClientSession) -> None:
    async with open_gateway({"a": "http://127.0.0.1:1"}, root=site, names=["studio.lan"]) as gateway:
        host = f"studio.lan:{gateway.port}"
        async with browser.get(gateway.url, headers={"Host": host}) as reply:
            assert reply.status == 200
            assert "Cross-Origin-Opener-Policy" not in reply.headers
            assert f"ws://{host};" in reply.headers["Content-Security-Policy"]
