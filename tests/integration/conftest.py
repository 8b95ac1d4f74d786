"""Fixtures for most tests of the gateway: an HTTP client, a gateway to attack, and a demo server for many studios."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from tests.integration.attacks import GuardedServer
from tests.kit.gateways import PATIENCE, open_gateway, serve
from tests.kit.services import start_demo
from tests.kit.studio import SharedDemo


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


@pytest.fixture(scope="module")
def shared_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedDemo]:
    """The demo server of a module, for `open_studio`."""
    data = tmp_path_factory.mktemp("data")
    with start_demo(data=data) as service:
        yield SharedDemo(service, data)
