"""The length of a session and its end: by log-out, by another gateway's log-out, by reuse of its name."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from gateway.fleet.rules import Rules
from gateway.people.accounts import Account, new_id, read_accounts, write_accounts
from gateway.people.keys import load_keys
from gateway.people.login_settings import LoginSettings
from gateway.people.sessions import DAY
from tests.integration.hub import read_all
from tests.kit.gateways import open_gateway, until
from tests.kit.studio import Client, SharedDemo, Studio, load_prompt, open_studio


@pytest.fixture
async def studio(tmp_path: Path, shared_demo: SharedDemo) -> AsyncIterator[Studio]:
    """Start a studio whose sessions can be ended one by one."""
    async with open_studio(sessions=tmp_path / "sessions", demo=shared_demo) as studio:
        yield studio


async def _status(studio: Studio, cookie: dict[str, str], path: str = "/fleet") -> int:
    stranger = await studio.open_client()
    return (await stranger.get(path, headers=cookie))[0]


async def test_log_out_ends_every_copy_of_the_cookie(studio: Studio) -> None:
    alice, other = await studio.log_in("alice"), await studio.log_in("alice")
    copied = studio.cookie_of(alice)
    assert await _status(studio, copied) == 200
    thief = await studio.open_client()
    socket = await thief.http.ws_connect(f"{thief.url}/fleet/ws", origin=thief.url, headers=copied)
    assert await alice.post("/logout", {}) == (200, {"copiesUntil": 0})
    assert await _status(studio, copied) == 401
    await read_all(socket)
    assert socket.close_code == 4401
    assert (await other.get("/fleet"))[0] == 200


async def test_log_out_reaches_other_gateways_and_survives_restart(studio: Studio, tmp_path: Path) -> None:
    keys = load_keys(studio.users.with_name("mooring.key"))
    logins = LoginSettings(keys, studio.users, tmp_path / "sessions")
    alice = await studio.log_in("alice")
    value = studio.cookie_of(alice)["Cookie"].partition("=")[2]
    for goes_first in (False, True):
        if goes_first:
            await alice.post("/logout", {})
        async with open_gateway({"a": studio.server_url}, logins=logins) as beside, aiohttp.ClientSession() as http:
            copied = Client("", beside.url, http)
            cookie = {"Cookie": f"mooring-{beside.port}={value}"}

            async def is_out(copied: Client = copied, cookie: dict[str, str] = cookie) -> bool:
                return (await copied.get("/fleet", headers=cookie))[0] == 401

            assert await is_out() is goes_first
            if not goes_first:
                await studio.log_in("bob")
                copy = await studio.open_client()
                await copy.post("/logout", {}, headers=studio.cookie_of(alice))
                await until(is_out)


async def test_session_without_file_lasts_one_day(shared_demo: SharedDemo) -> None:
    async with open_studio(Rules(session_days=30), demo=shared_demo) as studio:
        alice = await studio.log_in("alice")
        html = str((await alice.get("/"))[1])
        assert 'data-copies="yes"' in html
        status, answer = await alice.post("/logout", {})
        assert status == 200 and 0 < answer["copiesUntil"] - time.time() <= DAY
        carol = await studio.log_in("carol")
        await carol.post("/logout", {"everywhere": True})
        assert (await carol.get("/fleet"))[0] == 401


async def test_session_with_file_lasts_session_days(studio: Studio) -> None:
    client = await studio.open_client()
    body = {"name": "alice", "password": "a long enough one"}
    async with client.http.post(f"{client.url}/login", json=body, headers={"Origin": client.url}) as reply:
        cookies = reply.headers.getall("Set-Cookie")
    assert any("=alice~" in cookie and f"Max-Age={30 * int(DAY)}" in cookie for cookie in cookies)
    assert "data-copies" not in str((await client.get("/"))[1])


async def test_unwritable_log_out_is_reported(studio: Studio, tmp_path: Path) -> None:
    alice = await studio.log_in("alice")
    copied = studio.cookie_of(alice)
    lock = tmp_path / ".sessions.lock"
    lock.unlink(missing_ok=True)
    lock.mkdir()  # in place of a read-only file system, which root would not notice
    status, answer = await alice.post("/logout", {})
    assert status == 200 and answer["copiesUntil"] > time.time()
    assert await _status(studio, copied) == 401


async def test_reused_name_has_no_access_to_earlier_account(studio: Studio) -> None:
    first = await studio.log_in("alice")
    prompt_id = await first.submit()
    made = await first.made(prompt_id)
    _, uploaded = await first.upload("photo.png")
    copied = studio.cookie_of(first)

    accounts = read_accounts(studio.users)
    password = accounts.by_name["alice"].password
    write_accounts(studio.users, accounts.put(Account("alice", password, id=new_id())))

    async def is_out() -> bool:
        return await _status(studio, copied) == 401

    await until(is_out)
    second = await studio.log_in("alice")
    assert await second.get("/servers/a/history") == (200, {})
    assert (await second.get(f"/servers/a/history/{prompt_id}"))[0] == 403
    for name in (f"{uploaded['subfolder']}/{uploaded['name']}", f"{made['filename']} [output]"):
        status, answer = await second.post("/servers/a/prompt", second.body(load_prompt(name)))
        assert (status, answer["error"]["cause"]) == (403, "not-yours"), name
    _, own = await second.upload("photo.png")
    assert own["subfolder"] != uploaded["subfolder"] and own["name"] == "photo.png"
    await second.submit(load_prompt(f"{own['subfolder']}/{own['name']}"))
