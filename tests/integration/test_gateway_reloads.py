"""Sockets after a reload, at a demo server that forgets a client_id as ComfyUI does."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator

import aiohttp
import pytest

from tests.integration.hub import FLAGS, connect, drop
from tests.kit.gateways import PATIENCE, Running, open_gateway
from tests.kit.services import Service, start_demo

PICTURE = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0}},
    "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
}


@pytest.fixture
def demo() -> Iterator[Service]:
    with start_demo() as service:
        yield service


async def change_faults(browser: aiohttp.ClientSession, demo: Service, **faults: object) -> None:
    async with browser.post(f"{demo.url}/demo/faults", json=faults) as reply:
        assert reply.status == 200


async def hearing(browser: aiohttp.ClientSession, demo: Service) -> dict[str, list[str]]:
    async with browser.get(f"{demo.url}/demo/faults") as reply:
        sockets: dict[str, list[str]] = (await reply.json())["sockets"]
        return sockets


async def run_and_listen(
    browser: aiohttp.ClientSession, gateway: Running, socket: aiohttp.ClientWebSocketResponse
) -> None:
    """Run a prompt whose end must arrive on the socket."""
    prompt_id = str(uuid.uuid4())
    body = {"prompt": PICTURE, "client_id": "w", "prompt_id": prompt_id}
    async with browser.post(f"{gateway.url}/servers/a/prompt", json=body) as reply:
        assert reply.status == 200
    async with asyncio.timeout(PATIENCE):
        while True:
            message = json.loads(await socket.receive_str())
            if message["type"] == "execution_success" and message["data"]["prompt_id"] == prompt_id:
                return


async def test_overlapping_socket_goes_deaf_without_the_gateway(browser: aiohttp.ClientSession, demo: Service) -> None:
    """Without the gateway in between, the same steps leave a deaf socket: this is what the wait prevents."""
    older = await browser.ws_connect(f"{demo.url}/ws?clientId=w")
    newer = await browser.ws_connect(f"{demo.url}/ws?clientId=w")
    await older.close()
    sockets = {"open": ["w", "w"]}
    async with asyncio.timeout(PATIENCE):
        while sockets["open"] != ["w"]:
            sockets = await hearing(browser, demo)
    assert sockets == {"open": ["w"], "hearing": []}
    await newer.close()


@pytest.mark.parametrize("leave", ["close", "drop", "stay"])
async def test_events_arrive_after_reloads_though_the_server_closes_late(
    browser: aiohttp.ClientSession, demo: Service, leave: str
) -> None:
    await change_faults(browser, demo, close_sockets_late=0.2)
    async with open_gateway({"a": demo.url}) as gateway:
        for _ in range(4):
            socket = await connect(browser, gateway)
            await socket.send_str(FLAGS)
            assert json.loads(await socket.receive_str())["type"] == "status", "the server has accepted it"
            assert await hearing(browser, demo) == {"open": ["w"], "hearing": ["w"]}
            await run_and_listen(browser, gateway, socket)
            if leave == "close":
                await socket.close()
            elif leave == "drop":
                drop(socket)
