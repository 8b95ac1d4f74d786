"""Attacks by size: unfinished bodies, texts that are expensive to parse, servers with oversized answers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import aiohttp
import pytest
from aiohttp import web

from gateway.http.bodies import LARGEST_JSON
from gateway.http.budget import BODIES, MOST_REQUESTS_OF_ONE
from gateway.http.worker_process import WorkerProcess
from tests.integration.attacks import PROMPT, GuardedServer
from tests.kit.gateways import QUEUE, STATS, Running, head_of, open_gateway, serve, until
from wire.health import Health

ROW = b'[1, "p", {}, {}, []],'
BEGUN = PROMPT[:-1].encode()


@contextlib.asynccontextmanager
async def listening(answer: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    """Start a server that answers so, and return its address."""
    runner = web.ServerRunner(web.Server(answer, access_log=None), shutdown_timeout=0.05)
    await runner.setup()
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    await web.SockSite(runner, listener).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def serve_answers(answers: Mapping[str, bytes]) -> AsyncIterator[str]:
    """Start a server with these answers, and return its address."""
    known = {"/system_stats": json.dumps(STATS).encode(), "/queue": json.dumps(QUEUE).encode(), **answers}

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        body = known.get(request.path)
        return web.Response(status=404) if body is None else web.Response(body=body, content_type="application/json")

    async with listening(answer) as url:
        yield url


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/queue", b'{"queue_running": [], "queue_pending": [' + ROW * 2_000_000 + b"0]}"),
        ("/queue", b'{"queue_running": [], "queue_pending": [' + ROW * 20_000 + b'[1, "p", {}, {}, []]]}'),
        ("/queue", b'{"queue_running": ["' + b"x" * 34_000_000 + b'"], "queue_pending": []}'),
        ("/queue", b'{"queue_running": ' + b"[" * 100_000),
        ("/system_stats", b'{"system": {"argv": ["' + b"x" * 300_000 + b'"]}, "devices": []}'),
    ],
    ids=["tiny rows", "many rows", "size", "depth", "stats"],
)
async def test_oversized_answer_fails_only_its_server(path: str, answer: bytes) -> None:
    async with (
        serve_answers({path: answer}) as loud,
        serve() as other,
        open_gateway({"a": loud, "b": other.url}, probe=30.0, loads=30.0, loads_down=30.0) as gateway,
        aiohttp.ClientSession() as browser,
    ):
        await gateway.first_probe()
        state = gateway.gateway.state
        assert state.condition("a").health is Health.NOT_COMFYUI
        assert path in state.condition("a").detail
        assert state.condition("a").cause == ("" if b"[" * 9 in answer else "too-much")
        assert state.condition("b").health is Health.WELL
        async with browser.get(f"{gateway.url}/fleet/loads") as reply:
            loads = (await reply.json())["servers"]
        assert loads["b"]["ok"] is True
        if path == "/queue":
            assert loads["a"] == {"ok": False, "cause": Health.NOT_COMFYUI.value}


@contextlib.asynccontextmanager
async def serve_slowly(answer: bytes) -> AsyncIterator[str]:
    """Start a server whose queue begins with this large answer and comes to no end, and return its address."""

    async def trickle(request: web.BaseRequest) -> web.StreamResponse:
        if request.path != "/queue":
            return web.json_response(STATS)
        reply = web.StreamResponse()
        reply.content_length = len(answer) * 2
        await reply.prepare(request)
        await reply.write(answer)
        with contextlib.suppress(ConnectionError):
            while True:
                await reply.write(b" ")
                await asyncio.sleep(0.05)
        return reply

    async with listening(trickle) as url:
        yield url


async def test_endless_large_answers_do_not_delay_other_servers() -> None:
    large = b'{"queue_running": [], "queue_pending": [], "more": "' + b"x" * 400_000
    async with contextlib.AsyncExitStack() as opened:
        slow = [await opened.enter_async_context(serve_slowly(large)) for _ in range(5)]
        well = await opened.enter_async_context(serve_answers({"/queue": large + b'"}'}))
        servers = {f"slow-{number}": url for number, url in enumerate(slow)} | {"well": well}
        gateway = await opened.enter_async_context(open_gateway(servers, probe=2.0))
        await gateway.first_probe()
        state = gateway.gateway.state
        assert {state.condition(name).health for name in servers if name != "well"} == {Health.TIMEOUT}
        assert state.condition("well").health is Health.WELL


async def test_large_texts_wait_for_room_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.http.worker_process.LARGE_BYTES", 10)
    worker, began, leave = WorkerProcess(), list[str](), {name: asyncio.Event() for name in "abcd"}

    async def read(name: str, size: int) -> None:
        async with worker.room(size):
            began.append(name)
            await leave[name].wait()

    async with asyncio.TaskGroup() as tasks:
        for name, size in {"a": 4, "b": 6, "c": 11, "d": 1}.items():
            tasks.create_task(read(name, size))
        await until(lambda: began == ["a", "b"])
        leave["a"].set()
        await asyncio.sleep(0)
        assert began == ["a", "b"]  # c is first in the queue, and it has no room yet, though d would have
        leave["b"].set()
        await until(lambda: began == ["a", "b", "c"])
        leave["c"].set()
        await until(lambda: began == ["a", "b", "c", "d"])
        leave["d"].set()


async def test_oversized_catalogue_affects_only_its_server() -> None:
    nodes = b'{"Node": {"input": {"required": {"a": [[' + b'"x",' * 1_100_000 + b'"x"]]}}}}'
    async with (
        serve_answers({"/object_info": nodes}) as loud,
        serve() as other,
        open_gateway({"a": loud, "b": other.url}, probe=30.0, loads=30.0, loads_down=30.0) as gateway,
    ):
        state = gateway.gateway.state
        await until(lambda: state.catalogue("b").nodes)
        assert state.catalogue("a").nodes == ""
        assert state.condition("a").health is Health.WELL


@pytest.fixture
async def guarded() -> AsyncIterator[GuardedServer]:
    """Start a gateway for an echo server."""
    async with serve(max_upload=100_000_000) as upstream, open_gateway({"a": upstream.url}) as gateway:
        await gateway.first_probe()
        yield GuardedServer(gateway, upstream)


@contextlib.asynccontextmanager
async def unfinished(
    gateway: Running, count: int, length: int, sent: bytes = BEGUN
) -> AsyncIterator[list[asyncio.StreamReader]]:
    """Begin this many prompts of that length, and send only a part of each."""
    head = (
        f"POST /servers/a/prompt HTTP/1.1\r\nHost: {gateway.url.removeprefix('http://')}\r\nOrigin: {gateway.url}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
    opened = [await asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(count)]
    try:
        for _, writer in opened:
            writer.write(head.encode() + sent)
        yield [reader for reader, _ in opened]
    finally:
        for _, writer in opened:
            writer.transport.abort()


async def test_announced_bytes_take_no_room(guarded: GuardedServer) -> None:
    budget = guarded.gateway.gateway.budget
    async with unfinished(guarded.gateway, 30, LARGEST_JSON):
        await until(lambda: budget.bodies.count == 30 and budget.size == 30 * len(BEGUN))
    await until(lambda: budget.size == budget.bodies.count == 0)
    assert guarded.upstream.seen == []


async def test_unfinished_bodies_stay_within_their_budget(guarded: GuardedServer) -> None:
    budget, sizes = guarded.gateway.gateway.budget, list[int]()
    most = BEGUN + b" " * (LARGEST_JSON - 1 - len(BEGUN))
    async with unfinished(guarded.gateway, 10, LARGEST_JSON, most) as readers:
        refused = [asyncio.create_task(reader.readuntil(b"\r\n\r\n")) for reader in readers]

        def is_settled() -> bool:
            sizes.append(budget.size)
            left = budget.bodies.count
            return sum(task.done() for task in refused) == 10 - left and budget.size == left * len(most)

        await until(is_settled)
        assert 0 < max(sizes) <= BODIES.most_of_one
        assert budget.bodies.count <= BODIES.most_of_one // LARGEST_JSON
        for task in refused:
            if task.done():
                status, headers = head_of(task.result())
                assert (status, headers["x-mooring-gateway"]) == (429, "too-many-requests; sent=no")
                assert int(headers["retry-after"]) > 0
            task.cancel()
    await until(lambda: budget.size == budget.bodies.count == 0)
    assert guarded.upstream.seen == []


async def test_oversized_body_is_refused_before_it_arrives(guarded: GuardedServer) -> None:
    async with unfinished(guarded.gateway, 3, 31_000_000) as readers:
        for reader in readers:
            status, headers = head_of(await reader.readuntil(b"\r\n\r\n"))
            assert (status, headers["x-mooring-gateway"]) == (413, "too-large; sent=no")
    assert guarded.gateway.gateway.budget.size == 0


async def test_small_bodies_are_counted_too(guarded: GuardedServer) -> None:
    async with unfinished(guarded.gateway, MOST_REQUESTS_OF_ONE + 5, 1_000) as readers:
        answered = [asyncio.create_task(reader.readuntil(b"\r\n\r\n")) for reader in readers]
        await until(lambda: sum(task.done() for task in answered) == 5)
        assert guarded.gateway.gateway.budget.bodies.count == MOST_REQUESTS_OF_ONE
        for task in answered:
            task.cancel()
    await until(lambda: guarded.gateway.gateway.budget.bodies.count == 0)


async def test_body_of_unknown_length_is_charged_while_it_arrives(guarded: GuardedServer) -> None:
    budget, gateway = guarded.gateway.gateway.budget, guarded.gateway
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(
        f"POST /servers/a/prompt HTTP/1.1\r\nHost: {gateway.url.removeprefix('http://')}\r\nOrigin: {gateway.url}\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    )
    writer.write(b"186a0\r\n" + b" " * 100_000 + b"\r\n")
    await until(lambda: budget.size == 100_000)
    writer.write(b"186a0\r\n" + b" " * 100_000 + b"\r\n")
    await until(lambda: budget.size == 200_000)
    writer.transport.abort()
    await until(lambda: budget.size == 0)
    assert not reader.at_eof() or guarded.upstream.seen == []


async def test_costly_body_is_refused_while_it_arrives(guarded: GuardedServer) -> None:
    gateway = guarded.gateway
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(
        f"POST /servers/a/prompt HTTP/1.1\r\nHost: {gateway.url.removeprefix('http://')}\r\nOrigin: {gateway.url}\r\n"
        "Content-Type: application/json\r\nContent-Length: 8000000\r\n\r\n".encode()
    )
    writer.write(b'{"prompt": {}, "extra_data": [' + b"[]," * 250_000)
    status, headers = head_of(await reader.readuntil(b"\r\n\r\n"))
    assert (status, headers["x-mooring-gateway"]) == (413, "too-large; sent=no")
    writer.transport.abort()


async def test_large_prompt_passes_unchanged(guarded: GuardedServer) -> None:
    body = json.loads(PROMPT) | {"extra_data": {"text": "x" * 1_000_000}}
    async with (
        aiohttp.ClientSession() as browser,
        browser.post(
            f"{guarded.gateway.url}/servers/a/prompt", json=body, headers={"Origin": guarded.gateway.url}
        ) as reply,
    ):
        assert reply.status == 200
    assert json.loads(guarded.upstream.bodies[-1]) == body
    await until(lambda: guarded.gateway.gateway.budget.size == 0)
