"""Requests of a browser through the gateway, and the gateway's refusals."""

from __future__ import annotations

import asyncio
import io
import uuid
from collections.abc import AsyncIterator

import aiohttp
from aiohttp import web

from tests.kit.gateways import Running

MIB = 1024 * 1024
CHUNK = bytes(64 * 1024)
PROMPT = {"prompt": {"1": {}}, "client_id": "w", "prompt_id": str(uuid.uuid4())}


def verdict(reply: aiohttp.ClientResponse) -> tuple[int, str | None]:
    """Return the status, with the gateway's own header if it refused."""
    return reply.status, reply.headers.get("X-Mooring-Gateway")


def submit(browser: aiohttp.ClientSession, gateway: Running) -> aiohttp.client._RequestContextManager:
    """POST a prompt."""
    return browser.post(f"{gateway.url}/servers/a/prompt", json=PROMPT)


def upload(
    browser: aiohttp.ClientSession, gateway: Running, body: bytes | io.BytesIO | AsyncIterator[bytes], **headers: str
) -> aiohttp.client._RequestContextManager:
    """POST a file."""
    kind = {"Content-Type": "multipart/form-data; boundary=x"} | headers
    return browser.post(f"{gateway.url}/servers/a/upload/image", data=body, headers=kind)


async def json_of(request: aiohttp.client._RequestContextManager) -> object:
    """Return the answer's JSON value."""
    async with request as reply:
        return await reply.json()


async def hang(request: web.BaseRequest) -> web.StreamResponse:
    """Accept a request and never answer."""
    await request.read()
    await asyncio.Event().wait()
    raise AssertionError
