"""The page's own files over a real socket."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import aiohttp
import pytest

from gateway.fleet.rules import Rules
from gateway.site.policy import AHEAD_RULES, VIEWER_STYLE
from tests.kit.gateways import Running, open_gateway
from tests.kit.platforms import link
from tests.kit.services import ROOT

DECOMPRESSES = True


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
        "script-src": f"'self' 'unsafe-eval' 'wasm-unsafe-eval' {AHEAD_RULES}",
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


async def read_text(browser: aiohttp.ClientSession, url: str) -> str:
    async with browser.get(url) as reply:
        assert (reply.status, reply.headers["Cache-Control"]) == (200, "no-cache")
        return await reply.text()


async def test_worker_stores_a_file_of_the_served_build(browser: aiohttp.ClientSession) -> None:
    async with open_gateway({"a": "http://127.0.0.1:1"}, root=ROOT) as gateway:
        worker = await read_text(browser, f"{gateway.url}/worker.js")
        page = await read_text(browser, f"{gateway.url}/")
        home = worker.partition('"')[2].partition('"')[0]
        assert f'src="{home}static/js/classic.js"' in page
        assert ' data-worker="worker.js"' in page
        async with browser.get(f"{gateway.url}{home}static/home/away.html") as reply:
            assert (reply.status, "immutable" in reply.headers["Cache-Control"]) == (200, True)


async def test_installation_without_a_worker_removes_it_from_browsers(browser: aiohttp.ClientSession) -> None:
    rules = Rules(home_screen=False)
    async with open_gateway({"a": "http://127.0.0.1:1"}, root=ROOT, rules=rules) as gateway:
        worker = await read_text(browser, f"{gateway.url}/worker.js")
        assert "registration.unregister()" in worker and "fetch" not in worker.split("addEventListener", 1)[1]
        assert "data-worker" not in await read_text(browser, f"{gateway.url}/")


@pytest.mark.parametrize(
    "headers", [{}, {"Origin": "null", "Sec-Fetch-Site": "none"}, {"Origin": "http://evil.example"}]
)
async def test_shared_file_is_refused_by_the_gateway(
    gateway: Running, browser: aiohttp.ClientSession, headers: dict[str, str]
) -> None:
    """The page's service worker takes shared files; a browser without it learns what to do."""
    form = aiohttp.FormData()
    form.add_field("files", b"x" * 1000, filename="beach.png", content_type="image/png")
    async with browser.post(f"{gateway.url}/share", data=form, headers=headers) as reply:
        assert (reply.status, reply.headers["X-Mooring-Gateway"]) == (404, "not-listed; sent=no")
        assert "Open Mooring once in this browser" in (await reply.json())["error"]["message"]
