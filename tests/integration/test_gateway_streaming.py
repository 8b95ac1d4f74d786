"""HTTP through the gateway: streamed with backpressure, and ended with the browser's connection."""

# ruff: noqa: SIM117 (one block for the servers, another for the requests)

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
from aiohttp import web

from tests.integration.exchanges import CHUNK, MIB, PROMPT, json_of, upload
from tests.kit.gateways import PATIENCE, open_gateway, serve, until
from tests.kit.platforms import linux_only
from tests.kit.services import start_gateway

# Streaming


async def test_answer_arrives_chunk_by_chunk(browser: aiohttp.ClientSession) -> None:
    first_arrived = asyncio.Event()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        reply = web.StreamResponse()
        await reply.prepare(request)
        await reply.write(b"first")
        await first_arrived.wait()
        await reply.write(b"second")
        return reply

    async with serve(answer) as upstream, open_gateway({"a": upstream.url}) as gateway:
        async with browser.get(f"{gateway.url}/servers/a/history") as reply:
            assert await reply.content.readany() == b"first"
            first_arrived.set()
            assert await reply.content.read() == b"second"


async def test_headers_do_not_wait_for_the_body(browser: aiohttp.ClientSession) -> None:
    has_begun = asyncio.Event()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        reply = web.StreamResponse()
        await reply.prepare(request)
        await has_begun.wait()
        await reply.write(b"late")
        return reply

    async with serve(answer) as upstream, open_gateway({"a": upstream.url}) as gateway, asyncio.timeout(PATIENCE):
        async with browser.get(f"{gateway.url}/servers/a/history") as reply:
            has_begun.set()
            assert await reply.content.read() == b"late"


async def test_upload_arrives_chunk_by_chunk(browser: aiohttp.ClientSession) -> None:
    first_arrived = asyncio.Event()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        assert await request.content.readany() == b"first"
        first_arrived.set()
        assert await request.content.read() == b"second"
        return web.json_response({"name": "x"})

    async def body() -> AsyncIterator[bytes]:
        yield b"first"
        await first_arrived.wait()
        yield b"second"

    async with serve(answer) as upstream, open_gateway({"a": upstream.url}) as gateway:
        async with upload(browser, gateway, body()) as reply:
            assert await reply.json() == {"name": "x"}


async def test_browser_that_does_not_read_slows_the_server(browser: aiohttp.ClientSession) -> None:
    total, written = 200 * MIB, 0
    is_stalled = asyncio.Event()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal written
        reply = web.StreamResponse()
        await reply.prepare(request)
        while written < total:
            write = asyncio.ensure_future(reply.write(CHUNK))
            if not (await asyncio.wait({write}, timeout=1.0))[0]:
                is_stalled.set()
            await write
            written += len(CHUNK)
        return reply

    async with serve(answer) as upstream, open_gateway({"a": upstream.url}) as gateway:
        async with browser.get(f"{gateway.url}/servers/a/view?filename=x") as reply:
            async with asyncio.timeout(PATIENCE):
                await is_stalled.wait()
            assert written < total / 2, "kernels and buffers hold some megabytes, not all"
            received = 0
            async for chunk in reply.content.iter_any():
                received += len(chunk)
    assert received == written == total


async def test_server_that_does_not_read_slows_the_browser(browser: aiohttp.ClientSession) -> None:
    sent = 0
    may_read = asyncio.Event()
    is_stalled = asyncio.Event()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        await may_read.wait()
        received = 0
        async for chunk in request.content.iter_any():
            received += len(chunk)
        return web.json_response(received)

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 80 * MIB:
            yield CHUNK
            sent += len(CHUNK)

    async def watch() -> None:
        before = -1
        while sent != before or not sent:
            before = sent
            await asyncio.sleep(1.0)
        is_stalled.set()

    async with serve(answer, max_upload=100 * MIB) as upstream, open_gateway({"a": upstream.url}) as gateway:
        watching = asyncio.create_task(watch())
        request = asyncio.create_task(json_of(upload(browser, gateway, body())))
        async with asyncio.timeout(PATIENCE):
            await is_stalled.wait()
        assert sent < 40 * MIB
        may_read.set()
        assert await request == 80 * MIB
        await watching


@linux_only("another process's peak of memory is not known")
async def test_large_bodies_do_not_stay_in_memory(browser: aiohttp.ClientSession) -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "POST":
            async for _ in request.content.iter_any():
                pass
            return web.json_response({})
        reply = web.StreamResponse()
        reply.content_length = 96 * MIB
        await reply.prepare(request)
        for _ in range(96 * MIB // len(CHUNK)):
            await reply.write(CHUNK)
        return reply

    async def body() -> AsyncIterator[bytes]:
        for _ in range(96 * MIB // len(CHUNK)):
            yield CHUNK

    def peak_memory(process: int) -> int:
        status = Path(f"/proc/{process}/status").read_text("ascii", "replace")
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) * 1024

    async with serve(answer, max_upload=100 * MIB) as upstream:
        with start_gateway("--server", f"a={upstream.url}") as service:
            base = f"{service.url}/servers/a"
            await (await browser.get(f"{base}/view?filename=x")).content.readexactly(96 * MIB)
            before = peak_memory(service.process.pid)
            for _ in range(2):
                reply = await browser.get(f"{base}/view?filename=x")
                await reply.content.readexactly(96 * MIB)
                headers = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(96 * MIB)}
                async with browser.post(f"{base}/upload/image", data=body(), headers=headers) as done:
                    assert done.status == 200
            assert peak_memory(service.process.pid) - before < 32 * MIB


# Closed browsers


async def test_closed_browser_ends_its_read_on_the_server() -> None:
    has_begun, has_ended = asyncio.Event(), asyncio.Event()

    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        has_begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            has_ended.set()
        raise AssertionError

    async with serve(answer) as upstream, open_gateway({"a": upstream.url}) as gateway:
        _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        host = gateway.url.removeprefix("http://")
        writer.write(f"GET /servers/a/history HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\n\r\n".encode())
        await has_begun.wait()
        writer.transport.abort()
        async with asyncio.timeout(PATIENCE):
            await has_ended.wait()


async def test_submit_completes_though_the_browser_has_closed() -> None:
    has_begun, may_answer, has_answered = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        has_begun.set()
        await may_answer.wait()
        has_answered.set()
        return web.json_response({})

    async with serve(answer) as upstream, open_gateway({"a": upstream.url}) as gateway:
        _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        body = json.dumps(PROMPT)
        host = gateway.url.removeprefix("http://")
        writer.write(
            f"POST /servers/a/prompt HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        await has_begun.wait()
        writer.transport.abort()
        await until(lambda: not gateway.gateway._runner.server.connections)
        may_answer.set()
        async with asyncio.timeout(PATIENCE):
            await has_answered.wait()
