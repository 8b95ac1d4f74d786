"""Metrics, audit and limits of a gateway with users, against slow and numerous connections."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from gateway.http.connections import BrowserServer
from gateway.logs import JsonLines, PlainLines
from gateway.people.keys import load_keys
from gateway.people.login import METRICS
from tests.kit.gateways import PATIENCE, open_gateway, serve, until
from tests.kit.platforms import posix_only
from tests.kit.studio import PASSWORD, SharedDemo, open_studio

DEAD = "http://127.0.0.1:1"


async def test_health_needs_no_login_and_readiness_needs_a_server(shared_demo: SharedDemo) -> None:
    async with open_studio(demo=shared_demo) as studio, aiohttp.ClientSession() as http:
        for path in ("/healthz", "/readyz"):
            async with http.get(f"{studio.gateway.url}{path}") as reply:
                assert (reply.status, await reply.json()) == (200, {"ok": True})
    async with open_gateway({"a": DEAD}) as gateway, aiohttp.ClientSession() as http:
        await gateway.first_probe()
        for path, status in (("/healthz", 200), ("/readyz", 503)):
            async with http.get(f"{gateway.url}{path}") as reply:
                assert reply.status == status


async def test_metrics_need_the_role_or_the_scrapers_token(shared_demo: SharedDemo) -> None:
    async with open_studio(demo=shared_demo) as studio:
        alice, carol, scraper = await studio.log_in("alice"), await studio.log_in("carol"), await studio.open_client()
        await alice.result(await alice.submit())
        assert (await alice.get("/metrics"))[0] == 403
        assert (await scraper.get("/metrics", headers={"Authorization": "Bearer wrong"}))[0] == 401
        token = load_keys(studio.users.with_name("mooring.key")).sign(*METRICS)
        status, text = await scraper.get("/metrics", headers={"Authorization": f"Bearer {token}"})
        assert status == 200 and (await carol.get("/metrics"))[0] == 200
        text = text.decode()
        assert 'mooring_requests_total{method="POST",route="prompt",status="200"} 1.0' in text
        assert 'mooring_server_well{server="a"} 1.0' in text
        assert 'mooring_refusals_total{cause="not-logged-in"}' in text
        assert "alice" not in text and "made_" not in text


async def test_audit_line_names_user_and_action_without_content(
    shared_demo: SharedDemo, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with open_studio(demo=shared_demo) as studio:
        alice, carol = await studio.log_in("alice"), await studio.log_in("carol")
        prompt_id = await alice.submit()
        await carol.post("/fleet/servers/a/free", {})
        await alice.post("/login", {"name": "bob", "password": "not at all right"})
    facts = [(one.what, one.facts) for one in caplog.records if one.name == "mooring.audit"]  # type: ignore[attr-defined]
    assert ("log-in", {"name": "alice", "peer": "127.0.0.1"}) in facts
    assert ("prompt", {"name": "alice", "server": "a", "id": prompt_id}) in facts
    assert ("free memory", {"name": "carol", "server": "a"}) in facts
    assert ("log-in refused", {"name": "bob", "peer": "127.0.0.1"}) in facts
    assert PASSWORD not in caplog.text and "not at all right" not in caplog.text and "EmptyImage" not in caplog.text


def test_log_record_is_always_one_line() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "one\nINFO forged: two\r", (), None)
    assert "\n" not in PlainLines().format(record) and "\n" not in JsonLines().format(record)
    record.what, record.facts = "drain", {"server": "a", "message": "not mine"}
    line = json.loads(JsonLines().format(record))
    assert (line["what"], line["server"], line["message"]) == ("drain", "a", "one\nINFO forged: two\r")


@contextlib.asynccontextmanager
async def _small_server(hold: asyncio.Event | None = None, **limits: float):  # type: ignore[no-untyped-def]
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if hold is not None:
            await hold.wait()
        return web.Response(text="here")

    server = BrowserServer(answer, **limits)  # type: ignore[arg-type]
    runner = web.ServerRunner(server)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    try:
        yield server, port
    finally:
        await runner.cleanup()


async def test_trickling_request_head_is_cut() -> None:
    async with _small_server(head_seconds=0.3) as (_, port):
        slow_reader, slow = await asyncio.open_connection("127.0.0.1", port)
        idle_reader, idle = await asyncio.open_connection("127.0.0.1", port)
        idle.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"here" in await idle_reader.readuntil(b"here")

        async def trickle() -> None:
            with contextlib.suppress(ConnectionError):
                for byte in b"GET / HTTP/1.1\r\nX-Long: " + b"a" * 10_000:
                    slow.write(bytes([byte]))
                    await slow.drain()
                    await asyncio.sleep(0.01)

        trickling = asyncio.create_task(trickle())
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(ConnectionError):
                assert await slow_reader.read() == b""
        trickling.cancel()
        slow.close()
        idle.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"here" in await idle_reader.readuntil(b"here")
        idle.close()


async def test_silent_connection_is_cut() -> None:
    async with _small_server(head_seconds=0.2) as (server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
        writer.close()
        await until(lambda: server.count == 0)


async def _asked(port: int, host: str = "127.0.0.1") -> bool:
    """Return whether a new connection from this host gets an answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(host, 0))
    try:
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(PATIENCE):
            return b"here" in await reader.readuntil(b"here")
    except (ConnectionError, asyncio.IncompleteReadError):
        return False
    finally:
        writer.close()


@pytest.mark.parametrize("limits", [{"most": 3}, {"most_from_one": 3}])
async def test_silent_connections_do_not_block_others(limits: dict[str, int]) -> None:
    async with _small_server(**limits) as (server, port):
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(9)]
        await until(lambda: server.count <= 3)
        assert await _asked(port)
        oldest, *_ = silent
        with contextlib.suppress(ConnectionError):
            assert await oldest[0].read() == b""
        for _, one in silent:
            one.close()


async def test_last_idle_connection_of_an_address_gives_way() -> None:
    async with _small_server(most=1) as (server, port):
        _, silent = await asyncio.open_connection("127.0.0.1", port)
        await until(lambda: server.count == 1)
        assert await _asked(port)
        silent.close()
        await until(lambda: server.count == 0)


async def test_address_with_most_connections_loses_one_first() -> None:
    async with _small_server(most=4) as (server, port):
        mine_reader, mine = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.2", 0))
        others = [await asyncio.open_connection("127.0.0.1", port) for _ in range(12)]  # none is the oldest
        await until(lambda: server.count <= 4)
        mine.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"here" in await mine_reader.readuntil(b"here")
        for one in (mine, *(writer for _, writer in others)):
            one.close()


@pytest.mark.parametrize("limits", [{"most": 2}, {"most_from_one": 2}])
async def test_request_under_way_keeps_its_connection(limits: dict[str, int]) -> None:
    is_let_go = asyncio.Event()
    async with _small_server(hold=is_let_go, **limits) as (server, port):
        asked = [asyncio.create_task(_asked(port)) for _ in range(2)]
        await until(lambda: sum(one._current_request is not None for one in server.connections) == 2)
        assert not await _asked(port)
        is_let_go.set()
        assert await asyncio.gather(*asked) == [True, True]
        await until(lambda: server.count == 0)
        assert await _asked(port)


async def test_open_sockets_per_user_are_limited(shared_demo: SharedDemo) -> None:
    async with open_studio(demo=shared_demo) as studio:
        alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
        access = studio.gateway.gateway._access
        assert access is not None
        access.most = 2
        kept = [await alice.http.ws_connect(f"{alice.url}/fleet/ws", origin=alice.url) for _ in range(2)]
        status, answer = await alice.get("/fleet")
        assert (status, answer["error"]["cause"]) == (429, "too-many-requests")
        assert (await bob.get("/fleet"))[0] == 200
        await kept[0].close()

        async def has_place() -> bool:
            return (await alice.get("/fleet"))[0] == 200

        await until(has_place)


async def test_trickling_body_is_cut() -> None:
    async with serve() as upstream, open_gateway({"a": upstream.url}, idle=0.4) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        head = (
            f"POST /servers/a/upload/image HTTP/1.1\r\nHost: 127.0.0.1:{gateway.port}\r\nContent-Length: 2000000\r\n"
            f"Origin: {gateway.url}\r\nContent-Type: multipart/form-data; boundary=x\r\n\r\n"
        )
        writer.write(head.encode())

        async def trickle() -> None:
            with contextlib.suppress(ConnectionError):
                for _ in range(100_000):
                    writer.write(b"x")
                    await writer.drain()
                    await asyncio.sleep(0.02)

        trickling = asyncio.create_task(trickle())
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                assert b"timeout" in await reader.readuntil(b"\r\n\r\n")
        trickling.cancel()
        writer.close()


@posix_only("files have no modes")
def test_key_file_readable_by_others_is_refused(tmp_path: Path) -> None:
    key = tmp_path / "mooring.key"
    load_keys(key)
    assert key.stat().st_mode & 0o777 == 0o600
    key.chmod(0o640)
    with pytest.raises(Exception, match="chmod 600"):
        load_keys(key)
