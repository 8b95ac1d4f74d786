"""nginx before gateways with logged-in users: it sends pictures' bytes itself to those who may see them."""

from __future__ import annotations

import contextlib
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import pytest
from aiohttp import web

from gateway.people.keys import Keys, load_keys
from gateway.people.login_settings import LoginSettings
from gateway.people.seals import File, seal
from tests.integration.exchanges import verdict
from tests.integration.front import Front, open_front
from tests.kit.certificates import make_pem
from tests.kit.gateways import PATIENCE, serve
from tests.kit.studio import PASSWORD, Client, hash_quickly, write_users

STRAIGHT = "mooring-nginx"
BYTES = b"picture" * 1_000


@dataclass
class Server:
    """A scripted server with one file, which becomes `turns_into` before its bytes are requested."""

    etag: str = '"1"'
    turns_into: str = ""
    askers: list[tuple[str, str]] | None = None

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Serve the file as aiohttp does, with `If-Match`."""
        self.askers = [*(self.askers or ()), (request.method, request.headers["User-Agent"])]
        if request.method == "GET" and self.turns_into:
            self.etag = self.turns_into
        if request.headers.get("If-Match", self.etag) != self.etag:
            return web.Response(status=412)
        if request.headers.get("If-None-Match") == self.etag:
            return web.Response(status=304, headers={"ETag": self.etag})
        return web.Response(body=BYTES, headers={"ETag": self.etag, "Content-Type": "image/png"})


@dataclass
class NginxSetup:
    """nginx, two gateways with the same users, and the scripted server."""

    front: Front
    server: Server
    keys: Keys
    stack: contextlib.AsyncExitStack

    async def open_client(self, gateway: int | None = None) -> Client:
        """Open a client without a login, at nginx or at one of the gateways."""
        timeout = aiohttp.ClientTimeout(total=PATIENCE)
        session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True), timeout=timeout)
        url = self.front.url if gateway is None else self.front.gateways[gateway].url
        return Client("", url, await self.stack.enter_async_context(session))

    async def log_in(self) -> Client:
        """Open a client with Alice's login."""
        client = await self.open_client()
        assert (await client.post("/login", {"name": "alice", "password": PASSWORD}))[0] == 200
        return client

    def address(self, etag: str = '"1"', now: float | None = None) -> str:
        """Return a sealed address of the file."""
        file = File("a", "output", "", "made.png")
        mark = seal(self.keys, "alice", file, etag, time.time() if now is None else now)
        known = {"filename": "made.png", "subfolder": "", "type": "output", "seal": mark, "mooring": "1-2"}
        return f"{self.front.base()}/view?{urlencode(known)}"


@pytest.fixture
async def people_setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[NginxSetup]:
    hash_quickly(monkeypatch)
    users = tmp_path / "users.toml"
    write_users(users)
    logins = LoginSettings(load_keys(tmp_path / "mooring.key"), users)
    async with contextlib.AsyncExitStack() as stack:
        server = Server()
        upstream = await stack.enter_async_context(serve(server.answer))
        front = await stack.enter_async_context(open_front({"a": upstream.url}, tmp_path, gateways=2, logins=logins))
        yield NginxSetup(front, server, logins.keys, stack)


async def test_nginx_sends_a_pictures_bytes_once_a_gateway_allows_it(people_setup: NginxSetup) -> None:
    alice = await people_setup.log_in()
    async with alice.http.get(f"{alice.url}{people_setup.address()}") as reply:
        assert (reply.status, await reply.read()) == (200, BYTES)
        headers = reply.headers
    assert people_setup.server.askers == [("HEAD", "mooring-gateway"), ("GET", STRAIGHT)]
    for name, value in (
        ("Content-Type", "image/png"),
        ("Content-Disposition", "inline; filename*=UTF-8''made.png"),
        ("Content-Security-Policy", "sandbox"),
        ("X-Content-Type-Options", "nosniff"),
        ("Cache-Control", "private, no-cache"),
        ("ETag", '"1"'),
    ):
        assert headers.getall(name) == [value]
    assert "X-Mooring-Fits" not in headers
    async with alice.http.get(f"{alice.url}{people_setup.address()}", headers={"If-None-Match": '"1"'}) as reply:
        assert reply.status == 304


async def test_picture_is_refused_without_login_or_valid_seal(people_setup: NginxSetup) -> None:
    alice, stranger = await people_setup.log_in(), await people_setup.open_client()
    assert (await stranger.get(people_setup.address()))[0] == 401
    spoofed = {
        "X-Mooring-Hand-Over": people_setup.front.base().removeprefix("/servers/"),
        "X-Forwarded-For": "127.0.0.1",
    }
    assert (await stranger.get(people_setup.address(), headers=spoofed))[0] == 401
    headers = {"Sec-Fetch-Mode": "navigate"}
    async with stranger.http.get(
        f"{stranger.url}{people_setup.address()}", headers=headers, allow_redirects=False
    ) as reply:
        assert (reply.status, reply.headers["Location"].partition("?")[0]) == (303, "/login")
    for address, wanted in (
        (f"{people_setup.front.base()}/view?filename=made.png&type=output&subfolder=", (403, "not-yours; sent=no")),
        (people_setup.address().replace("made.png", "other.png"), (403, "not-yours; sent=no")),
        (people_setup.address(now=1.0), (410, "link-expired; sent=no")),
        (people_setup.address(etag='"0"'), (410, "picture-changed; sent=no")),
        (people_setup.address().replace("/servers/a@", "/@server/a@"), (404, "not-listed; sent=no")),
    ):
        async with alice.http.get(f"{alice.url}{address}") as reply:
            assert verdict(reply) == wanted, address
    assert ("GET", STRAIGHT) not in (people_setup.server.askers or ())


async def test_file_replaced_between_check_and_bytes_is_refused(people_setup: NginxSetup) -> None:
    alice = await people_setup.log_in()
    people_setup.server.turns_into = '"2"'
    async with alice.http.get(f"{alice.url}{people_setup.address()}") as reply:
        assert verdict(reply) == (410, "picture-changed; sent=no")
    assert people_setup.server.askers == [("HEAD", "mooring-gateway"), ("GET", STRAIGHT)]


async def test_weak_etag_passes_through_the_gateway(people_setup: NginxSetup) -> None:
    alice = await people_setup.log_in()
    people_setup.server.etag = 'W/"1"'
    assert await alice.get(people_setup.address(etag='W/"1"')) == (200, BYTES)
    assert ("GET", STRAIGHT) not in (people_setup.server.askers or ())


async def test_session_is_known_to_every_gateway(people_setup: NginxSetup) -> None:
    """A gateway believes the header from a proxy's address, which all processes of one machine share."""
    alice = await people_setup.log_in()
    cookies = alice.http.cookie_jar.filter_cookies(aiohttp.client.URL(alice.url))
    own = {name: morsel.value for name, morsel in cookies.items()}
    assert set(own) == {f"mooring-{people_setup.front.port}"}, "a session belongs to the address that users open"
    for gateway in people_setup.front.gateways:
        headers = {"Host": alice.url.removeprefix("http://"), "Cookie": "; ".join(f"{k}={v}" for k, v in own.items())}
        async with aiohttp.request("GET", f"{gateway.url}/fleet", headers=headers) as reply:
            assert (reply.status, (await reply.json())["person"]) == (200, "alice"), "every gateway knows it"


async def test_page_and_user_data_come_from_the_gateway(people_setup: NginxSetup) -> None:
    stranger = await people_setup.open_client()
    async with stranger.http.get(f"{stranger.url}/", allow_redirects=False) as reply:
        assert (reply.status, reply.headers["Location"]) == (303, "/login")
    for path in (
        "/fleet",
        f"{people_setup.front.base()}/queue",
        f"{people_setup.front.base()}/object_info",
        "/static/js/boot.mjs",
    ):
        assert (await stranger.get(path))[0] == 401, path
    async with stranger.http.get(f"{stranger.url}/b/{people_setup.front.build}/static/js/a.js") as reply:
        assert reply.status == 200, "the page's files are public"
    alice = await people_setup.log_in()
    async with alice.http.get(f"{alice.url}/") as reply:
        assert 'data-person="alice"' in await reply.text()
    people_setup.server.askers = None
    await alice.get(f"{people_setup.front.base()}/queue")
    assert STRAIGHT not in [asker for _, asker in people_setup.server.askers or ()]


async def test_session_cookie_is_secure_behind_https(tmp_path: Path) -> None:
    write_users(tmp_path / "users.toml")
    logins, pem = LoginSettings(load_keys(tmp_path / "mooring.key"), tmp_path / "users.toml"), make_pem(tmp_path)
    context = ssl.create_default_context(cafile=str(pem.authority))
    async with (
        serve(Server().answer) as upstream,
        open_front({"a": upstream.url}, tmp_path, gateways=2, logins=logins, pem=pem) as front,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as http,
    ):
        body, own = {"name": "alice", "password": PASSWORD}, {"Origin": front.url}
        async with http.post(f"{front.url}/login", json=body, headers=own) as reply:
            assert reply.status == 200
            set_cookie = reply.headers["Set-Cookie"]
        assert set_cookie.startswith("__Host-mooring=") and "; Secure" in set_cookie
        cookie = {"Cookie": set_cookie.partition(";")[0]}
        async with http.get(f"{front.url}/", headers=cookie) as reply:
            assert 'data-person="alice"' in await reply.text()
            assert f"wss://127.0.0.1:{front.port};" in reply.headers["Content-Security-Policy"]
        for socket in ("/fleet/ws", f"{front.base()}/ws?clientId=w"):
            opened = await http.ws_connect(f"{front.url}{socket}", headers=cookie, origin=front.url)
            await opened.close()
        plain = front.url.replace("https", "http")
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await http.ws_connect(f"{front.url}/fleet/ws", headers=cookie, origin=plain)


async def test_password_guessing_is_throttled_by_nginxs_client_address(people_setup: NginxSetup) -> None:
    client = await people_setup.open_client()
    statuses: list[int] = []
    while 429 not in statuses and len(statuses) < 40:  # waits double, so even a slow machine reaches one
        spoofed = {"X-Forwarded-For": f"10.0.0.{len(statuses)}", "Forwarded": f"for=10.0.0.{len(statuses)}"}
        statuses.append((await client.post("/login", {"name": "alice", "password": "wrong"}, headers=spoofed))[0])
    assert set(statuses[:5]) == {401} and 429 in statuses, "each gateway counts by itself"
