"""Access to servers: a token reaches only its own server, and TLS is checked as the fleet file says."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from gateway.fleet.file import read_fleet
from gateway.http.servers import ServerId
from gateway.platforms import system
from tests.integration.exchanges import submit, upload
from tests.integration.hub import Hub, connect, text
from tests.kit.certificates import Pem
from tests.kit.gateways import QUEUE, STATS, Running, open_fleet, serve_all, table, until
from wire.health import Health

A = ServerId("a")
FAST = {"fleet_file": 0.02, "fleet_settles": 0.01, "probe_well": 0.05, "probe_down": 0.05}
SECRET = "s3cret-t0ken"


@dataclass
class LoginServer:
    """A server that requires a login, and records what each request came with."""

    wanted: str = f"Bearer {SECRET}"
    redirects_to: str = ""  # a redirect, if set
    url: str = ""
    seen: list[tuple[str, str]] = field(default_factory=list)  # (path, Authorization)
    peers: list[object] = field(default_factory=list)  # the clients' certificates
    hub: Hub = field(default_factory=lambda: Hub(talk=greet))

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        authorization = request.headers.get("Authorization", "")
        self.seen.append((request.path, authorization))
        if request.transport is not None:
            self.peers.append(request.transport.get_extra_info("peercert"))
        if self.redirects_to:
            return web.Response(status=302, headers={"Location": self.redirects_to})
        if authorization != self.wanted:
            return web.Response(status=401)
        if request.path == "/ws":
            return await self.hub.answer(request)
        return web.json_response({"/system_stats": STATS, "/queue": QUEUE}.get(request.path, {}))


async def greet(socket: web.WebSocketResponse) -> None:
    await socket.send_str(text("status", sid="w"))


@contextlib.asynccontextmanager
async def start(server: LoginServer, tls: ssl.SSLContext | None = None) -> AsyncIterator[LoginServer]:
    async with serve_all(server.answer, tls=tls) as server.url:
        yield server


def write(path: Path, text: str) -> Path:
    new = path.with_name("new")
    new.write_text(text)
    system.replace(new, path)
    return path


@contextlib.asynccontextmanager
async def run(path: Path) -> AsyncIterator[Running]:
    async with open_fleet(read_fleet(path), **FAST) as gateway:
        await gateway.first_probe()
        yield gateway


def health(gateway: Running, server_id: str = "a") -> Health:
    return gateway.gateway.state.condition(ServerId(server_id)).health


@pytest.fixture
def token_folder(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text(SECRET + "\n")
    return tmp_path


# Log-ins


async def test_token_is_sent_only_to_its_own_server(
    browser: aiohttp.ClientSession, token_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with start(LoginServer()) as server, start(LoginServer(wanted="")) as other:
        path = write(token_folder / "fleet.toml", table("a", server.url, token="file:token") + table("b", other.url))
        async with run(path) as gateway:
            assert (health(gateway), health(gateway, "b")) == (Health.WELL, Health.WELL)
            for server_id in ("a", "b"):
                async with browser.get(f"{gateway.url}/servers/{server_id}/history/x") as reply:
                    assert reply.status == 200
                    assert SECRET not in str(reply.headers) and SECRET not in await reply.text()
            async with submit(browser, gateway) as reply, upload(browser, gateway, b"x") as second:
                assert (reply.status, second.status) == (200, 200)
            socket = await connect(browser, gateway)
            assert (await socket.receive_json())["type"] == "status"
            await socket.close()
            for url in ("/fleet", "/fleet/loads", "/fleet/stats"):
                async with browser.get(gateway.url + url) as reply:
                    assert SECRET not in await reply.text()
            state = json.dumps(gateway.gateway.state.as_json())
            assert SECRET not in state and "token" not in state
    assert {path for path, _ in server.seen} >= {"/system_stats", "/history/x", "/prompt", "/upload/image", "/ws"}
    assert {authorization for _, authorization in server.seen} == {f"Bearer {SECRET}"}
    assert {authorization for _, authorization in other.seen} == {""}
    assert SECRET not in caplog.text


async def test_browsers_own_login_is_not_passed_on(browser: aiohttp.ClientSession, token_folder: Path) -> None:
    async with start(LoginServer()) as server:
        path = write(token_folder / "fleet.toml", table("a", server.url, token="file:token"))
        async with run(path) as gateway:
            headers = {"Authorization": "Bearer somebody", "Cookie": "session=x"}
            async with browser.get(f"{gateway.url}/servers/a/history/x", headers=headers) as reply:
                assert reply.status == 200
    assert ("/history/x", f"Bearer {SECRET}") in server.seen


async def test_token_is_not_sent_to_the_target_of_a_redirect(
    browser: aiohttp.ClientSession, token_folder: Path
) -> None:
    async with (
        start(LoginServer(wanted="")) as other,
        start(LoginServer(redirects_to=f"{other.url}/system_stats")) as server,
    ):
        path = write(token_folder / "fleet.toml", table("a", server.url, token="file:token"))
        async with run(path) as gateway:
            assert health(gateway) is Health.NOT_COMFYUI
            async with browser.get(f"{gateway.url}/servers/a/history/x") as reply:
                assert reply.headers["X-Mooring-Gateway"] == "redirect; sent=unknown"
            socket = await connect(browser, gateway)
            await socket.receive()
            assert socket.close_code == 4502
    assert len(server.seen) >= 3
    assert other.seen == []


async def test_changed_token_takes_effect_and_keeps_sockets(browser: aiohttp.ClientSession, token_folder: Path) -> None:
    async with start(LoginServer()) as server:
        path = write(token_folder / "fleet.toml", table("a", server.url, token="file:token"))
        async with run(path) as gateway:
            socket = await connect(browser, gateway)
            assert (await socket.receive_json())["type"] == "status"
            server.wanted = "Bearer new"
            await until(lambda: health(gateway) is Health.REFUSES)
            assert gateway.gateway.state.condition(A).cause == "login"
            write(token_folder / "token", "new")  # the fleet file itself does not change
            await until(lambda: health(gateway) is Health.WELL)
            async with browser.get(f"{gateway.url}/servers/a/history/x") as reply:
                assert reply.status == 200
            await socket.send_str("still here")
            await until(lambda: server.hub.heard == ["still here"])
            await socket.close()


# TLS


async def test_private_authority_is_trusted_once_configured(
    browser: aiohttp.ClientSession, token_folder: Path, pem: Pem
) -> None:
    async with start(LoginServer(wanted=""), pem.server_context()) as server:
        path = write(token_folder / "fleet.toml", table("a", server.url))
        async with run(path) as gateway:
            assert health(gateway) is Health.REFUSES
            assert gateway.gateway.state.condition(A).cause == "certificate"
            write(path, table("a", server.url, tls_ca=str(pem.authority)))
            await until(lambda: health(gateway) is Health.WELL)
            async with browser.get(f"{gateway.url}/servers/a/history/x") as reply:
                assert reply.status == 200
            socket = await connect(browser, gateway)
            assert (await socket.receive_json())["type"] == "status"
            await socket.close()


async def test_certificate_is_not_checked_without_verification(token_folder: Path, pem: Pem) -> None:
    async with start(LoginServer(wanted=""), pem.server_context()) as server:
        path = write(token_folder / "fleet.toml", table("a", server.url, tls_verify=False))
        async with run(path) as gateway:
            assert health(gateway) is Health.WELL


async def test_certificate_of_another_name_is_refused(token_folder: Path, pem: Pem) -> None:
    async with start(LoginServer(wanted=""), pem.server_context()) as server:
        url = server.url.replace("127.0.0.1", "localhost")  # the certificate does not name it
        path = write(token_folder / "fleet.toml", table("a", url, tls_ca=str(pem.authority)))
        async with run(path) as gateway:
            assert health(gateway) is Health.REFUSES


async def test_client_certificate_is_sent_to_a_server_that_requires_it(token_folder: Path, pem: Pem) -> None:
    async with start(LoginServer(wanted=""), pem.server_context(requires_client=True)) as server:
        known = {"tls_ca": str(pem.authority)}
        path = write(token_folder / "fleet.toml", table("a", server.url, **known))
        async with run(path) as gateway:
            assert health(gateway) is not Health.WELL
            own = {"tls_cert": str(pem.certificate), "tls_key": str(pem.key)}
            write(path, table("a", server.url, **known, **own))
            await until(lambda: health(gateway) is Health.WELL)
    assert any(server.peers)


async def test_request_under_way_survives_a_change_of_tls_settings(
    browser: aiohttp.ClientSession, token_folder: Path, pem: Pem
) -> None:
    may_answer, asked = asyncio.Event(), asyncio.Event()

    class Slow(LoginServer):
        async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
            if request.path == "/prompt":
                await request.read()
                asked.set()
                await may_answer.wait()
            return await super().answer(request)

    async with start(Slow(wanted=""), pem.server_context()) as server:
        path = write(token_folder / "fleet.toml", table("a", server.url, tls_verify=False))
        async with run(path) as gateway:
            sent = asyncio.ensure_future(submit(browser, gateway).__aenter__())
            await asked.wait()
            write(path, table("a", server.url, tls_ca=str(pem.authority)))
            await until(lambda: not gateway.gateway.state.fleet.servers[0].access.is_unverified)
            may_answer.set()
            reply = await sent
            assert reply.status == 200
            reply.close()
