"""Servers that fail: certain failures are reported as certain, others as unclear, and redirects are not followed."""

# ruff: noqa: SIM117 (one block for the servers, another for the requests)

from __future__ import annotations

import asyncio
import contextlib
import socket

import aiohttp
import pytest
from aiohttp import web

from tests.integration.exchanges import submit, upload, verdict
from tests.integration.hub import connect, end_of
from tests.kit.gateways import open_gateway, serve, serve_raw
from tests.kit.platforms import linux_only
from tests.kit.services import free_ports


async def test_closed_port_is_a_certain_failure(browser: aiohttp.ClientSession) -> None:
    async with open_gateway({"a": f"http://127.0.0.1:{free_ports()}"}) as gateway:
        async with submit(browser, gateway) as reply:
            assert verdict(reply) == (502, "connect-failed; sent=no")
        async with upload(browser, gateway, b"x") as reply:
            assert verdict(reply) == (502, "connect-failed; sent=no")
        async with browser.get(f"{gateway.url}/servers/a/queue") as reply:
            assert verdict(reply) == (502, "connect-failed; sent=no")


@linux_only("another length of a listen queue")
async def test_unaccepted_connection_is_a_certain_failure(browser: aiohttp.ClientSession) -> None:
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=1))
        for _ in range(4):  # a backlog takes one more than its size; the rest get no answer
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        async with open_gateway({"a": f"http://127.0.0.1:{listener.getsockname()[1]}"}, connect=0.3) as gateway:
            async with submit(browser, gateway) as reply:
                assert verdict(reply) == (502, "connect-failed; sent=no")


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200 OK\r\nContent-", b"SSH-2.0-OpenSSH_9\r\n", b"\x00\x01\x02\x03\r\n\r\n"]
)
async def test_submit_is_unclear_if_the_server_hangs_up(browser: aiohttp.ClientSession, answer: bytes) -> None:
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
    assert posts == 1, "posted once"


@pytest.mark.parametrize(
    "head", [b"Content-Length: 100\r\n\r\nhalf", b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"]
)
async def test_cut_answer_is_never_complete(browser: aiohttp.ClientSession, head: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n" + head)
        await writer.drain()

    async with serve_raw(talk) as url, open_gateway({"a": url}) as gateway:
        async with browser.get(f"{gateway.url}/servers/a/view?filename=x") as reply:
            with pytest.raises(aiohttp.ClientError):
                await reply.read()


async def test_switch_of_protocols_is_not_passed_on(browser: aiohttp.ClientSession) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
        await reader.read()

    async with serve_raw(talk) as url, open_gateway({"a": url}) as gateway:
        async with browser.get(f"{gateway.url}/servers/a/view?filename=a.png") as reply:
            assert verdict(reply) == (502, "not-comfyui; sent=unknown")
        async with submit(browser, gateway) as reply:
            assert verdict(reply) == (502, "not-comfyui; sent=unknown")


async def test_header_with_control_characters_is_dropped(browser: aiohttp.ClientSession) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nETag: "a\x1b[2Jb"\r\nContent-Length: 2\r\n\r\nok')

    async with serve_raw(talk) as url, open_gateway({"a": url}) as gateway:
        async with browser.get(f"{gateway.url}/servers/a/view?filename=a.png") as reply:
            assert (reply.status, await reply.read()) == (200, b"ok")
            assert "ETag" not in reply.headers and reply.headers["Content-Type"] == "image/png"


async def test_redirect_is_not_followed(browser: aiohttp.ClientSession) -> None:
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
            assert await end_of(await connect(browser, gateway)) == (4502, "redirect")
        assert elsewhere.seen == []
