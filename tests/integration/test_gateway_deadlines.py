"""Servers that do not answer: each request ends at its deadline, with a true cause, and delays no other server."""

# ruff: noqa: SIM117 (one block for the servers, another for the requests)

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from gateway.http.moving_deadline import LEAST
from gateway.http.servers import MOST_REQUESTS as LANE
from tests.integration.exchanges import hang, json_of, submit, upload, verdict
from tests.kit.gateways import head_of, open_gateway, serve, speak, until
from tests.kit.services import free_ports


@pytest.mark.parametrize(("path", "short"), [("/history", "read"), ("/view?filename=x", "view"), ("/api/jobs", "read")])
async def test_unanswered_read_ends_at_its_deadline(browser: aiohttp.ClientSession, path: str, short: str) -> None:
    async with serve(hang) as upstream, open_gateway({"a": upstream.url}, **{short: 0.2}) as gateway:
        async with browser.get(f"{gateway.url}/servers/a{path}") as reply:
            assert verdict(reply) == (504, "timeout; sent=unknown")


async def test_unanswered_submit_is_unclear(browser: aiohttp.ClientSession) -> None:
    async with serve(hang) as upstream, open_gateway({"a": upstream.url}, submit=0.2) as gateway:
        async with submit(browser, gateway) as reply:
            assert verdict(reply) == (504, "timeout; sent=unknown")
            assert (await reply.json())["error"]["cause"] == "timeout"
    assert len(upstream.seen) == 1, "posted once"


async def test_slow_upload_passes_and_stalled_upload_is_cut(browser: aiohttp.ClientSession) -> None:
    async def slow_body() -> AsyncIterator[bytes]:
        for _ in range(8):
            yield bytes(LEAST)
            await asyncio.sleep(0.1)

    async with serve() as upstream, open_gateway({"a": upstream.url}, idle=0.5) as gateway:
        async with upload(browser, gateway, slow_body()) as reply:
            assert reply.status == 200
    async with serve(hang) as upstream, open_gateway({"a": upstream.url}, idle=0.5) as gateway:
        async with upload(browser, gateway, b"x") as reply:
            assert verdict(reply) == (504, "timeout; sent=unknown")


async def test_stalled_answer_is_cut(browser: aiohttp.ClientSession) -> None:
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


async def test_missing_body_ends_at_its_deadline() -> None:
    async with serve() as upstream, open_gateway({"a": upstream.url}, idle=0.3) as gateway:
        host = gateway.url.removeprefix("http://")
        head = f"POST /servers/a/prompt HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        reply = await speak(gateway.port, f"{head}Content-Length: 9\r\n\r\n{{".encode())
    assert head_of(reply)[1]["x-mooring-gateway"] == "bad-request; sent=no"
    assert upstream.seen == []


async def test_body_that_dribbles_ends_at_its_deadline() -> None:
    async with serve() as upstream, open_gateway({"a": upstream.url}, body=0.5) as gateway:
        host = gateway.url.removeprefix("http://")
        head = f"POST /servers/a/prompt HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(f"{head}Content-Length: 4000000\r\n\r\n".encode())
        reply = asyncio.create_task(reader.readuntil(b"\r\n\r\n"))

        async def dribble() -> bool:
            writer.write(b" " * LEAST)  # which renews the idle deadline
            return reply.done()

        await until(dribble)
        assert head_of(reply.result())[1]["x-mooring-gateway"] == "bad-request; sent=no"
        writer.transport.abort()
    assert upstream.seen == []


async def test_repeated_request_sends_the_prompt_once(
    browser: aiohttp.ClientSession,
) -> None:
    async with serve() as upstream, open_gateway({"a": upstream.url}) as gateway:
        async with submit(browser, gateway) as reply:
            assert reply.status == 200
        async with submit(browser, gateway) as reply:
            assert verdict(reply) == (409, "already-sent; sent=unknown")
    assert len(upstream.seen) == 1


async def test_unsent_prompt_may_be_retried(browser: aiohttp.ClientSession) -> None:
    port = free_ports()
    async with open_gateway({"a": f"http://127.0.0.1:{port}"}) as gateway:
        for _ in range(2):
            async with submit(browser, gateway) as reply:
                assert verdict(reply) == (502, "connect-failed; sent=no")


async def test_hung_server_delays_no_other(browser: aiohttp.ClientSession) -> None:
    async with (
        serve(hang) as hung,
        serve() as well,
        open_gateway({"a": hung.url, "b": well.url}, lane=0.1) as gateway,
    ):
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as many:
            waiting = [asyncio.create_task(json_of(many.get(f"{gateway.url}/servers/a/history"))) for _ in range(LANE)]
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


async def test_hung_uploads_do_not_delay_a_cancel(browser: aiohttp.ClientSession) -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return await hang(request) if request.path.startswith("/upload") else web.json_response({})

    async with serve(answer) as upstream, open_gateway({"a": upstream.url}) as gateway:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as many:
            waiting = [asyncio.create_task(json_of(upload(many, gateway, b"x"))) for _ in range(LANE)]
            await until(lambda: len(upstream.seen) == LANE)
            url = f"{gateway.url}/servers/a/interrupt"
            async with browser.post(url, json={"prompt_id": "x"}) as reply:
                assert verdict(reply) == (200, None)
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
