"""Requests of a page that has not received a changed fleet are refused and reach no other server (promise 2)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from tests.kit.services import Service, free_ports, start_demo, start_gateway


@pytest.fixture(scope="module")
def two_demos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, Service]]:
    with (
        start_demo(data=tmp_path_factory.mktemp("one")) as one,
        start_demo(data=tmp_path_factory.mktemp("two")) as two,
    ):
        yield one, two


async def base_of(session: aiohttp.ClientSession, gateway: Service) -> str:
    async with session.get(f"{gateway.url}/fleet") as answer:
        base: str = (await answer.json())["servers"][0]["base"]
    return base


async def test_changed_address_is_refused_before_sending(two_demos: tuple[Service, Service]) -> None:
    one, two = two_demos
    port = free_ports()
    async with aiohttp.ClientSession() as session:
        with start_gateway("--server", f"gpu={one.url}", port=port) as gateway:
            old = await base_of(session, gateway)
            async with session.get(f"{gateway.url}{old}/queue") as answer:
                assert answer.status == 200
        with start_gateway("--server", f"gpu={two.url}", port=port) as gateway:
            new = await base_of(session, gateway)
            assert new != old
            for base, status in ((old, 409), (new, 200), ("/servers/gpu", 200)):
                async with session.get(f"{gateway.url}{base}/queue") as answer:
                    assert answer.status == status
            async with session.post(f"{gateway.url}{old}/prompt", json={"prompt": {}}) as answer:
                assert answer.headers["X-Mooring-Gateway"] == "server-moved; sent=no"
                refused: dict[str, Any] = json.loads(await answer.read())
                assert refused["error"]["cause"] == "server-moved"
            with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
                await session.ws_connect(f"{gateway.url}{old}/ws?clientId=x", headers={"Origin": gateway.url})
            assert refusal.value.status == 409
            address = f"{gateway.url}{new}/ws?clientId=x"
            async with session.ws_connect(address, headers={"Origin": gateway.url}) as socket:
                assert (await socket.receive_json())["type"] == "status"


async def test_gateways_with_one_fleet_use_the_same_paths(two_demos: tuple[Service, Service]) -> None:
    async with aiohttp.ClientSession() as session:
        with (
            start_gateway("--server", f"gpu={two_demos[0].url}") as here,
            start_gateway("--server", f"gpu={two_demos[0].url}") as there,
        ):
            assert await base_of(session, here) == await base_of(session, there)
