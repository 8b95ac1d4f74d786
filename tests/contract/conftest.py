"""The servers of the contract: demo and simulated ones of each version, and those that `MOORING_REAL_COMFYUI` names."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.contract.peer import Peer, WebPeer, web_peer
from tests.contract.simulated import simulated
from tests.kit.services import Service, start_demo
from tests.kit.studio import Studio, open_studio
from wire.versions import NEWEST, OLDEST, VERSIONS

REAL = [each.strip().rstrip("/") for each in os.environ.get("MOORING_REAL_COMFYUI", "").split(",") if each.strip()]
ALONE = os.environ.get("MOORING_REAL_COMFYUI_ALONE") == "1"
"""Whether the real servers have no other users, so that tests may affect all of their jobs."""
KINDS = ("demo", "simulated")


@dataclass
class Demos:
    """One demo process for each version, started by the first test that uses it."""

    stack: ExitStack
    root: Path
    services: dict[str, Service] = field(default_factory=dict)

    def get(self, version: str) -> Service:
        """Return the running demo that speaks as this version."""
        if version not in self.services:
            demo = start_demo("--step-seconds", "0.02", "--speaks", version, data=self.root / version)
            self.services[version] = self.stack.enter_context(demo)
        return self.services[version]

    def open(self, version: str) -> AbstractAsyncContextManager[WebPeer]:
        """Open the demo that speaks as this version."""
        return web_peer("demo", self.get(version).url, folder=self.root / version)


@pytest.fixture(scope="session")
def demos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demos]:
    """The demo processes of all contract tests."""
    with ExitStack() as stack:
        yield Demos(stack, tmp_path_factory.mktemp("demo"))


@pytest.fixture
async def demo_peer(demos: Demos) -> AsyncIterator[WebPeer]:
    """The newest demo, for tests of features that only a demo has."""
    async with demos.open(NEWEST) as peer:
        yield peer


def _open(name: str, demos: Demos) -> AbstractAsyncContextManager[Peer]:
    """Open `demo-VERSION`, `simulated-VERSION`, or the real server at this address."""
    kind, _, version = name.partition("-")
    match kind:
        case "demo":
            return demos.open(version)
        case "simulated":
            return simulated(version=version)
        case _:
            return web_peer(name, name, is_alone=ALONE, previews=False)


def replicas(*versions: str) -> list[str]:
    """Return the parameters of `replica` for servers of these versions."""
    return [f"{kind}-{version}" for version in versions for kind in KINDS]


@pytest.fixture(params=replicas(OLDEST))
async def replica(request: pytest.FixtureRequest, demos: Demos) -> AsyncIterator[Peer]:
    """A server that must behave like the recorded one, which is the oldest unless the test names others."""
    async with _open(request.param, demos) as peer:
        yield peer


@pytest.fixture(params=replicas(NEWEST))
async def new_replica(request: pytest.FixtureRequest, demos: Demos) -> AsyncIterator[Peer]:
    """A server that must behave like the recorded one of the newest version."""
    async with _open(request.param, demos) as peer:
        yield peer


@pytest.fixture(params=[*replicas(*VERSIONS), *REAL])
async def peer(request: pytest.FixtureRequest, demos: Demos) -> AsyncIterator[Peer]:
    """A server under test."""
    async with _open(request.param, demos) as peer:
        yield peer


def address_of(server: str, demos: Demos) -> str:
    """Return the address of a real server, or of the demo of this version."""
    return demos.get(server).url if server in VERSIONS else server


@pytest.fixture(params=[*VERSIONS, *REAL])
async def studio(request: pytest.FixtureRequest, demos: Demos) -> AsyncIterator[Studio]:
    """A gateway with three users, for each kind of server."""
    async with open_studio(server=address_of(request.param, demos)) as studio:
        yield studio
