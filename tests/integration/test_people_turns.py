"""A user's limits hold however the submits arrive, and no window waits for the slow body of another."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.fleet.rules import Rules
from gateway.people.keys import load_keys
from gateway.people.login_settings import LoginSettings
from tests.integration.front import Front, open_front
from tests.kit.gateways import relay, until
from tests.kit.studio import (
    ALL_AT_ONCE,
    PASSWORD,
    Client,
    SharedDemo,
    Studio,
    hash_quickly,
    open_studio,
    slow_prompt,
    write_users,
)
from wire.turns import AHEAD

LIMIT = 3
PRESSES = 50
FLOOD = 200


def written(studio: Studio, client: Client, body: dict[str, Any]) -> tuple[bytes, bytes]:
    """Return a submit as bytes: its head and its body."""
    text = json.dumps(body).encode()
    headers = {
        "Host": client.url.removeprefix("http://"),
        "Origin": client.url,
        "Content-Type": "application/json",
        "Content-Length": str(len(text)),
        **studio.cookie_of(client),
    }
    lines = ["POST /servers/a/prompt HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode(), text


async def press_and_leave(studio: Studio, client: Client, body: dict[str, Any], seconds: float) -> None:
    """Send a submit, and close its connection so long after its body."""
    _, writer = await asyncio.open_connection("127.0.0.1", studio.gateway.port)
    writer.write(b"".join(written(studio, client, body)))
    await writer.drain()
    await asyncio.sleep(seconds)
    writer.transport.abort()


async def is_settled(studio: Studio) -> bool:
    """Return whether the gateway has neither a request nor a submit that outlives its browser."""
    gateway = studio.gateway.gateway
    return not gateway._proxy._carried and not gateway._proxy.budget.bodies.count


@pytest.mark.parametrize("milliseconds", [2, 6, 12, 20])
@pytest.mark.parametrize("extra", [ALL_AT_ONCE, {}], ids=["limit", "ahead"])
async def test_closed_connections_pass_no_limit(
    shared_demo: SharedDemo, extra: dict[str, Any], milliseconds: int
) -> None:
    async with open_studio(Rules(max_pending_per_user=LIMIT), demo=shared_demo) as studio:
        alice = await studio.log_in("alice")
        for seed in range(PRESSES):
            await press_and_leave(studio, alice, alice.body(slow_prompt(seed), extra_data=extra), milliseconds / 1_000)
        await until(lambda: is_settled(studio))
        assert 0 < len(await studio.queued()) <= (LIMIT if extra else AHEAD)


async def test_turns_are_forgotten_when_no_submit_uses_them(shared_demo: SharedDemo) -> None:
    async with open_studio(demo=shared_demo) as studio:
        alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
        await asyncio.gather(*(client.submit() for client in (alice, bob, alice)))
        assert (await alice.post("/servers/a/prompt", {"prompt": {}}))[0] == 400
        assert len(turns_of(studio)) == 0


@contextlib.asynccontextmanager
async def slow_submit(studio: Studio, client: Client) -> AsyncIterator[None]:
    """Send a submit at 600 bytes a second during the block."""
    prompt = slow_prompt()
    prompt["1"]["inputs"]["text"] = "tide " * 20_000
    head, text = written(studio, client, client.body(prompt))
    _, writer = await asyncio.open_connection("127.0.0.1", studio.gateway.port)
    writer.write(head + text[:600])

    async def trickle() -> None:
        for at in range(600, len(text), 60):
            await asyncio.sleep(0.1)
            writer.write(text[at : at + 60])

    trickling = asyncio.create_task(trickle())
    await until(lambda: studio.gateway.gateway.budget.bodies.count)
    yield
    assert not trickling.done() and studio.gateway.gateway.budget.bodies.count
    trickling.cancel()
    writer.transport.abort()


async def test_slow_body_blocks_no_other_window(shared_demo: SharedDemo) -> None:
    async with open_studio(demo=shared_demo) as studio:
        alice = await studio.log_in("alice")
        async with slow_submit(studio, alice):
            await alice.submit(extra_data={})


async def test_turn_that_does_not_come_is_a_certain_refusal(shared_demo: SharedDemo) -> None:
    async with (
        relay(shared_demo.server.url, held=b"POST /prompt") as (url, released),
        open_studio(server=url, turn=0.2) as studio,
    ):
        alice = await studio.log_in("alice")
        first = asyncio.create_task(alice.submit(extra_data={}))
        await until(lambda: len(turns_of(studio)))
        second, own = alice.body(), {"Origin": alice.url}
        async with alice.http.post(f"{alice.url}/servers/a/prompt", json=second, headers=own) as reply:
            assert (reply.status, reply.headers["X-Mooring-Gateway"]) == (429, "not-your-turn; sent=no")
            assert reply.headers["Retry-After"] == "2"
        released.set()
        await first
        assert (await alice.post("/servers/a/prompt", second))[0] == 200, "it is sent when it is tried again"


async def test_prompts_without_an_answer_count(shared_demo: SharedDemo) -> None:
    async with (
        relay(shared_demo.server.url, held=b"POST /prompt") as (url, released),
        open_studio(Rules(max_pending_per_user=LIMIT), server=url, submit=0.2) as studio,
    ):
        alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
        bodies = [alice.body(slow_prompt(seed), extra_data=ALL_AT_ONCE) for seed in range(LIMIT + 1)]
        own = {"Origin": alice.url}
        for body in bodies:
            async with alice.http.post(f"{alice.url}/servers/a/prompt", json=body, headers=own) as reply:
                expected = "too-many-prompts; sent=no" if body is bodies[-1] else "timeout; sent=unknown"
                assert reply.headers["X-Mooring-Gateway"] == expected
        assert (await bob.post("/servers/a/prompt", bob.body()))[0] == 504, "others may submit"
        released.set()
        queued = LIMIT + 1  # of both
        await until(lambda: has_queued(studio, queued))


async def has_queued(studio: Studio, count: int) -> bool:
    """Return whether so many prompts are queued; none has ended."""
    return len(await studio.queued()) == count


async def test_failed_question_before_a_submit_is_a_certain_refusal(shared_demo: SharedDemo) -> None:
    async with (
        relay(shared_demo.server.url, held=b"GET /history/") as (url, released),
        open_studio(server=url, read=0.3) as studio,
    ):
        alice = await studio.log_in("alice")
        body, own = alice.body(), {"Origin": alice.url}
        async with alice.http.post(f"{alice.url}/servers/a/prompt", json=body, headers=own) as reply:
            assert (reply.status, reply.headers["X-Mooring-Gateway"]) == (504, "timeout; sent=no")
        released.set()
        assert (await alice.post("/servers/a/prompt", body))[0] == 200, "it is sent when it is tried again"


async def test_two_gateways_behind_nginx_keep_a_users_turn(
    shared_demo: SharedDemo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared_demo.forget()
    hash_quickly(monkeypatch)
    write_users(tmp_path / "users.toml")
    logins = LoginSettings(load_keys(tmp_path / "mooring.key"), tmp_path / "users.toml")
    servers = {"a": shared_demo.server.url}
    async with open_front(servers, tmp_path, gateways=2, logins=logins) as front, alice_at(front) as alice:
        for running in front.gateways:
            state = running.gateway.state
            await until(lambda state=state: all(state.catalogue(one).files for one in state.servers))
        paths = (f"{front.base()}/prompt", "/servers/a/prompt")
        bodies = [alice.body(slow_prompt(seed), extra_data={}) for seed in range(FLOOD)]
        presses = [alice.post(paths[number % 2], body) for number, body in enumerate(bodies)]
        statuses = [status for status, _ in await asyncio.gather(*presses)]
        async with aiohttp.request("GET", f"{shared_demo.server.url}/queue") as reply:
            queue = await reply.json()
        assert len(queue["queue_running"]) + len(queue["queue_pending"]) <= AHEAD
        assert (statuses.count(200), statuses.count(429)) == (AHEAD, FLOOD - AHEAD)
        sent = [len(running.gateway._proxy._sent._sent) for running in front.gateways]
        assert sorted(sent) == [0, AHEAD], "all prompts to a server pass one gateway"


@contextlib.asynccontextmanager
async def alice_at(front: Front) -> AsyncIterator[Client]:
    """Log Alice in at nginx."""
    async with aiohttp.ClientSession(
        cookie_jar=aiohttp.CookieJar(unsafe=True), connector=aiohttp.TCPConnector(limit=0)
    ) as session:
        alice = Client("alice", front.url, session)
        assert (await alice.post("/login", {"name": "alice", "password": PASSWORD}))[0] == 200
        yield alice


def turns_of(studio: Studio) -> Any:
    """Return the turns that are taken or awaited."""
    access = studio.gateway.gateway._access
    assert access is not None
    return access.user_proxy._turns.locks
