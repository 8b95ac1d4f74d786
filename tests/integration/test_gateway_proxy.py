"""HTTP through the gateway: streamed with backpressure, with deadlines, and with truthful failures."""

# ruff: noqa: SIM117 (the servers are one block, what is asked of them another)

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import socket
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from gateway.upstream import LANE
from tests.integration.rig import (
    PATIENCE,
    Running,
    head_of,
    open_gateway,
    serve,
    serve_raw,
    speak,
    until,
)
from tests.services import free_ports, start_gateway

MIB = 1024 * 1024
CHUNK = bytes(64 * 1024)
PROMPT = {"prompt": {"1": {}}, "client_id": "w", "prompt_id": str(uuid.uuid4())}


@pytest.fixture
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=PATIENCE)
    async with aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as session:
        yield session


def verdict(reply: aiohttp.ClientResponse) -> tuple[int, str | None]:
    return reply.status, reply.headers.get("X-Mooring-Gateway")


def submit(browser: aiohttp.ClientSession, gateway: Running) -> aiohttp.client._RequestContextManager:
    return browser.post(f"{gateway.url}/servers/a/prompt", json=PROMPT)


def upload(
    browser: aiohttp.ClientSession, gateway: Running, body: bytes | io.BytesIO | AsyncIterator[bytes], **headers: str
) -> aiohttp.client._RequestContextManager:
    kind = {"Content-Type": "multipart/form-data; boundary=x"} | headers
    return browser.post(f"{gateway.url}/servers/a/upload/image", data=body, headers=kind)


# Streaming


async def test_an_answer_arrives_chunk_by_chunk(browser: aiohttp.ClientSession) -> None:
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


async def test_an_upload_arrives_chunk_by_chunk(browser: aiohttp.ClientSession) -> None:
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


async def test_a_browser_that_does_not_read_holds_the_server_back(browser: aiohttp.ClientSession) -> None:
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
            assert written < total / 2, "kernels and buffers on the way hold some megabytes, not all"
            received = 0
            async for chunk in reply.content.iter_any():
                received += len(chunk)
    assert received == written == total


async def test_a_server_that_does_not_read_holds_the_browser_back(browser: aiohttp.ClientSession) -> None:
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
        request = asyncio.create_task(_json_of(upload(browser, gateway, body())))
        async with asyncio.timeout(PATIENCE):
            await is_stalled.wait()
        assert sent < 40 * MIB
        may_read.set()
        assert await request == 80 * MIB
        await watching


async def _json_of(request: aiohttp.client._RequestContextManager) -> object:
    async with request as reply:
        return await reply.json()


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of the memory from /proc")
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

    async with serve(answer, max_upload=100 * MIB) as upstream:
        with start_gateway("--server", f"a={upstream.url}") as service:
            base = f"{service.url}/servers/a"
            await (await browser.get(f"{base}/view?filename=x")).content.readexactly(96 * MIB)
            before = _peak_memory(service.process.pid)
            for _ in range(2):
                reply = await browser.get(f"{base}/view?filename=x")
                await reply.content.readexactly(96 * MIB)
                headers = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(96 * MIB)}
                async with browser.post(f"{base}/upload/image", data=body(), headers=headers) as done:
                    assert done.status == 200
            assert _peak_memory(service.process.pid) - before < 32 * MIB


def _peak_memory(process: int) -> int:
    status = Path(f"/proc/{process}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) * 1024


# A browser that goes


async def test_a_read_ends_at_the_server_when_the_browser_goes() -> None:
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


async def test_a_submit_is_carried_through_when_the_browser_goes() -> None:
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


# Deadlines


async def hang(request: web.BaseRequest) -> web.StreamResponse:
    await request.read()
    await asyncio.Event().wait()
    raise AssertionError


@pytest.mark.parametrize(("path", "short"), [("/history", "read"), ("/view?filename=x", "view"), ("/api/jobs", "read")])
async def test_a_read_that_is_not_answered_ends_here(browser: aiohttp.ClientSession, path: str, short: str) -> None:
    async with serve(hang) as upstream, open_gateway({"a": upstream.url}, **{short: 0.2}) as gateway:
        async with browser.get(f"{gateway.url}/servers/a{path}") as reply:
            assert verdict(reply) == (504, "timeout; sent=unknown")


async def test_a_submit_that_is_not_answered_is_unclear(browser: aiohttp.ClientSession) -> None:
    async with serve(hang) as upstream, open_gateway({"a": upstream.url}, submit=0.2) as gateway:
        async with submit(browser, gateway) as reply:
            assert verdict(reply) == (504, "timeout; sent=unknown")
            assert (await reply.json())["error"]["cause"] == "timeout"
    assert len(upstream.seen) == 1, "posted once, never again"


async def test_an_upload_may_take_long_but_not_stand_still(browser: aiohttp.ClientSession) -> None:
    async def slow_body() -> AsyncIterator[bytes]:
        for _ in range(8):
            yield b"x"
            await asyncio.sleep(0.1)

    async with serve() as upstream, open_gateway({"a": upstream.url}, idle=0.5) as gateway:
        async with upload(browser, gateway, slow_body()) as reply:
            assert reply.status == 200
    async with serve(hang) as upstream, open_gateway({"a": upstream.url}, idle=0.5) as gateway:
        async with upload(browser, gateway, b"x") as reply:
            assert verdict(reply) == (504, "timeout; sent=unknown")


async def test_an_answer_that_stands_still_is_cut(browser: aiohttp.ClientSession) -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        reply = web.StreamResponse()
        await reply.prepare(request)
        await reply.write(b"half")
        await asyncio.Event().wait()
        return reply

    async with serve(answer) as upstream, open_gateway({"a": upstream.url}, idle=0.3) as gateway:
        async with browser.get(f"{gateway.url}/servers/a/history") as reply:
            with pytest.raises(aiohttp.ClientError):
                await reply.read()


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    async with serve() as upstream, open_gateway({"a": upstream.url}, idle=0.3) as gateway:
        host = gateway.url.removeprefix("http://")
        head = f"POST /servers/a/prompt HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        reply = await speak(gateway.port, f"{head}Content-Length: 9\r\n\r\n{{".encode())
    assert head_of(reply)[1]["x-mooring-gateway"] == "bad-request; sent=no"
    assert upstream.seen == []


async def test_a_prompt_is_sent_once_though_a_browser_repeats_its_request(
    browser: aiohttp.ClientSession,
) -> None:
    async with serve() as upstream, open_gateway({"a": upstream.url}) as gateway:
        async with submit(browser, gateway) as reply:
            assert reply.status == 200
        async with submit(browser, gateway) as reply:
            assert verdict(reply) == (409, "already-sent; sent=unknown")
    assert len(upstream.seen) == 1


async def test_a_prompt_that_was_certainly_not_sent_may_be_sent(browser: aiohttp.ClientSession) -> None:
    port = free_ports()
    async with open_gateway({"a": f"http://127.0.0.1:{port}"}) as gateway:
        for _ in range(2):
            async with submit(browser, gateway) as reply:
                assert verdict(reply) == (502, "connect-failed; sent=no")


# Servers that fail


async def test_a_server_that_is_not_there_is_a_certain_failure(browser: aiohttp.ClientSession) -> None:
    async with open_gateway({"a": f"http://127.0.0.1:{free_ports()}"}) as gateway:
        async with submit(browser, gateway) as reply:
            assert verdict(reply) == (502, "connect-failed; sent=no")
        async with upload(browser, gateway, b"x") as reply:
            assert verdict(reply) == (502, "connect-failed; sent=no")
        async with browser.get(f"{gateway.url}/servers/a/queue") as reply:
            assert verdict(reply) == (502, "connect-failed; sent=no")


@pytest.mark.skipif(sys.platform != "linux", reason="fills a listen queue as Linux keeps it")
async def test_a_server_that_does_not_accept_is_a_certain_failure(browser: aiohttp.ClientSession) -> None:
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=1))
        for _ in range(4):  # the queue takes one more than it says; the rest are never answered
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        async with open_gateway({"a": f"http://127.0.0.1:{listener.getsockname()[1]}"}, connect=0.3) as gateway:
            async with submit(browser, gateway) as reply:
                assert verdict(reply) == (502, "connect-failed; sent=no")


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200 OK\r\nContent-", b"SSH-2.0-OpenSSH_9\r\n", b"\x00\x01\x02\x03\r\n\r\n"]
)
async def test_a_server_that_hangs_up_on_a_submit_leaves_it_unclear(
    browser: aiohttp.ClientSession, answer: bytes
) -> None:
    posts = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal posts
        head = await reader.readuntil(b"\r\n\r\n")
        posts += head.startswith(b"POST")
        writer.write(answer)
        await writer.drain()

    async with serve_raw(talk) as url, open_gateway({"a": url}) as gateway:
        async with submit(browser, gateway) as reply:
            assert verdict(reply) == (502, "upstream-lost; sent=unknown")
    assert posts == 1, "never posted again"


@pytest.mark.parametrize(
    "head", [b"Content-Length: 100\r\n\r\nhalf", b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"]
)
async def test_a_cut_answer_never_looks_whole(browser: aiohttp.ClientSession, head: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n" + head)
        await writer.drain()

    async with serve_raw(talk) as url, open_gateway({"a": url}) as gateway:
        async with browser.get(f"{gateway.url}/servers/a/view?filename=x") as reply:
            with pytest.raises(aiohttp.ClientError):
                await reply.read()


async def test_a_redirect_is_never_followed(browser: aiohttp.ClientSession) -> None:
    async with serve() as elsewhere:

        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            location = elsewhere.url + request.path
            return web.Response(status=307, headers={"Location": location})

        async with serve(answer) as upstream, open_gateway({"a": upstream.url}) as gateway:
            async with submit(browser, gateway) as reply:
                assert verdict(reply) == (502, "redirect; sent=unknown")
            async with browser.get(f"{gateway.url}/servers/a/history", allow_redirects=False) as reply:
                assert verdict(reply) == (502, "redirect; sent=unknown")
                assert "Location" not in reply.headers
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await browser.ws_connect(gateway.socket_url("w"), origin=gateway.url)
            assert caught.value.status == 502
        assert elsewhere.seen == []


async def test_a_hung_server_holds_up_no_other(browser: aiohttp.ClientSession) -> None:
    async with (
        serve(hang) as hung,
        serve() as well,
        open_gateway({"a": hung.url, "b": well.url}, lane=0.1) as gateway,
    ):
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as many:
            waiting = [asyncio.create_task(_json_of(many.get(f"{gateway.url}/servers/a/history"))) for _ in range(LANE)]
            await until(lambda: len(hung.seen) == LANE)
            async with browser.get(f"{gateway.url}/servers/a/history") as reply:
                assert verdict(reply) == (503, "upstream-busy; sent=no")
            async with browser.get(f"{gateway.url}/servers/b/history") as reply:
                assert reply.status == 200
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        await until(lambda: not hung.seen[-1].transport)
        async with browser.get(f"{gateway.url}/servers/b/history") as reply:
            assert reply.status == 200


async def test_hung_uploads_hold_up_no_cancel(browser: aiohttp.ClientSession) -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return await hang(request) if request.path.startswith("/upload") else web.json_response({})

    async with serve(answer) as upstream, open_gateway({"a": upstream.url}) as gateway:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as many:
            waiting = [asyncio.create_task(_json_of(upload(many, gateway, b"x"))) for _ in range(LANE)]
            await until(lambda: len(upstream.seen) == LANE)
            url = f"{gateway.url}/servers/a/interrupt"
            async with browser.post(url, json={"prompt_id": "x"}) as reply:
                assert verdict(reply) == (200, None)
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)


# Sizes


async def test_an_upload_over_the_servers_limit_is_refused_before_it_is_sent(
    browser: aiohttp.ClientSession,
) -> None:
    async with serve() as upstream, open_gateway({"a": upstream.url}) as gateway:
        await until(lambda: gateway.gateway.state.max_upload)
        async with upload(browser, gateway, io.BytesIO(bytes(4_000_001))) as reply:
            assert verdict(reply) == (413, "too-large; sent=no")
        assert upstream.seen == []
        async with upload(browser, gateway, io.BytesIO(bytes(4_000_000))) as reply:
            assert reply.status == 200


async def test_an_upload_that_does_not_tell_its_length_is_cut_at_the_limit(
    browser: aiohttp.ClientSession,
) -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(80):
            yield CHUNK

    async with serve() as upstream, open_gateway({"a": upstream.url}) as gateway:
        await until(lambda: gateway.gateway.state.max_upload)
        async with upload(browser, gateway, body()) as reply:
            assert verdict(reply) == (413, "too-large; sent=unknown")
        assert upstream.bodies == [], "no whole body arrived"


async def test_a_workflow_over_the_limit_is_refused(browser: aiohttp.ClientSession) -> None:
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


async def test_a_client_that_asks_before_it_sends_is_answered_first(browser: aiohttp.ClientSession) -> None:
    async with serve() as upstream, open_gateway({"a": upstream.url}) as gateway:
        url = f"{gateway.url}/servers/a/prompt"
        async with browser.post(url, json=PROMPT, expect100=True) as reply:
            assert reply.status == 200
    assert json.loads(upstream.bodies[0]) == PROMPT


# What an answer may be


async def test_ranges_and_conditions_pass(browser: aiohttp.ClientSession, tmp_path: Path) -> None:
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
async def test_a_file_that_could_carry_script_is_a_download(browser: aiohttp.ClientSession, kind: str) -> None:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text="<script>alert(1)</script>", content_type=kind, headers={"Set-Cookie": "a=b"})

    async with serve(answer) as upstream, open_gateway({"a": upstream.url}) as gateway:
        async with browser.get(f"{gateway.url}/servers/a/view?filename=x.svg") as reply:
            assert reply.headers["Content-Type"] == "application/octet-stream"
            assert reply.headers["Content-Disposition"] == "attachment; filename*=UTF-8''x.svg"
            assert reply.headers["Content-Security-Policy"] == "sandbox"
            assert "Set-Cookie" not in reply.headers


async def test_a_servers_own_error_passes_as_it_is(browser: aiohttp.ClientSession) -> None:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        headers = {"X-Mooring-Gateway": "connect-failed; sent=no"}
        return web.json_response({"error": {"type": "no_prompt"}}, status=400, headers=headers)

    async with serve(answer) as upstream, open_gateway({"a": upstream.url}) as gateway:
        async with submit(browser, gateway) as reply:
            assert verdict(reply) == (400, None), "only the gateway says what the gateway did"
            assert await reply.json() == {"error": {"type": "no_prompt"}}


async def test_compressed_answers_pass_unopened(browser: aiohttp.ClientSession) -> None:
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
