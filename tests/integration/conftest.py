"""Fixtures for most tests of the gateway: an HTTP client, and a gateway to attack."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.integration.attacks import GuardedServer
from tests.integration.rig import PATIENCE, open_gateway, serve


@pytest.fixture
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    """A client with a timeout that does not decompress answers."""
    timeout = aiohttp.ClientTimeout(total=PATIENCE)
    async with aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as session:
        yield session


@pytest.fixture
async def guarded() -> AsyncIterator[GuardedServer]:
    """A gateway with one server that it has probed."""
    async with serve() as upstream, open_gateway({"a": upstream.url}) as gateway:
        await gateway.first_probe()
        yield GuardedServer(gateway, upstream)
