"""Fixtures for most tests of the gateway: an HTTP client, a gateway to attack, and a demo server for many studios."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.integration.attacks import GuardedServer
from tests.kit.gateways import PATIENCE, Running, Upstream, open_gateway, serve
from tests.kit.services import start_demo
from tests.kit.studio import SharedDemo, Studio, open_studio


@pytest.fixture
async def browser(request: pytest.FixtureRequest) -> AsyncIterator[aiohttp.ClientSession]:
    """A client with a timeout. It decompresses answers only if a module's `DECOMPRESSES` says so."""
    timeout, decompresses = aiohttp.ClientTimeout(total=PATIENCE), getattr(request.module, "DECOMPRESSES", False)
    async with aiohttp.ClientSession(timeout=timeout, auto_decompress=decompresses) as session:
        yield session


@pytest.fixture
async def server() -> AsyncIterator[Upstream]:
    """A server that records what reaches it."""
    async with serve() as upstream:
        yield upstream


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


@pytest.fixture
async def studio(shared_demo: SharedDemo) -> AsyncIterator[Studio]:
    """A gateway with three users, and that demo server."""
    async with open_studio(demo=shared_demo) as studio:
        yield studio


@pytest.fixture
async def gateway(site: Path) -> AsyncIterator[Running]:
    """A gateway that serves the module's `site`, a small repository."""
    async with open_gateway({"a": "http://127.0.0.1:1"}, root=site) as running:
        yield running
