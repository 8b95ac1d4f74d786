"""Workflows through the gateway: published by the installation, and saved by users on a server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from tests.kit.gateways import Running, Upstream, open_gateway, serve

DECOMPRESSES = True


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with serve() as serving:
        yield serving


@pytest.fixture
async def publishing_gateway(tmp_path: Path, upstream: Upstream) -> AsyncIterator[Running]:
    (tmp_path / "a.json").write_text('{"1": {}}')
    async with open_gateway({"a": upstream.url}, workflows=tmp_path, published=0.05) as running:
        yield running


async def test_published_workflow_is_listed_and_sent_as_a_download(
    publishing_gateway: Running, browser: aiohttp.ClientSession
) -> None:
    async with browser.get(f"{publishing_gateway.url}/workflows") as reply:
        (file,) = (await reply.json())["files"]
    async with browser.get(f"{publishing_gateway.url}/workflows/{file['path']}") as reply:
        assert (reply.status, await reply.read()) == (200, b'{"1": {}}')
        assert reply.headers["Content-Type"] == "application/octet-stream"
        assert reply.headers["Content-Security-Policy"] == "sandbox"
        assert reply.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/workflows/b.json", "/workflows/../a.json", "/workflows/%2e%2e/a.json", "/workflows/"]
)
async def test_other_files_are_not_found(
    publishing_gateway: Running, browser: aiohttp.ClientSession, path: str
) -> None:
    async with browser.get(URL(f"{publishing_gateway.url}/workflows{path}", encoded=True)) as reply:
        assert (reply.status, reply.headers["X-Mooring-Gateway"]) == (404, "not-listed; sent=no")


async def test_published_workflows_are_read_only(
    publishing_gateway: Running, browser: aiohttp.ClientSession, tmp_path: Path
) -> None:
    for method in ("POST", "PUT", "DELETE"):
        async with browser.request(method, f"{publishing_gateway.url}/workflows/a.json", data=b"{}") as reply:
            assert reply.status in {400, 405}
    assert (tmp_path / "a.json").read_text() == '{"1": {}}'


async def test_other_sites_may_not_read_workflows(publishing_gateway: Running, browser: aiohttp.ClientSession) -> None:
    async with browser.get(f"{publishing_gateway.url}/workflows", headers={"Origin": "http://evil.test"}) as reply:
        assert reply.status == 403


async def test_windows_are_notified_when_the_folder_changes(
    publishing_gateway: Running, browser: aiohttp.ClientSession, tmp_path: Path
) -> None:
    async with browser.ws_connect(f"{publishing_gateway.url}/fleet/ws", origin=publishing_gateway.url) as window:
        while not (first := (await window.receive_json())["workflows"]):
            pass
        (tmp_path / "b.json").write_text("{}")
        while (second := (await window.receive_json())["workflows"]) == first:
            pass
    async with browser.get(f"{publishing_gateway.url}/workflows") as reply:
        listing = await reply.json()
    assert (listing["tag"], [file["path"] for file in listing["files"]]) == (second, ["a.json", "b.json"])


# A server's saved workflows


@pytest.mark.parametrize(
    "target",
    [
        "/userdata?dir=workflows",
        "/userdata?dir=workflows&recurse=true&full_info=true&split=false",
        "/userdata/workflows%2Fa.json",
        "/userdata/workflows%2Fdeep%2Fa%20b.json",
    ],
)
async def test_saved_workflows_can_be_read(
    publishing_gateway: Running, upstream: Upstream, browser: aiohttp.ClientSession, target: str
) -> None:
    async with browser.get(URL(f"{publishing_gateway.url}/servers/a{target}", encoded=True)) as reply:
        assert reply.status == 200
    assert [request.raw_path for request in upstream.seen] == [target]


@pytest.mark.parametrize(
    "target",
    [
        "/userdata",
        "/userdata?dir=",
        "/userdata?dir=.",
        "/userdata?dir=..",
        "/userdata?dir=workflows%2F..",
        "/userdata?dir=workflows&dir=.",
        "/userdata?dir=workflows&x=1",
        "/userdata?DIR=workflows",
        "/userdata?dir=workflows;dir=.",
        "/userdata/comfy.settings.json",
        "/userdata/workflows%2F..%2Fcomfy.settings.json",
        "/userdata/workflows%252F..%252Fa.json",
    ],
)
async def test_other_user_data_is_refused(
    publishing_gateway: Running, upstream: Upstream, browser: aiohttp.ClientSession, target: str
) -> None:
    async with browser.get(URL(f"{publishing_gateway.url}/servers/a{target}", encoded=True)) as reply:
        cause = reply.headers["X-Mooring-Gateway"]
        assert (reply.status, cause) in {(404, "not-listed; sent=no"), (400, "bad-request; sent=no")}
    assert upstream.seen == []


async def test_saved_workflows_cannot_be_written(
    publishing_gateway: Running, upstream: Upstream, browser: aiohttp.ClientSession
) -> None:
    for method in ("POST", "DELETE"):
        target = URL(f"{publishing_gateway.url}/servers/a/userdata/workflows%2Fa.json", encoded=True)
        async with browser.request(method, target) as reply:
            assert reply.status == 405
    assert upstream.seen == []
