"""Sockets of several users on one server: each receives events of their own work, and may send only what is allowed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
import uuid
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType

from tests.integration.echo_server import serve_echo
from tests.integration.rig import PATIENCE, PLAIN
from tests.integration.studio import Guest, Studio, open_studio, picture_prompt, slow_prompt, wait_for

FLAGS = json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}})


@pytest.fixture
async def studio() -> AsyncIterator[Studio]:
    """Start a gateway with three users, where a slow prompt takes three seconds."""
    async with open_studio(PLAIN, "--step-seconds", "0.02") as studio:
        yield studio


class Listener:
    """A window's socket, and everything received on it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.texts: list[dict[str, Any]] = []
        self.binaries: list[bytes] = []

    async def listen(self) -> None:
        async for message in self.socket:
            if message.type is WSMsgType.TEXT:
                self.texts.append(json.loads(message.data))
            else:
                self.binaries.append(message.data)

    def prompts(self) -> set[str]:
        """Return the ids of the prompts in all messages."""
        named = {text["data"].get("prompt_id") for text in self.texts} - {None}
        for data in self.binaries:
            kind, length = struct.unpack_from(">II", data)
            named.add(json.loads(data[8 : 8 + length])["prompt_id"] if kind == 4 else f"nameless {kind}")
        return named

    def kinds(self) -> list[str]:
        """Return the types of the texts."""
        return [text["type"] for text in self.texts]


@contextlib.asynccontextmanager
async def open_listener(guest: Guest, client_id: str | None = None) -> AsyncIterator[Listener]:
    """Open a user's socket, under their own client_id by default."""
    url = f"{guest.url}/servers/a/ws?clientId={client_id or guest.client_id}"
    async with guest.http.ws_connect(url, origin=guest.url) as socket:
        await socket.send_str(FLAGS)
        listener = Listener(socket)
        listening = asyncio.create_task(listener.listen())
        await wait_until(lambda: "status" in listener.kinds())
        yield listener
        listening.cancel()


async def wait_until(condition: Any) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - what is waited for comes over a socket
            await asyncio.sleep(0.01)


async def test_users_receive_only_events_of_their_own_work(studio: Studio) -> None:
    alice, bob = await studio.enter("alice"), await studio.enter("bob")
    async with open_listener(alice) as hers, open_listener(bob) as his:
        first, second = await alice.submit(slow_prompt(1)), await bob.submit(picture_prompt())
        await wait_until(lambda: "executed" in his.kinds() and "executed" in hers.kinds())
        assert hers.prompts() == {first} and his.prompts() == {second}
        assert {"progress", "execution_start", "executed"} <= set(hers.kinds()) and hers.binaries
        assert hers.texts[0]["data"]["sid"] == alice.client_id
        [executed] = [text for text in his.texts if text["type"] == "executed"]
        [file] = executed["data"]["output"]["images"]
        assert (await bob.get("/servers/a/view", params=file))[0] == 200


async def test_broadcast_of_others_work_is_dropped(studio: Studio) -> None:
    alice = await studio.enter("alice")
    async with open_listener(alice) as hers:
        prompt_id = str(uuid.uuid4())
        await studio.direct("POST", "/prompt", json={"prompt": slow_prompt(3), "prompt_id": prompt_id})

        async def is_over() -> bool:
            return prompt_id in await studio.direct("GET", f"/history/{prompt_id}")

        await wait_for(is_over)
        own = await alice.submit()
        await wait_until(lambda: "executed" in hers.kinds())
        assert hers.prompts() == {own}


async def test_another_users_client_id_receives_nothing(studio: Studio) -> None:
    alice, bob = await studio.enter("alice"), await studio.enter("bob")
    async with open_listener(bob, alice.client_id) as spying, open_listener(alice) as hers:
        first = await alice.submit(picture_prompt())
        await wait_until(lambda: "executed" in hers.kinds())
        assert spying.prompts() == set()
        second = await bob.submit(picture_prompt(color=5))
        await bob.result(second)
        assert hers.prompts() == {first}


async def test_late_socket_receives_events_of_the_run(studio: Studio) -> None:
    alice = await studio.enter("alice")
    prompt_id = await alice.submit(slow_prompt(4))

    async def is_running() -> bool:
        return any(row[1] == prompt_id for row in (await studio.direct("GET", "/queue"))["queue_running"])

    await wait_for(is_running)
    async with open_listener(alice) as hers:
        await wait_until(lambda: "progress" in hers.kinds() and "executed" in hers.kinds())
        assert hers.prompts() == {prompt_id}


async def test_only_allowed_messages_reach_the_server(studio: Studio) -> None:
    alice = await studio.enter("alice")
    async with open_listener(alice) as hers:
        for text in ('{"type": "custom", "data": {}}', "[]", "nonsense", '{"type": ["feature_flags"]}'):
            await hers.socket.send_str(text)
        own = await alice.submit()
        await wait_until(lambda: "executed" in hers.kinds())
        assert hers.prompts() == {own}


async def test_undeclared_event_reaches_only_the_metrics() -> None:
    async with serve_echo() as echo, open_studio(server=echo.url) as studio:
        alice, carol = await studio.enter("alice"), await studio.enter("carol")
        async with open_listener(alice) as hers:
            await echo.sockets[0].send_json({"type": "new_event", "data": {"prompt_id": "p"}})

            async def is_counted() -> bool:
                metrics = (await carol.get("/metrics"))[1]
                return 'mooring_undeclared_events_total{event="new_event",server="a"} 1.0' in metrics.decode()

            await wait_for(is_counted)
            assert hers.kinds() == ["status"]
