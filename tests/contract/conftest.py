"""Which servers the contract is asked of: a demo always, real ones where `MOORING_REAL_COMFYUI` names addresses."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.contract.peer import WebPeer
from tests.services import Service, start_demo

REAL = [each.strip().rstrip("/") for each in os.environ.get("MOORING_REAL_COMFYUI", "").split(",") if each.strip()]
ALONE = os.environ.get("MOORING_REAL_COMFYUI_ALONE") == "1"
"""Whether nobody else uses the real servers, so that even what hits everybody's jobs may be tried."""


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the demo keeps its files."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="session")
def demo(demo_folder: Path) -> Iterator[Service]:
    """One demo process for all contract tests."""
    with start_demo("--step-seconds", "0.02", data=demo_folder) as service:
        yield service


@pytest.fixture(params=["demo", *REAL])
async def peer(request: pytest.FixtureRequest, demo: Service) -> AsyncIterator[WebPeer]:
    """A server to ask."""
    is_demo = request.param == "demo"
    async with aiohttp.ClientSession() as session:
        peer = WebPeer(
            name=request.param,
            url=demo.url if is_demo else request.param,
            session=session,
            is_alone=is_demo or ALONE,
            previews=is_demo,
        )
        yield peer
        await asyncio.gather(*(listener.close() for listener in peer.listeners))


@pytest.fixture
async def demo_peer(demo: Service) -> AsyncIterator[WebPeer]:
    """The demo, for tests of what only it has."""
    async with aiohttp.ClientSession() as session:
        peer = WebPeer("demo", demo.url, session)
        yield peer
        await asyncio.gather(*(listener.close() for listener in peer.listeners))
