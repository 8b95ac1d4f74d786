"""nginx before gateways whose people are told apart: pictures' bytes pass straight to whoever may have them."""

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
from gateway.people.people import People
from gateway.people.seals import File, seal
from tests.certificates import make_pem
from tests.integration.exchanges import verdict
from tests.integration.front import Front, open_front
from tests.integration.rig import PATIENCE, serve
from tests.integration.studio import PASSWORD, Guest, write_users

STRAIGHT = "mooring-nginx"
BYTES = b"picture" * 1_000


@dataclass
class Server:
    """A scripted server's one file. `turns_into` is what it is by the time that its bytes are asked for."""

    etag: str = '"1"'
    turns_into: str = ""
    askers: list[tuple[str, str]] | None = None

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """As aiohttp serves a file, `If-Match` and all."""
        self.askers = [*(self.askers or ()), (request.method, request.headers["User-Agent"])]
        if request.method == "GET" and self.turns_into:
            self.etag = self.turns_into
        if request.headers.get("If-Match", self.etag) != self.etag:
            return web.Response(status=412)
        if request.headers.get("If-None-Match") == self.etag:
            return web.Response(status=304, headers={"ETag": self.etag})
        return web.Response(body=BYTES, headers={"ETag": self.etag, "Content-Type": "image/png"})


@dataclass
class House:
    """nginx, two gateways with the same people, and the scripted server."""

    front: Front
    server: Server
    keys: Keys
    stack: contextlib.AsyncExitStack

    async def browser(self, gateway: int | None = None) -> Guest:
        """A browser in which nobody is logged in; at a gateway itself, if one is named."""
        timeout = aiohttp.ClientTimeout(total=PATIENCE)
        session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True), timeout=timeout)
        url = self.front.url if gateway is None else self.front.gateways[gateway].url
        return Guest("", url, await self.stack.enter_async_context(session))

    async def enter(self) -> Guest:
        """A browser of Alice, who has logged in."""
        guest = await self.browser()
        assert (await guest.post("/login", {"name": "alice", "password": PASSWORD}))[0] == 200
        return guest

    def address(self, etag: str = '"1"', now: float | None = None, **more: str) -> str:
        """A sealed address of the file."""
        file = File("a", "output", "", "made.png")
        mark = seal(self.keys, "alice", file, etag, time.time() if now is None else now)
        known = {"filename": "made.png", "type": "output", "subfolder": "", "seal": mark, **more, "mooring": "1-2"}
        return f"{self.front.base()}/view?{urlencode(known)}"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    users = tmp_path / "users.toml"
    write_users(users)
    people = People(load_keys(tmp_path / "mooring.key"), users)
    async with contextlib.AsyncExitStack() as stack:
        server = Server()
        upstream = await stack.enter_async_context(serve(server.answer))
        front = await stack.enter_async_context(open_front({"a": upstream.url}, tmp_path, gateways=2, people=people))
        yield House(front, server, people.keys, stack)


async def test_a_pictures_bytes_pass_straight_once_a_gateway_has_let_them(house: House) -> None:
    alice = await house.enter()
    async with alice.http.get(f"{alice.url}{house.address()}") as reply:
        assert (reply.status, await reply.read()) == (200, BYTES)
        told = reply.headers
    assert house.server.askers == [("HEAD", "mooring-gateway"), ("GET", STRAIGHT)]
    for name, value in (
        ("Content-Type", "image/png"),
        ("Content-Disposition", "inline; filename*=UTF-8''made.png"),
        ("Content-Security-Policy", "sandbox"),
        ("X-Content-Type-Options", "nosniff"),
        ("Cache-Control", "private, no-cache"),
        ("ETag", '"1"'),
    ):
        assert told.getall(name) == [value]
    assert "X-Mooring-Fits" not in told
    async with alice.http.get(f"{alice.url}{house.address()}", headers={"If-None-Match": '"1"'}) as reply:
        assert reply.status == 304


async def test_nobody_else_gets_them(house: House) -> None:
    alice, stranger = await house.enter(), await house.browser()
    assert (await stranger.get(house.address()))[0] == 401
    spoofed = {"X-Mooring-Hand-Over": house.front.base().removeprefix("/servers/"), "X-Forwarded-For": "127.0.0.1"}
    assert (await stranger.get(house.address(), headers=spoofed))[0] == 401
    headers = {"Sec-Fetch-Mode": "navigate"}
    async with stranger.http.get(f"{stranger.url}{house.address()}", headers=headers, allow_redirects=False) as reply:
        assert (reply.status, reply.headers["Location"].partition("?")[0]) == (303, "/login")
    for address, wanted in (
        (f"{house.front.base()}/view?filename=made.png&type=output&subfolder=", (403, "not-yours; sent=no")),
        (house.address().replace("made.png", "other.png"), (403, "not-yours; sent=no")),
        (house.address(now=1.0), (410, "link-expired; sent=no")),
        (house.address(etag='"0"'), (410, "picture-changed; sent=no")),
        (house.address().replace("/servers/a@", "/@server/a@"), (404, "not-listed; sent=no")),
    ):
        async with alice.http.get(f"{alice.url}{address}") as reply:
            assert verdict(reply) == wanted, address
    assert ("GET", STRAIGHT) not in (house.server.askers or ())


async def test_a_file_that_becomes_another_between_the_look_and_the_bytes_is_refused(house: House) -> None:
    alice = await house.enter()
    house.server.turns_into = '"2"'
    async with alice.http.get(f"{alice.url}{house.address()}") as reply:
        assert verdict(reply) == (410, "picture-changed; sent=no")
    assert house.server.askers == [("HEAD", "mooring-gateway"), ("GET", STRAIGHT)]


async def test_what_nginx_could_not_compare_passes_through_the_gateway(house: House) -> None:
    alice = await house.enter()
    house.server.etag = 'W/"1"'
    assert await alice.get(house.address(etag='W/"1"')) == (200, BYTES)
    house.server.etag = '"1"'
    assert await alice.get(house.address(preview="webp;90")) == (200, BYTES)
    assert ("GET", STRAIGHT) not in (house.server.askers or ())


async def test_who_is_at_a_gateway_itself_hands_nothing_over_to_themselves(house: House) -> None:
    """The header is believed from a proxy's address, which on one machine is everybody's; the answer has no bytes."""
    alice = await house.enter()
    cookies = alice.http.cookie_jar.filter_cookies(aiohttp.client.URL(alice.url))
    own = {name: morsel.value for name, morsel in cookies.items()}
    assert set(own) == {f"mooring-{house.front.port}"}, "a session belongs to the address that people open"
    for gateway in house.front.gateways:
        headers = {"Host": alice.url.removeprefix("http://"), "Cookie": "; ".join(f"{k}={v}" for k, v in own.items())}
        async with aiohttp.request("GET", f"{gateway.url}/fleet", headers=headers) as reply:
            assert (reply.status, (await reply.json())["person"]) == (200, "alice"), "every gateway knows it"


async def test_the_page_and_all_that_is_told_of_people_is_the_gateways(house: House) -> None:
    stranger = await house.browser()
    async with stranger.http.get(f"{stranger.url}/", allow_redirects=False) as reply:
        assert (reply.status, reply.headers["Location"]) == (303, "/login")
    for path in ("/fleet", f"{house.front.base()}/queue", f"{house.front.base()}/object_info", "/static/js/boot.mjs"):
        assert (await stranger.get(path))[0] == 401, path
    async with stranger.http.get(f"{stranger.url}/b/{house.front.build}/static/js/a.js") as reply:
        assert reply.status == 200, "what the page is made of is nobody's secret"
    alice = await house.enter()
    async with alice.http.get(f"{alice.url}/") as reply:
        assert 'data-person="alice"' in await reply.text()
    house.server.askers = None
    await alice.get(f"{house.front.base()}/queue")
    assert STRAIGHT not in [asker for _, asker in house.server.askers or ()]


async def test_behind_https_a_browser_itself_guards_the_session(tmp_path: Path) -> None:
    write_users(tmp_path / "users.toml")
    people, pem = People(load_keys(tmp_path / "mooring.key"), tmp_path / "users.toml"), make_pem(tmp_path)
    context = ssl.create_default_context(cafile=str(pem.authority))
    async with (
        serve(Server().answer) as upstream,
        open_front({"a": upstream.url}, tmp_path, gateways=2, people=people, pem=pem) as front,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as http,
    ):
        body, own = {"name": "alice", "password": PASSWORD}, {"Origin": front.url}
        async with http.post(f"{front.url}/login", json=body, headers=own) as reply:
            assert reply.status == 200
            told = reply.headers["Set-Cookie"]
        assert told.startswith("__Host-mooring=") and "; Secure" in told
        cookie = {"Cookie": told.partition(";")[0]}
        async with http.get(f"{front.url}/", headers=cookie) as reply:
            assert 'data-person="alice"' in await reply.text()
            assert f"wss://127.0.0.1:{front.port};" in reply.headers["Content-Security-Policy"]
        for socket in ("/fleet/ws", f"{front.base()}/ws?clientId=w"):
            opened = await http.ws_connect(f"{front.url}{socket}", headers=cookie, origin=front.url)
            await opened.close()
        plain = front.url.replace("https", "http")
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await http.ws_connect(f"{front.url}/fleet/ws", headers=cookie, origin=plain)


async def test_guessing_is_held_off_by_the_address_that_nginx_saw(house: House) -> None:
    guest = await house.browser()
    statuses: list[int] = []
    while 429 not in statuses and len(statuses) < 40:  # waits double, so even a slow machine reaches one
        spoofed = {"X-Forwarded-For": f"10.0.0.{len(statuses)}", "Forwarded": f"for=10.0.0.{len(statuses)}"}
        statuses.append((await guest.post("/login", {"name": "alice", "password": "wrong"}, headers=spoofed))[0])
    assert set(statuses[:5]) == {401} and 429 in statuses, "each gateway counts by itself"
