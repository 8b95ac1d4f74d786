"""Limits per user: large or many prompts of one user do not affect the others."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import socket
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web

from gateway.fleet.server_answers import parse_json
from gateway.http.bodies import LARGEST_JSON, LARGEST_SHOWN
from gateway.http.budget import ANSWERS, LARGEST_ANSWER, MOST_REQUESTS_OF_ONE
from gateway.http.deadlines import Deadlines
from gateway.http.lanes import Lane
from gateway.http.refusal import HEADER
from gateway.http.servers import Server, ServerId
from gateway.http.upstream import MOST_HEAVY, Upstream
from gateway.people.keys import load_keys
from gateway.people.projection import own_history
from gateway.people.prompts import LARGEST_EXTRA
from gateway.people.upstream_query import LONGEST_PAGE, history_pages
from gateway.people.user import MARK, User
from gateway.people.user_proxy import MOST_HISTORY
from tests.kit.gateways import serve, until
from tests.kit.studio import (
    ALL_AT_ONCE,
    NAMES,
    Client,
    SharedDemo,
    Studio,
    open_studio,
    picture_prompt,
    slow_prompt,
)
from wire.health import Health


@pytest.fixture
async def studio(shared_demo: SharedDemo) -> AsyncIterator[Studio]:
    """Start a studio of three users, with a server that is probed all the time."""
    async with open_studio(probe_well=0.5, demo=shared_demo) as studio:
        yield studio


async def post(client: Client, body: dict[str, Any]) -> tuple[int, str]:
    """Submit a large body and return the status, with the prompt_id or the cause of the refusal."""
    headers = {"Origin": client.url, "Content-Type": "application/json"}
    data = io.BytesIO(json.dumps(body).encode())
    status, answer = await client.ask("POST", "/servers/a/prompt", data=data, headers=headers)
    return status, answer["prompt_id"] if status == 200 else answer["error"]["cause"]


async def test_extra_data_is_bounded(studio: Studio) -> None:
    alice = await studio.log_in("alice")
    too_large = alice.body(extra_data={"extra_pnginfo": {"workflow": "x" * LARGEST_EXTRA}})
    assert await post(alice, too_large) == (413, "too-large")
    assert await studio.queued() == []
    fitting = alice.body(extra_data={"extra_pnginfo": {"workflow": "x" * (LARGEST_EXTRA - 1_000)}})
    status, prompt_id = await post(alice, fitting)
    assert status == 200
    await alice.result(prompt_id)


async def test_prompts_that_wait_are_bounded_together(studio: Studio) -> None:
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    long = slow_prompt()
    long["1"]["inputs"]["steps"] = 200  # nothing leaves the queue while it is counted
    await alice.submit(long)
    access = studio.gateway.gateway._access
    assert access is not None
    access.user_proxy.most_queued_bytes = 100_000
    extra = {"extra_pnginfo": {"workflow": "x" * 30_000}, **ALL_AT_ONCE}
    answers = [await post(alice, alice.body(slow_prompt(seed), extra_data=extra)) for seed in range(4)]
    assert [status for status, _ in answers] == [200, 200, 200, 429]
    assert answers[-1] == (429, "too-many-prompts")
    await bob.submit(slow_prompt(50))
    assert (await bob.get("/servers/a/queue"))[0] == 200
    await studio.direct("POST", "/queue", json={"clear": True})
    await studio.direct("POST", "/interrupt", json={})


async def test_huge_entry_does_not_hide_the_history_of_others(studio: Studio) -> None:
    alice = await studio.log_in("alice")
    before = await alice.submit()
    await alice.result(before)
    huge = {"prompt": picture_prompt(), "prompt_id": str(uuid.uuid4()), "client_id": "past", "extra_data": {}}
    huge["extra_data"] = {"mine": "x" * 28_000_000}
    data, headers = io.BytesIO(json.dumps(huge).encode()), {"Content-Type": "application/json"}
    await studio.direct("POST", "/prompt", data=data, headers=headers)
    after = await alice.submit()
    await alice.result(after)
    await until(studio.is_idle)
    status, history = await alice.get("/servers/a/history")
    assert (status, list(history)) == (200, [before, after])
    made = (await alice.result(after))["outputs"]
    assert made
    state = studio.gateway.gateway.state
    await until(lambda: state.condition("a").health is Health.WELL)


async def test_history_of_large_entries_ends_at_its_limit(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = await studio.log_in("alice")
    extra = {"extra_pnginfo": {"workflow": "x" * 300_000}}
    ids = [(await post(alice, alice.body(picture_prompt(color=color), extra_data=extra)))[1] for color in range(6)]
    await alice.result(ids[-1])
    monkeypatch.setattr("gateway.people.user_proxy.LARGEST_HISTORY", 1_000_000)
    assert list((await alice.get("/servers/a/history"))[1]) == ids[-3:]
    monkeypatch.setattr("gateway.people.user_proxy.LARGEST_HISTORY", 1_000)
    assert list((await alice.get("/servers/a/history"))[1]) == ids[-1:]  # a user's latest entry is always there


async def test_history_is_read_in_pages(studio: Studio) -> None:
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    ids = [await (alice if number % 2 else bob).submit(picture_prompt(color=number)) for number in range(40)]
    await bob.result(ids[-2])
    await alice.result(ids[-1])
    user = User("alice", keys=load_keys(studio.users.with_name("mooring.key")))
    async with Upstream(Server(ServerId("a"), "a", studio.server_url), Deadlines()) as upstream:
        pages = [page async for page in history_pages(upstream, 1_000, parse_json, "/history")]
        few = [page async for page in history_pages(upstream, 5, parse_json, "/history")]
        own = [page async for page in history_pages(upstream, 1_000, own_history, user, "a")]
    assert max(map(len, pages)) <= LONGEST_PAGE
    assert len(pages) > 1
    assert [name for page in reversed(pages) for name in page] == ids
    assert [name for page in few for name in page] == ids[-5:]
    assert sorted(entry.prompt_id for page in own for entry in page) == sorted(ids[1::2])
    assert list((await alice.get("/servers/a/history"))[1]) == ids[1::2]
    assert list((await alice.get("/servers/a/history?max_items=4"))[1]) == ids[-3::2]
    assert MOST_HISTORY >= 40


async def test_answer_is_charged_to_its_user_until_it_is_taken(studio: Studio) -> None:
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    extra = {"extra_pnginfo": {"workflow": "x" * 1_900_000}}
    for color in range(2):
        _, prompt_id = await post(alice, alice.body(picture_prompt(color=color), extra_data=extra))
        await alice.result(prompt_id)
    budget = studio.gateway.gateway.budget
    async with untaken(studio, alice, "/servers/a/history") as head:
        assert head == b"HTTP/1.1 200 OK\r\n"
        assert budget.of("user alice") > 3_000_000
        assert budget.of("user bob") == 0
        assert (await bob.get("/servers/a/history"))[0] == 200
    await until(lambda: budget.size == 0)


@contextlib.asynccontextmanager
async def untaken(studio: Studio, client: Client, path: str) -> AsyncIterator[bytes]:
    """Ask for a large answer as this user; yield its first line, and take the rest after the block."""
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)  # or the system takes all of it
    slow.connect(("127.0.0.1", studio.gateway.port))
    reader, writer = await asyncio.open_connection(sock=slow, limit=1_000)
    host, cookie = studio.gateway.url.removeprefix("http://"), studio.cookie_of(client)["Cookie"]
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n".encode())
    try:
        yield await reader.readline()
        while await reader.read(1_000_000):
            pass
    finally:
        writer.close()


LISTED = [f"{number:060}.png" for number in range(60_000)]
LISTING = {
    "LoadImage": {"input": {"required": {"image": [["a.png"], {}]}}, "python_module": "nodes"},
    "LoraLoader": {"input": {"required": {"lora_name": [LISTED, {}]}}, "python_module": "nodes"},
}


@pytest.mark.parametrize("path", ["object_info", "models/loras"])
async def test_lists_are_charged_to_their_user(path: str) -> None:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.json_response(LISTED)

    async with serve(answer, nodes=LISTING) as server, open_studio(server=server.url) as studio:
        alice, budget = await studio.log_in("alice"), studio.gateway.gateway.budget
        async with untaken(studio, alice, f"/servers/a/{path}") as head:
            assert head == b"HTTP/1.1 200 OK\r\n"
            assert budget.of("user alice") > 3_000_000
        await until(lambda: budget.size == 0)


@contextlib.asynccontextmanager
async def open_refusing_studio(begun: bytes) -> AsyncIterator[tuple[Studio, asyncio.Event]]:
    """Start a studio with a server whose answer to a prompt begins so, and waits for the event."""
    is_let_go = asyncio.Event()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "GET":
            return web.json_response({})
        reply = web.StreamResponse(status=400)
        await reply.prepare(request)
        await reply.write(begun)
        await is_let_go.wait()
        await reply.write_eof(b'"}')
        return reply

    async with serve(answer, nodes=LISTING) as server, open_studio(server=server.url) as studio:
        yield studio, is_let_go


async def test_answer_to_a_prompt_is_charged_to_its_user() -> None:
    async with open_refusing_studio(b'{"node_errors": "' + b"x" * 1_000_000) as (studio, is_let_go):
        alice, budget = await studio.log_in("alice"), studio.gateway.gateway.budget
        submit = asyncio.create_task(alice.post("/servers/a/prompt", alice.body()))
        await until(lambda: budget.answers.of("user alice") == LARGEST_SHOWN)
        is_let_go.set()
        assert (await submit)[0] == 400
        await until(lambda: budget.size == 0)


@pytest.mark.parametrize(
    ("size", "answered"), [(1_000, (400, None)), (1_000_000, (429, "too-many-requests; sent=unknown"))]
)
async def test_prompt_whose_answer_finds_no_room_is_unclear(
    size: int, answered: tuple[int, str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.http.budget.WAIT_SECONDS", 0.01)
    async with open_refusing_studio(b'{"node_errors": "' + b"x" * size) as (studio, is_let_go):
        is_let_go.set()
        alice, headers = await studio.log_in("alice"), {"Origin": studio.gateway.url}
        with studio.gateway.gateway.budget.answers.hold("user alice") as held:
            held.take(ANSWERS.most_of_one)
            async with alice.http.post(f"{alice.url}/servers/a/prompt", json=alice.body(), headers=headers) as reply:
                assert (reply.status, reply.headers.get(HEADER)) == answered


async def test_own_large_answers_wait_for_each_other(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten at once fit into the memory of one user, one after the other."""
    alice = await studio.log_in("alice")
    ids = [await alice.submit(picture_prompt(color=color)) for color in range(3)]
    await alice.result(ids[-1])
    monkeypatch.setattr("gateway.people.user_proxy.LARGEST_HISTORY", LARGEST_ANSWER)  # so that two fit
    answers = await asyncio.gather(*(alice.get("/servers/a/history") for _ in range(10)))
    assert [(status, list(history)) for status, history in answers] == [(200, ids)] * 10
    assert studio.gateway.gateway.budget.size == 0


@contextlib.contextmanager
def announced(studio: Studio, client: Client, count: int) -> Iterator[None]:
    """Announce the largest bodies as this user, and send almost nothing of them."""
    host, cookie = studio.gateway.url.removeprefix("http://"), studio.cookie_of(client)["Cookie"]
    head = (
        f"POST /servers/a/prompt HTTP/1.1\r\nHost: {host}\r\nOrigin: {studio.gateway.url}\r\nCookie: {cookie}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {LARGEST_JSON}\r\n\r\n{{"
    )
    with contextlib.ExitStack() as opened:
        for _ in range(count):
            line = opened.enter_context(socket.create_connection(("127.0.0.1", studio.gateway.port)))
            line.sendall(head.encode())
        yield


async def test_announced_bodies_block_no_histories(studio: Studio) -> None:
    """Of three users, whose bodies would have filled the memory for all."""
    clients = [await studio.log_in(name) for name in NAMES]
    budget = studio.gateway.gateway.budget
    with contextlib.ExitStack() as opened:
        for client in clients:
            opened.enter_context(announced(studio, client, MOST_REQUESTS_OF_ONE))
        await until(lambda: budget.bodies.count == len(clients) * MOST_REQUESTS_OF_ONE)
        for client in clients:
            assert (await client.get("/servers/a/history"))[0] == 200
    await until(lambda: budget.bodies.count == 0)


@dataclass
class Histories:
    """A studio with a server that has one entry of each user's history, of 60 kB."""

    studio: Studio
    upstream: Upstream
    entries: dict[str, Any]


def entry_of(user: User) -> dict[str, Any]:
    """Return a history entry of a user, of which the name is the id."""
    prompt = picture_prompt() | {"3": {"class_type": "Text", "inputs": {"text": "x" * 60_000}}}
    extra = {MARK: user.mark("a", user.name)}
    messages = [[f"execution_{name}", {"prompt_id": user.name, "timestamp": 1}] for name in ("start", "success")]
    status = {"status_str": "success", "completed": True, "messages": messages}
    return {"prompt": [1, user.name, prompt, extra, ["2"]], "outputs": {}, "status": status, "meta": {}}


@contextlib.asynccontextmanager
async def open_histories() -> AsyncIterator[Histories]:
    """Start such a studio."""
    entries: dict[str, Any] = {}

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/history":
            first = int(request.query["offset"])
            return web.json_response(dict([*entries.items()][first:][: int(request.query["max_items"])]))
        name = request.path.rpartition("/")[2]
        return web.json_response({name: entries[name]} if name in entries else {})

    async with (
        serve(answer, nodes={"LoadImage": LISTING["LoadImage"]}) as server,
        open_studio(server=server.url) as studio,
    ):
        keys = load_keys(studio.users.with_name("mooring.key"))
        entries |= {name: entry_of(User(name, keys=keys)) for name in NAMES}
        yield Histories(studio, studio.gateway.gateway._upstreams[ServerId("a")], entries)


async def test_waiting_for_the_worker_takes_no_place_at_the_server() -> None:
    async with open_histories() as histories:
        alice, bob = await histories.studio.log_in("alice"), await histories.studio.log_in("bob")
        upstream = histories.upstream
        upstream.reads = Lane(1)
        async with upstream.worker._turns.hold():
            reads = [asyncio.create_task(alice.get("/servers/a/history/alice")) for _ in range(20)]
            await until(lambda: len(upstream.heavy._held) == MOST_HEAVY and not upstream.reads.locked())
            assert (await bob.get("/servers/a/queue"))[0] == 200
            own = asyncio.create_task(bob.get("/servers/a/history/bob"))
            await until(lambda: "user bob" in upstream.heavy._waiting)
        assert (await own)[0] == 200
        assert not all(read.done() for read in reads), "it is not behind all that Alice has asked for"
        assert {(await read)[0] for read in reads} == {200}


@pytest.mark.parametrize("path", ["/history", "/history/alice", "/api/jobs/alice"])
async def test_user_histories_are_read_in_the_worker_process(path: str) -> None:
    async with open_histories() as histories:
        alice, worker = await histories.studio.log_in("alice"), histories.upstream.worker
        await until(lambda: not worker._turns.locked())
        assert worker._process is None
        status, answer = await alice.get(f"/servers/a{path}")
        assert status == 200 and "alice" in json.dumps(answer)
        assert worker._process is not None
