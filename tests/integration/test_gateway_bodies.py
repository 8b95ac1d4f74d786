"""Limits of request bodies, and what of a server's answer reaches the browser."""

# ruff: noqa: SIM117 (one block for the servers, another for the requests)

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tests.integration.exchanges import CHUNK, PROMPT, submit, upload, verdict
from tests.kit.gateways import open_gateway, serve, until

# Sizes


async def test_upload_over_the_servers_limit_is_refused_unsent(
    browser: aiohttp.ClientSession,
) -> None:
    async with serve() as upstream, open_gateway({"a": upstream.url}) as gateway:
        await until(lambda: gateway.gateway.state.max_upload)
        async with upload(browser, gateway, io.BytesIO(bytes(4_000_001))) as reply:
            assert verdict(reply) == (413, "too-large; sent=no")
        assert upstream.seen == []
        async with upload(browser, gateway, io.BytesIO(bytes(4_000_000))) as reply:
            assert reply.status == 200


async def test_upload_of_unknown_length_is_cut_at_the_limit(
    browser: aiohttp.ClientSession,
) -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(80):
            yield CHUNK

    async with serve() as upstream, open_gateway({"a": upstream.url}) as gateway:
        await until(lambda: gateway.gateway.state.max_upload)
        async with upload(browser, gateway, body()) as reply:
            assert verdict(reply) == (413, "too-large; sent=unknown")
        assert upstream.bodies == [], "no complete body arrived"


async def test_workflow_over_the_limit_is_refused(browser: aiohttp.ClientSession) -> None:
    async with serve() as upstream, open_gateway({"a": upstream.url}) as gateway:
        await until(lambda: gateway.gateway.state.max_upload)
        headers = {"Content-Type": "application/json"}
        for data in (io.BytesIO(bytes(4_000_001)), _chunks(80)):
            url = f"{gateway.url}/servers/a/prompt"
            async with browser.post(url, data=data, headers=headers) as reply:
                assert verdict(reply) == (413, "too-large; sent=no")
    assert upstream.seen == []


async def _chunks(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield CHUNK


async def test_expect_100_continue_is_answered_before_the_body(browser: aiohttp.ClientSession) -> None:
    async with serve() as upstream, open_gateway({"a": upstream.url}) as gateway:
        url = f"{gateway.url}/servers/a/prompt"
        async with browser.post(url, json=PROMPT, expect100=True) as reply:
            assert reply.status == 200
    assert json.loads(upstream.bodies[0]) == PROMPT


# Answers


async def test_ranges_and_conditional_requests_pass(browser: aiohttp.ClientSession, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"0123456789")

    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.FileResponse(tmp_path / "a.png")

    async with serve(answer) as upstream, open_gateway({"a": upstream.url}) as gateway:
        url = f"{gateway.url}/servers/a/view?filename=a.png&mooring=x"
        async with browser.get(url) as reply:
            etag = reply.headers["ETag"]
            assert await reply.read() == b"0123456789"
            assert reply.headers["Cache-Control"] == "private, no-cache"
        async with browser.get(url, headers={"If-None-Match": etag}) as reply:
            assert reply.status == 304
        async with browser.get(url, headers={"Range": "bytes=2-4"}) as reply:
            assert (reply.status, await reply.read()) == (206, b"234")
            assert reply.headers["Content-Range"] == "bytes 2-4/10"
        async with browser.get(url, headers={"Range": "bytes=50-"}) as reply:
            assert reply.status == 416


@pytest.mark.parametrize("kind", ["image/svg+xml", "text/html", "application/xml"])
async def test_file_that_may_contain_script_is_a_download(browser: aiohttp.ClientSession, kind: str) -> None:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text="<script>alert(1)</script>", content_type=kind, headers={"Set-Cookie": "a=b"})

    async with serve(answer) as upstream, open_gateway({"a": upstream.url}) as gateway:
        async with browser.get(f"{gateway.url}/servers/a/view?filename=x.svg") as reply:
            assert reply.headers["Content-Type"] == "application/octet-stream"
            assert reply.headers["Content-Disposition"] == "attachment; filename*=UTF-8''x.svg"
            assert reply.headers["Content-Security-Policy"] == "sandbox"
            assert "Set-Cookie" not in reply.headers


async def test_servers_own_error_passes_unchanged(browser: aiohttp.ClientSession) -> None:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        headers = {"X-Mooring-Gateway": "connect-failed; sent=no"}
        return web.json_response({"error": {"type": "no_prompt"}}, status=400, headers=headers)

    async with serve(answer) as upstream, open_gateway({"a": upstream.url}) as gateway:
        async with submit(browser, gateway) as reply:
            assert verdict(reply) == (400, None), "only the gateway sets its own header"
            assert await reply.json() == {"error": {"type": "no_prompt"}}


async def test_compressed_answers_pass_unchanged(browser: aiohttp.ClientSession) -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        reply = web.json_response({"x": "y" * 5_000})
        reply.enable_compression()
        assert request.headers["Accept-Encoding"] == "gzip"
        return reply

    async with serve(answer) as upstream, open_gateway({"a": upstream.url}) as gateway:
        url = f"{gateway.url}/servers/a/object_info"
        async with browser.get(url, headers={"Accept-Encoding": "gzip"}) as reply:
            assert reply.headers["Content-Encoding"] == "gzip"
            assert (await reply.read())[:2] == b"\x1f\x8b"
