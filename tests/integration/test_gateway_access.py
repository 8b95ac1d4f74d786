"""How the gateway gets in to a server: its log-in reaches that server and nobody else; TLS as the file says."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from gateway.fleet.file import read_fleet
from gateway.http.servers import ServerId
from tests.certificates import Pem, make_pem
from tests.integration.exchanges import submit, upload
from tests.integration.hub import Hub, connect, text
from tests.integration.rig import QUEUE, STATS, Running, open_fleet, until
from wire.health import Health

A = ServerId("a")
FAST = {"fleet_file": 0.02, "fleet_settles": 0.01, "probe_well": 0.05, "probe_ill": 0.05}
SECRET = "s3cret-t0ken"


@dataclass
class Door:
    """A server that lets in whoever has its log-in, and keeps what each request came with."""

    wanted: str = f"Bearer {SECRET}"
    leads_to: str = ""  # a redirect, if set
    url: str = ""
    seen: list[tuple[str, str]] = field(default_factory=list)  # (path, Authorization)
    peers: list[object] = field(default_factory=list)  # the certificates that clients have shown
    hub: Hub = field(default_factory=lambda: Hub(talk=greet))

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        shown = request.headers.get("Authorization", "")
        self.seen.append((request.path, shown))
        if request.transport is not None:
            self.peers.append(request.transport.get_extra_info("peercert"))
        if self.leads_to:
            return web.Response(status=302, headers={"Location": self.leads_to})
        if shown != self.wanted:
            return web.Response(status=401)
        if request.path == "/ws":
            return await self.hub.answer(request)
        return web.json_response({"/system_stats": STATS, "/queue": QUEUE}.get(request.path, {}))


async def greet(socket: web.WebSocketResponse) -> None:
    await socket.send_str(text("status", sid="w"))


@contextlib.asynccontextmanager
async def stand(door: Door, tls: ssl.SSLContext | None = None) -> AsyncIterator[Door]:
    runner = web.ServerRunner(web.Server(door.answer, access_log=None), shutdown_timeout=0.05)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    door.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield door
    finally:
        await runner.cleanup()


def table(server_id: str, url: str, **values: object) -> str:
    lines = {"id": server_id, "url": url} | values
    return "[[server]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in lines.items())


def write(path: Path, text: str) -> Path:
    new = path.with_name("new")
    new.write_text(text)
    os.replace(new, path)
    return path


@contextlib.asynccontextmanager
async def run(path: Path) -> AsyncIterator[Running]:
    async with open_fleet(read_fleet(path), **FAST) as gateway:
        await gateway.first_look()
        yield gateway


def health(gateway: Running, server_id: str = "a") -> Health:
    return gateway.gateway.state.condition(ServerId(server_id)).health


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text(SECRET + "\n")
    return tmp_path


# Log-ins


async def test_a_token_goes_with_every_request_to_its_server_and_to_no_other(
    browser: aiohttp.ClientSession, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with stand(Door()) as door, stand(Door(wanted="")) as other:
        path = write(folder / "fleet.toml", table("a", door.url, token="file:token") + table("b", other.url))
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
    assert {path for path, _ in door.seen} >= {"/system_stats", "/history/x", "/prompt", "/upload/image", "/ws"}
    assert {shown for _, shown in door.seen} == {f"Bearer {SECRET}"}
    assert {shown for _, shown in other.seen} == {""}
    assert SECRET not in caplog.text


async def test_a_browsers_own_login_is_not_passed_on(browser: aiohttp.ClientSession, folder: Path) -> None:
    async with stand(Door()) as door:
        path = write(folder / "fleet.toml", table("a", door.url, token="file:token"))
        async with run(path) as gateway:
            headers = {"Authorization": "Bearer somebody", "Cookie": "session=x"}
            async with browser.get(f"{gateway.url}/servers/a/history/x", headers=headers) as reply:
                assert reply.status == 200
    assert ("/history/x", f"Bearer {SECRET}") in door.seen


async def test_a_login_is_never_sent_where_a_redirect_leads(browser: aiohttp.ClientSession, folder: Path) -> None:
    async with stand(Door(wanted="")) as other, stand(Door(leads_to=f"{other.url}/system_stats")) as door:
        path = write(folder / "fleet.toml", table("a", door.url, token="file:token"))
        async with run(path) as gateway:
            assert health(gateway) is Health.NOT_COMFYUI
            async with browser.get(f"{gateway.url}/servers/a/history/x") as reply:
                assert reply.headers["X-Mooring-Gateway"] == "redirect; sent=unknown"
            socket = await connect(browser, gateway)
            await socket.receive()
            assert socket.close_code == 4502
    assert len(door.seen) >= 3
    assert other.seen == []


async def test_another_login_takes_effect_without_a_restart_and_without_a_lost_socket(
    browser: aiohttp.ClientSession, folder: Path
) -> None:
    async with stand(Door()) as door:
        path = write(folder / "fleet.toml", table("a", door.url, token="file:token"))
        async with run(path) as gateway:
            socket = await connect(browser, gateway)
            assert (await socket.receive_json())["type"] == "status"
            door.wanted = "Bearer new"
            await until(lambda: health(gateway) is Health.REFUSES)
            assert gateway.gateway.state.condition(A).cause == "login"
            write(folder / "token", "new")  # the fleet file itself stays as it is
            await until(lambda: health(gateway) is Health.WELL)
            async with browser.get(f"{gateway.url}/servers/a/history/x") as reply:
                assert reply.status == 200
            await socket.send_str("still here")
            await until(lambda: door.hub.heard == ["still here"])
            await socket.close()


# TLS


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Pem:
    return make_pem(tmp_path_factory.mktemp("pem"))


def serving(pem: Pem, *, asks: bool = False) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem.certificate, pem.key)
    if asks:
        context.load_verify_locations(pem.authority)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


async def test_a_server_of_the_studios_own_authority_is_believed_once_the_file_says_so(
    browser: aiohttp.ClientSession, folder: Path, pem: Pem
) -> None:
    async with stand(Door(wanted=""), serving(pem)) as door:
        path = write(folder / "fleet.toml", table("a", door.url))
        async with run(path) as gateway:
            assert health(gateway) is Health.REFUSES
            assert gateway.gateway.state.condition(A).cause == "certificate"
            write(path, table("a", door.url, tls_ca=str(pem.authority)))
            await until(lambda: health(gateway) is Health.WELL)
            async with browser.get(f"{gateway.url}/servers/a/history/x") as reply:
                assert reply.status == 200
            socket = await connect(browser, gateway)
            assert (await socket.receive_json())["type"] == "status"
            await socket.close()


async def test_an_unverified_server_is_believed_whoever_it_is(folder: Path, pem: Pem) -> None:
    async with stand(Door(wanted=""), serving(pem)) as door:
        path = write(folder / "fleet.toml", table("a", door.url, tls_verify=False))
        async with run(path) as gateway:
            assert health(gateway) is Health.WELL


async def test_a_certificate_of_another_name_is_not_believed(folder: Path, pem: Pem) -> None:
    async with stand(Door(wanted=""), serving(pem)) as door:
        url = door.url.replace("127.0.0.1", "localhost")  # which the certificate does not name
        path = write(folder / "fleet.toml", table("a", url, tls_ca=str(pem.authority)))
        async with run(path) as gateway:
            assert health(gateway) is Health.REFUSES


async def test_the_gateway_shows_its_own_certificate_to_a_server_that_asks(folder: Path, pem: Pem) -> None:
    async with stand(Door(wanted=""), serving(pem, asks=True)) as door:
        known = {"tls_ca": str(pem.authority)}
        path = write(folder / "fleet.toml", table("a", door.url, **known))
        async with run(path) as gateway:
            assert health(gateway) is not Health.WELL
            own = {"tls_cert": str(pem.certificate), "tls_key": str(pem.key)}
            write(path, table("a", door.url, **known, **own))
            await until(lambda: health(gateway) is Health.WELL)
    assert any(door.peers)


async def test_what_is_under_way_goes_on_when_the_way_in_changes(
    browser: aiohttp.ClientSession, folder: Path, pem: Pem
) -> None:
    may_answer, asked = asyncio.Event(), asyncio.Event()

    class Slow(Door):
        async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
            if request.path == "/prompt":
                await request.read()
                asked.set()
                await may_answer.wait()
            return await super().answer(request)

    async with stand(Slow(wanted=""), serving(pem)) as door:
        path = write(folder / "fleet.toml", table("a", door.url, tls_verify=False))
        async with run(path) as gateway:
            sent = asyncio.ensure_future(submit(browser, gateway).__aenter__())
            await asked.wait()
            write(path, table("a", door.url, tls_ca=str(pem.authority)))
            await until(lambda: not gateway.gateway.state.fleet.servers[0].access.is_unverified)
            may_answer.set()
            reply = await sent
            assert reply.status == 200
            reply.close()
