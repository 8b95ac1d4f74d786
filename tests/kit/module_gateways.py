"""Servers and gateways of whole modules, as fixtures: a module assigns those that it wants.

server = a_server("--step-seconds", "0.1")
gateway = gateway_of_server
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.kit.browser.faults import Fleet, KillableGateway
from tests.kit.services import Service, start_demo, start_gateway


def a_server(*flags: str) -> Callable[..., Any]:
    """Return the fixture `server`: a demo server with a folder of its own."""

    @pytest.fixture(scope="module")
    def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
        with start_demo(*flags, data=tmp_path_factory.mktemp("demo")) as service:
            yield service

    return server


def a_gateway(*flags: str, demo: int = 0) -> Callable[..., Any]:
    """Return the fixture `gateway`: one with these flags, and with its own demo fleet."""

    @pytest.fixture(scope="module")
    def gateway() -> Iterator[Service]:
        with start_gateway(*flags, demo=demo) as service:
            yield service

    return gateway


@pytest.fixture(scope="module")
def gateway_of_server(server: Service) -> Iterator[Service]:
    """A gateway with the module's only server, `gpu-1`."""
    with start_gateway("--server", f"gpu-1={server.url}") as service:
        yield service


@pytest.fixture(scope="module")
def gateway_of_fleet(module_fleet: Fleet) -> Iterator[Service]:
    """A gateway for the module's servers, which tests break."""
    with module_fleet.gateway() as service:
        yield service


@pytest.fixture(scope="module")
def gateway_to_kill(module_gateway: KillableGateway) -> KillableGateway:
    """A gateway that can be killed: a test that kills it also starts it."""
    module_gateway.reset()
    return module_gateway
