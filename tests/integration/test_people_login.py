"""Access to the gateway: login, sessions, a trusted proxy, and replaced keys."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from gateway.fleet.rules import Rules
from gateway.page.home_screen import DRAWN_ICONS, ICONS, TOUCH_ICON
from gateway.page.tree import LOGIN_STYLES
from gateway.people.accounts import read_accounts, write_accounts
from gateway.people.keys import load_keys, renew_keys
from gateway.people.login_settings import LoginSettings
from tests.integration.hub import read_all
from tests.kit.gateways import open_gateway, serve, until
from tests.kit.studio import PASSWORD, Client, Studio, slow_prompt, write_users

ROUTES = [
    "/fleet",
    "/fleet/loads",
    "/fleet/stats",
    "/workflows",
    "/servers/a/queue",
    "/servers/a/history",
    "/servers/a/system_stats",
    "/servers/a/view?filename=x.png",
    "/static/js/boot.mjs",
    "/app/main.py",
    "/metrics",
    "/catalogues/" + "0" * 64,
]


async def test_nothing_is_served_without_a_login(studio: Studio) -> None:
    stranger = await studio.open_client()
    for path in ROUTES:
        status, answer = await stranger.get(path)
        assert (status, answer["error"]["cause"]) == (401, "not-logged-in"), path
    async with stranger.http.get(f"{stranger.url}/", allow_redirects=False) as reply:
        assert (reply.status, reply.headers["Location"]) == (303, "/login")
    async with stranger.http.get(f"{stranger.url}/login") as reply:
        named = re.findall(r'(?:href|src)="([^"]+)"', await reply.text())
    assert f"/{LOGIN_STYLES}" in named
    for path in named:
        assert (await stranger.get(path))[0] == 200, path
    for socket in ("/fleet/ws", "/servers/a/ws?clientId=x"):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await stranger.http.ws_connect(f"{stranger.url}{socket}", origin=stranger.url)
        assert refused.value.status == 401


async def test_page_of_a_user_is_stored_nowhere(studio: Studio) -> None:
    alice = await studio.log_in("alice")
    async with alice.http.get(f"{alice.url}/") as reply:
        assert (reply.status, reply.headers["Cache-Control"]) == (200, "private, no-store")
        assert "ETag" not in reply.headers


async def test_worker_and_icons_need_no_login(studio: Studio) -> None:
    """Browsers fetch icons without cookies, and a worker must be replaceable after the log-out."""
    stranger = await studio.open_client()
    for path in ("/worker.js", "/manifest.webmanifest", *(f"/{icon}" for icon in (*ICONS, *DRAWN_ICONS))):
        assert (await stranger.get(path))[0] == 200, path
    async with stranger.http.get(f"{stranger.url}/worker.js") as reply:
        home = re.findall(r'const HOME = "([^"]*)"', await reply.text())[0]
    assert (await stranger.get(f"{home}{TOUCH_ICON}"))[0] == 200
    assert (await stranger.get(f"{home}static/home/away.html"))[0] == 401


async def test_login_gives_access_and_logout_ends_it(studio: Studio) -> None:
    alice = await studio.log_in("alice")
    assert (await alice.get("/fleet"))[0] == 200
    async with alice.http.get(f"{alice.url}/login", allow_redirects=False) as reply:
        assert (reply.status, reply.headers["Location"]) == (303, "/")
    assert (await alice.post("/logout", {}))[0] == 200
    assert (await alice.get("/fleet"))[0] == 401


async def test_session_cookie_is_hidden_from_scripts(studio: Studio) -> None:
    client = await studio.open_client()
    body = {"name": "Alice ", "password": PASSWORD}
    async with client.http.post(f"{client.url}/login", json=body, headers={"Origin": client.url}) as reply:
        cookie = reply.headers["Set-Cookie"]
    assert cookie.startswith(f"mooring-{studio.gateway.port}=alice~")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}


@pytest.mark.parametrize(
    ("name", "password"), [("alice", "wrong one here"), ("nobody", PASSWORD), ("alice", ""), ("", PASSWORD)]
)
async def test_wrong_login_reveals_nothing(studio: Studio, name: str, password: str) -> None:
    client = await studio.open_client()
    status, answer = await client.post("/login", {"name": name, "password": password})
    assert (status, answer["error"]["cause"]) == (401, "wrong-login")
    assert answer["error"]["message"] == "The name or the password is wrong."


async def test_password_guessing_is_throttled_and_others_can_log_in(studio: Studio) -> None:
    client = await studio.open_client()
    answers = [await client.post("/login", {"name": "alice", "password": f"guess {n} guess"}) for n in range(8)]
    assert [status for status, _ in answers[:5]] == [401] * 5
    assert answers[-1][0] == 429
    assert (await client.post("/login", {"name": "alice", "password": PASSWORD}))[0] == 429
    await studio.log_in("bob")


async def test_simultaneous_guesses_are_throttled(studio: Studio) -> None:
    client = await studio.open_client()
    guesses = [client.post("/login", {"name": "alice", "password": f"guess {n} guess"}) for n in range(30)]
    statuses = [status for status, _ in await asyncio.gather(*guesses)]
    assert statuses.count(401) <= 6 and set(statuses) == {401, 429}


@pytest.mark.parametrize("origin", ["http://evil.example", "null", None])
async def test_login_from_another_site_is_refused(studio: Studio, origin: str | None) -> None:
    client = await studio.open_client()
    headers = {} if origin is None else {"Origin": origin}
    status, answer = await client.ask("POST", "/login", json={"name": "alice", "password": PASSWORD}, headers=headers)
    assert (status, answer["error"]["cause"]) == (403, "bad-origin")


async def test_forged_session_is_refused(studio: Studio) -> None:
    alice = await studio.log_in("alice")
    name = f"mooring-{studio.gateway.port}"
    [value] = [cookie.value for cookie in alice.http.cookie_jar if cookie.key == name]
    for forged in (
        value.replace("alice", "carol"),
        value.replace("~", "~0", 1),
        value[:-1] + ("0" if value[-1] != "0" else "1"),
        "alice~0~9999999999~" + "0" * 64,
        "alice",
        "",
    ):
        stranger = await studio.open_client()
        headers = {"Cookie": f"{name}={forged}"}
        assert (await stranger.get("/fleet", headers=headers))[0] == 401, forged
    kept = await studio.open_client()
    assert (await kept.get("/fleet", headers={"Cookie": f"{name}={value}"}))[0] == 200


async def test_log_out_everywhere_ends_every_session_and_socket(studio: Studio) -> None:
    here, there, bob = await studio.log_in("alice"), await studio.log_in("alice"), await studio.log_in("bob")
    socket = await there.http.ws_connect(f"{there.url}/servers/a/ws?clientId=w", origin=there.url)
    fleet = await there.http.ws_connect(f"{there.url}/fleet/ws", origin=there.url)
    others = await bob.http.ws_connect(f"{bob.url}/fleet/ws", origin=bob.url)
    await socket.receive()
    assert (await here.post("/logout", {"everywhere": True}))[0] == 200
    assert (await there.get("/fleet"))[0] == 401
    for one in (socket, fleet):
        await read_all(one)
        assert one.close_code == 4401
    assert not others.closed and (await bob.get("/fleet"))[0] == 200
    assert (await studio.log_in("alice")).name == "alice"


async def test_read_only_gateway_says_who_can_log_out_everywhere(studio: Studio) -> None:
    alice = await studio.log_in("alice")
    lock = studio.users.with_name(f".{studio.users.name}.lock")
    lock.unlink(missing_ok=True)
    lock.mkdir()  # in place of a read-only file system, which root would not notice
    try:
        status, answer = await alice.post("/logout", {"everywhere": True})
    finally:
        lock.rmdir()
    assert (status, answer["error"]["cause"]) == (403, "not-allowed")
    assert "serve.py user logout alice" in answer["error"]["message"]
    assert (await alice.get("/fleet"))[0] == 200 and (await alice.post("/logout", {}))[0] == 200


async def test_changed_users_file_takes_effect(studio: Studio) -> None:
    alice = await studio.log_in("alice")
    accounts = read_accounts(studio.users)
    write_accounts(studio.users, accounts.without("alice"))
    await until(lambda: _status_is(alice, 401))
    studio.users.write_text("[[user]]\nname = 3\n")
    bob = await studio.log_in("bob")
    assert (await bob.get("/fleet"))[0] == 200


async def test_actions_that_affect_all_users_need_the_role(studio: Studio) -> None:
    alice, carol = await studio.log_in("alice"), await studio.log_in("carol")
    for path, body in (("drain", {"drain": True}), ("free", {}), ("cancel", {"prompt_id": "x"})):
        status, answer = await alice.post(f"/fleet/servers/a/{path}", body)
        assert (status, answer["error"]["cause"]) == (403, "not-allowed"), path
    assert (await alice.get("/fleet/servers/a/queue"))[0] == 403
    assert (await carol.post("/fleet/servers/a/free", {}))[0] == 200
    assert (await carol.get("/fleet/servers/a/queue")) == (200, {"rows": []})


async def test_role_to_run_the_fleet_allows_draining(studio: Studio) -> None:
    carol = await studio.log_in("carol")
    for wanted in (True, False):
        assert await carol.post("/fleet/servers/a/drain", {"drain": wanted}) == (200, {"drain": wanted})
        _, answer = await carol.get("/fleet")
        assert answer["servers"][0]["drained"] is wanted
    assert (await carol.post("/fleet/servers/a/drain", {"drain": 1}))[0] == 400


async def test_role_to_run_the_fleet_shows_and_cancels_others_work(studio: Studio) -> None:
    alice, carol = await studio.log_in("alice"), await studio.log_in("carol")
    first, second = await alice.submit(slow_prompt(1)), await alice.submit(slow_prompt(2))
    _, answer = await carol.get("/fleet/servers/a/queue")
    assert {(row["prompt_id"], row["name"]) for row in answer["rows"]} == {(first, "alice"), (second, "alice")}
    for prompt_id in (second, first):
        assert (await carol.post("/fleet/servers/a/cancel", {"prompt_id": prompt_id}))[0] == 200
    await until(studio.is_idle)


async def test_replaced_key_keeps_sessions(tmp_path: Path) -> None:
    key, users = tmp_path / "mooring.key", tmp_path / "users.toml"
    write_users(users)
    jar = aiohttp.CookieJar(unsafe=True)
    async with serve() as upstream, aiohttp.ClientSession(cookie_jar=jar) as http:
        async with open_gateway({"a": upstream.url}, logins=LoginSettings(load_keys(key), users)) as gateway:
            client = Client("alice", gateway.url, http)
            await client.post("/login", {"name": "alice", "password": PASSWORD})
            cookies = {cookie.key: cookie.value for cookie in http.cookie_jar}
        statuses = []
        for _ in range(2):
            renew_keys(key)
            async with open_gateway({"a": upstream.url}, logins=LoginSettings(load_keys(key), users)) as gateway:
                name = f"mooring-{gateway.port}"
                async with aiohttp.ClientSession() as bare:
                    headers = {"Cookie": f"{name}={next(iter(cookies.values()))}"}
                    async with bare.get(f"{gateway.url}/fleet", headers=headers) as reply:
                        statuses.append(reply.status)
    assert statuses == [200, 401]


@contextlib.asynccontextmanager
async def _behind_proxy(tmp_path: Path, peers: str) -> AsyncIterator[Client]:
    rules = Rules(trusted_header="X-Forwarded-User", trusted_peers=(ipaddress.ip_network(peers),))
    logins = LoginSettings(load_keys(tmp_path / "mooring.key"), None)
    async with (
        serve() as upstream,
        open_gateway({"a": upstream.url}, logins=logins, rules=rules) as gateway,
        aiohttp.ClientSession() as http,
    ):
        yield Client("", gateway.url, http)


async def test_trusted_proxy_names_the_user(tmp_path: Path) -> None:
    async with _behind_proxy(tmp_path, "127.0.0.1") as client:
        assert (await client.get("/fleet", headers={"X-Forwarded-User": "Dora@studio.lan"}))[0] == 200
        for wrong in ({}, {"X-Forwarded-User": ""}, {"X-Forwarded-User": "../x"}):
            assert (await client.get("/fleet", headers=wrong))[0] == 401, wrong
        async with client.http.get(f"{client.url}/", headers={"X-Forwarded-User": "dora"}) as reply:
            assert 'data-person="dora"' in await reply.text()


async def test_page_knows_its_user_and_their_role(studio: Studio) -> None:
    for name, runs in (("alice", False), ("carol", True)):
        client = await studio.log_in(name)
        html = str((await client.get("/"))[1])
        assert f'data-person="{name}"' in html and 'data-login="yes"' in html
        assert ('data-admin="yes"' in html) is runs
        assert (await client.get("/fleet"))[1]["person"] == name
        async with client.http.ws_connect(f"{client.url}/fleet/ws", origin=client.url) as socket:
            assert json.loads((await socket.receive()).data)["person"] == name


async def test_login_proxy_page_offers_no_log_out(tmp_path: Path) -> None:
    async with (
        _behind_proxy(tmp_path, "127.0.0.1") as client,
        client.http.get(f"{client.url}/", headers={"X-Forwarded-User": "dora"}) as reply,
    ):
        html = await reply.text()
    assert 'data-person="dora"' in html and "data-login" not in html


async def test_page_of_another_user_is_refused(studio: Studio) -> None:
    """Bob logs in while a page of Alice's is open in the same browser: all requests of that page are refused."""
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    html = str((await alice.get("/"))[1])
    store = html.partition('data-store="')[2].partition('"')[0]
    of_alice = {"X-Mooring-Page": store, "Origin": bob.url}
    status, answer = await bob.post("/servers/a/prompt", bob.body(), headers=of_alice)
    assert (status, answer["error"]["cause"]) == (401, "other-person")
    for page in (store, "nobody", ""):
        status, answer = await bob.get("/servers/a/queue", headers={"X-Mooring-Page": page})
        assert (status, answer["error"]["cause"]) == (401, "other-person"), page
    assert await studio.queued() == []
    assert (await alice.get("/servers/a/queue", headers={"X-Mooring-Page": store}))[0] == 200
    assert (await bob.get("/servers/a/queue"))[0] == 200


async def test_untrusted_peer_cannot_name_the_user(tmp_path: Path) -> None:
    async with _behind_proxy(tmp_path, "192.0.2.7") as client:
        assert (await client.get("/fleet", headers={"X-Forwarded-User": "dora"}))[0] == 401


async def _status_is(client: Client, status: int) -> bool:
    return (await client.get("/fleet"))[0] == status
