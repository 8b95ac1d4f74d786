"""The servers of the contract: a demo and a simulated one, and those that `MOORING_REAL_COMFYUI` names."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from tests.contract.peer import Peer, WebPeer, web_peer
from tests.contract.simulated import simulated
from tests.services import Service, start_demo

REAL = [each.strip().rstrip("/") for each in os.environ.get("MOORING_REAL_COMFYUI", "").split(",") if each.strip()]
ALONE = os.environ.get("MOORING_REAL_COMFYUI_ALONE") == "1"
"""Whether the real servers have no other users, so that tests may affect all of their jobs."""


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the demo's files."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="session")
def demo(demo_folder: Path) -> Iterator[Service]:
    """One demo process for all contract tests."""
    with start_demo("--step-seconds", "0.02", data=demo_folder) as service:
        yield service


@pytest.fixture
async def demo_peer(demo: Service) -> AsyncIterator[WebPeer]:
    """The demo, for tests of features that only it has."""
    async with web_peer("demo", demo.url) as peer:
        yield peer


@pytest.fixture(params=["demo", "simulated"])
async def replica(request: pytest.FixtureRequest, demo: Service) -> AsyncIterator[Peer]:
    """A server that must behave like the recorded one."""
    async with simulated() if request.param == "simulated" else web_peer("demo", demo.url) as peer:
        yield peer


@pytest.fixture(params=["demo", "simulated", *REAL])
async def peer(request: pytest.FixtureRequest, demo: Service) -> AsyncIterator[Peer]:
    """A server under test."""
    match request.param:
        case "demo":
            opening: AbstractAsyncContextManager[Peer] = web_peer("demo", demo.url)
        case "simulated":
            opening = simulated()
        case address:
            opening = web_peer(address, address, is_alone=ALONE, previews=False)
    async with opening as peer:
        yield peer
